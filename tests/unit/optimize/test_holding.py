"""How long was held: round trips, and what is held still."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.holding import HeldSpan, holdings_of, longest_holding_days

TRADE = {"entry_time": 0, "exit_time": DAY_MS + 1}


def carried(entered_days: int, until_days: int, side: float = 1.0) -> dict[str, object]:
    trade = {"side": side, "entry_ts": entered_days * DAY_MS}
    return {"account": {"books": [{"trade": trade, "until_ms": until_days * DAY_MS}]}}


@pytest.mark.parametrize(
    ("left", "days"),
    [(None, 2), (carried(1, 9), 8), (carried(1, 9, side=-1.0), 8), (carried(1, 9, side=0.0), 2)],
)
def test_what_was_never_closed_counts_for_as_long_as_it_is_held(
    left: dict[str, object] | None, days: int
) -> None:
    record = OutOfSample(DAY_MS * np.arange(9), np.zeros(9), (TRADE,), carried=left)
    assert longest_holding_days(holdings_of(record), 9 * DAY_MS) == days


def test_whoever_holds_nothing_holds_for_a_day() -> None:
    assert longest_holding_days([], DAY_MS) == 1


held = st.builds(lambda begin, length: HeldSpan(begin, begin + length), *[st.integers(0, 50 * DAY_MS)] * 2)


@given(st.lists(held), st.integers(0, 60))
def test_what_comes_after_a_day_changes_nothing_of_what_was_held_by_then(
    holdings: list[HeldSpan], day: int
) -> None:
    known = [
        one._replace(left_ms=min(one.left_ms, day * DAY_MS))
        for one in holdings
        if one.entered_ms < day * DAY_MS
    ]
    assert longest_holding_days(holdings, day * DAY_MS) == longest_holding_days(known, day * DAY_MS)
