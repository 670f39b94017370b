"""Which funding slots are missing while something is held."""

import numpy as np
import pytest

from quant_pipelines.core.funding import FundingSeries, no_funding
from quant_pipelines.core.known_funding import KnownFunding, all_known, known_while_held
from quant_pipelines.core.timeframes import HOUR_MS


def known(slots: list[int], *held: tuple[int, int]) -> KnownFunding:
    """What is known of positions held between hours, with payments at these hours."""
    ts = HOUR_MS * np.array(slots, dtype=np.int64)
    return known_while_held(FundingSeries(ts, ts / 1e18, ts / 1e6), HOUR_MS * np.array(held, dtype=np.int64))


@pytest.mark.parametrize(
    ("slots", "held", "share", "missing"),
    [
        ([0, 8, 16, 24], (1, 24), 1.0, 0),
        ([0, 8, 16, 24], (1, 31), 1.0, 0),  # the next slot is not due before it is closed
        ([0, 8, 16, 24], (1, 32), 23 / 31, 1),  # closed at a slot: it pays it
        ([0, 8, 16, 24], (8, 56), 16 / 48, 4),
        ([0, 8, 32, 40], (8, 32), 8 / 24, 2),  # hours 16 and 24
        ([0, 8, 32, 40], (24, 40), 1.0, 0),  # opened at a slot: it does not pay it
        ([16, 24, 32], (4, 32), 24 / 28, 1),  # hour 8
        ([0, 8, 16, 20, 24, 25, 26], (0, 26), 1.0, 0),  # the interval changes
        ([0, 1, 2, 6, 7, 8], (0, 8), 5 / 8, 3),
        ([0], (0, 24), 0.0, 3),
    ],
)
def test_share_and_missing_slots(slots: list[int], held: tuple[int, int], share: float, missing: int) -> None:
    found = known(slots, held)
    assert (found.share, found.n_missing) == (pytest.approx(share), missing)


def test_only_time_that_was_held_counts() -> None:
    found = known([0, 8, 32, 40], (0, 8), (33, 40))
    assert (found.held_ms, found.share, found.missing) == (15 * HOUR_MS, 1.0, "")


def test_without_any_slot_nothing_is_known_and_without_a_position_nothing_is_missing() -> None:
    held = HOUR_MS * np.array([[0, 10]])
    assert known_while_held(no_funding(), held) == KnownFunding(10 * HOUR_MS)
    assert known_while_held(no_funding(), held).share == 0.0
    assert known_while_held(no_funding(), held[:0]).share == 1.0


def test_several_positions_are_joined() -> None:
    joined = all_known([known([0, 8, 32, 40], (0, 40)), known([0, 8, 16], (0, 16)), KnownFunding()])
    assert (joined.n_missing, joined.share) == (2, pytest.approx((40 - 16 + 16) / 56))
    assert joined.missing == "2 slots from 1970-01-01 16:00 to 1970-01-02 00:00"
