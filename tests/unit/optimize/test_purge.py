"""A train window ends before what was held in it could still be held in the test window."""

from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.objectives import rank_by
from quant_pipelines.optimize.purge import purged
from quant_pipelines.optimize.space import Parameters
from tests.unit.optimize.test_walk_forward import KnownMarket

FOLD = Fold(3, 0, 20 * DAY_MS - 4 * HOUR_MS, 20 * DAY_MS, 25 * DAY_MS)
SETS: list[Parameters] = [{"window": 5}, {"window": 6}]


class Holds(KnownMarket):
    """Holds as long as it is told, by the window, in hours."""

    def __init__(self, **hours: int) -> None:
        super().__init__()
        self.hours = hours

    def longest_holding_ms(self, start_ms: int, end_ms: int, parameters: Parameters) -> int:
        assert (start_ms, end_ms) == (FOLD.train_start_ms, FOLD.train_end_ms)
        return self.hours[f"w{parameters['window']}"] * HOUR_MS


def returns(late: float = 0.0) -> np.ndarray:
    """First set leads by a little; the second one gains ``late`` in the last three days."""
    found = np.random.default_rng(1).normal(0.001, 0.01, 20)[:, None] + np.array([[0.002, 0.0]])
    found[17:, 1] += late
    return found


@pytest.mark.parametrize(
    ("hours", "end_ms"),
    [
        (0, FOLD.train_end_ms),
        (4, FOLD.train_end_ms),  # what the calendar leaves out at least
        (5, 19 * DAY_MS),
        (24, 19 * DAY_MS),
        (25, 18 * DAY_MS),
        (24 * 7, 13 * DAY_MS),
        (24 * 400, 11 * DAY_MS),  # never closed: at most half of the window, in whole days
    ],
)
def test_window_ends_the_longest_holding_before_the_test(hours: int, end_ms: int) -> None:
    fold, fit = purged(Holds(w5=hours, w6=0), "sharpe", FOLD, SETS, returns())
    assert fold == replace(FOLD, train_end_ms=end_ms)
    assert fit.parameters == {"window": 5}
    assert fit.returns.tolist() == returns()[: -(-end_ms // DAY_MS), 0].tolist()


def test_days_that_are_purged_do_not_decide() -> None:
    late = Holds(w5=24, w6=72)
    fold, fit = purged(late, "profit_factor", FOLD, SETS, returns(0.05))
    assert (fold.train_end_ms, fit.parameters) == (17 * DAY_MS, {"window": 5})
    known = rank_by("profit_factor", returns()[:17])
    assert [one.objective for one in fit.trials] == known.tolist()


def test_window_only_gets_shorter() -> None:
    fold, fit = purged(Holds(w5=9 * 24, w6=72), "profit_factor", FOLD, SETS, returns(0.05))
    assert (fold.train_end_ms, fit.parameters) == (11 * DAY_MS, {"window": 5})


def test_nothing_found_leaves_the_window_as_it_is() -> None:
    fold, fit = purged(Holds(), "profit_factor", FOLD, SETS, np.zeros((20, 2)))
    assert (fold, fit.parameters, len(fit.trials)) == (FOLD, None, 2)
