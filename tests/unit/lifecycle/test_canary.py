"""What takes a challenger back, and what its stage lacks yet."""

import numpy as np
import pytest

from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.lifecycle.canary import (
    PromisedBands,
    StageDone,
    bands_of,
    harm_of,
    is_overdue,
    missing_of,
)

LADDER = LadderSettings()
BANDS = PromisedBands(-0.001, 0.05)
CALM = StageDone("canary", 20, np.full(40, 4.0), 40, 0, 0.01, np.full(20, 0.001))


def test_a_calm_canary_does_no_harm_and_lacks_nothing() -> None:
    assert (harm_of(CALM, BANDS, LADDER), missing_of(CALM, LADDER)) == ((), ())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"halts": 1}, "halted 1 times"),
        ({"lost": 0.06}, "lost 6.00% of its capital, more than 5.00%"),
        ({"shortfalls_bps": np.full(300, 120.0)}, "cost 120.0 bps on average"),
        ({"shortfalls_bps": np.array([3.0, 250.0])}, "a fill cost 250.0 bps"),
        ({"rejected": 8}, "8 of 40 orders were rejected"),
        ({"returns": np.full(40, -0.02)}, "below the band"),
    ],
)
def test_harm_is_told_with_its_numbers(change: dict[str, object], words: str) -> None:
    (sentence,) = harm_of(CALM._replace(**change), BANDS, LADDER)
    assert words in sentence


def test_execution_takes_no_shadow_back() -> None:
    shadow = CALM._replace(stage="shadow", shortfalls_bps=np.full(300, 120.0), rejected=8)
    assert harm_of(shadow, BANDS, LADDER) == ()


def test_one_gain_does_not_hide_what_fills_cost() -> None:
    """A fill far better than its arrival price is cut: it helps no more than the worst one allowed."""
    costs = np.full(600, 90.0)
    costs[::50] = -5_000.0
    assert harm_of(CALM._replace(shortfalls_bps=costs), BANDS, LADDER) != ()


@pytest.mark.parametrize(("days", "fills", "n"), [(13, 40, 1), (14, 29, 1), (3, 0, 2), (14, 30, 0)])
def test_a_canary_ends_by_fills_and_days(days: int, fills: int, n: int) -> None:
    assert len(missing_of(CALM._replace(days=days, shortfalls_bps=np.zeros(fills)), LADDER)) == n


def test_a_person_decides_on_a_canary_that_does_not_end() -> None:
    assert [is_overdue(CALM._replace(days=days), LADDER) for days in (59, 60)] == [False, True]


def test_bands_lie_below_what_a_record_promised_and_short_records_promise_none() -> None:
    promised = np.random.default_rng(2).normal(0.002, 0.01, 300)
    bands = bands_of(promised, 0.05)
    assert bands is not None
    assert bands.lowest_mean < promised.mean() < bands.most
    assert bands_of(promised[:29], 0.05) is None
    assert bands_of(np.zeros(300), 0.05) is None
