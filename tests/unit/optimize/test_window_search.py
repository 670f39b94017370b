"""A fold is searched harder where its own train window has promise; no set is backtested twice for it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.optimize.walk_forward import Plan, walk_forward
from quant_pipelines.optimize.window_search import WindowSearch, has_promise
from tests.unit.optimize.test_walk_forward import PLAN, KnownMarket


def plan_of(searcher: str) -> Plan:
    return replace(PLAN, searcher=searcher, trials=8)


class Counting(KnownMarket):
    """Knows what it has backtested."""

    def __init__(self, edge: float) -> None:
        super().__init__(edge)
        self.asked: list[tuple[int, int | float]] = []

    def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
        self.asked += [(start_ms, one["window"]) for one in parameter_sets]
        return super().search(start_ms, end_ms, parameter_sets)


@pytest.mark.parametrize(("edge", "tried"), [(0.02, 24), (-0.02, 8)])
@pytest.mark.parametrize("searcher", ["sobol", "ga"])
def test_only_a_window_with_promise_gets_more_trials(searcher: str, edge: float, tried: int) -> None:
    market = Counting(edge)
    result = walk_forward(market, replace(plan_of(searcher), promise=3))
    assert [len(one.fit.trials) for one in result.folds] == [tried] * 4
    assert len(set(market.asked)) == len(market.asked) == 4 * tried


@pytest.mark.parametrize("searcher", ["sobol", "ga", "grid"])
def test_more_trials_go_on_where_the_others_ended(searcher: str) -> None:
    few = walk_forward(KnownMarket(0.02), plan_of(searcher)).folds[0].fit.trials
    more = walk_forward(KnownMarket(0.02), replace(plan_of(searcher), promise=2)).folds[0].fit.trials
    assert more[: len(few)] == few
    assert len(more) > len(few)


def test_trials_of_a_fold_hang_on_its_window_alone() -> None:
    plan = replace(plan_of("ga"), promise=2)
    whole = walk_forward(KnownMarket(), plan).folds
    alone = replace(plan, end_ms=PLAN.end_ms - 10 * DAY_MS, windows=replace(PLAN.windows, folds=1))
    (first, *_) = walk_forward(KnownMarket(), alone).folds
    (same,) = [one for one in whole if one.fold.index == first.fold.index]
    assert first.fit.trials == same.fit.trials


def test_a_window_in_which_nothing_can_be_ranked_has_no_promise() -> None:
    assert not has_promise("sharpe", np.full((9, 3), np.nan))
    assert not has_promise("sharpe", np.zeros((9, 3)))


class Breaking(KnownMarket):
    """Breaks where every set of a batch has a window beyond 20, as ``BacktestEvaluator`` does."""

    def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
        if all(float(one["window"]) > 20 for one in parameter_sets):
            raise StrategyError("target is 2.0; expected values from -1 to 1")
        return super().search(start_ms, end_ms, parameter_sets)


class Asking:
    """Asks for given batches."""

    def __init__(self, *batches: tuple[int, ...]) -> None:
        self._batches: list[list[Parameters]] = [[{"window": one} for one in batch] for batch in batches]
        self.told: list[Trial] = []

    def ask(self) -> list[Parameters]:
        return self._batches.pop(0) if self._batches else []

    def tell(self, trials: Sequence[Trial]) -> None:
        self.told += trials


def test_a_batch_whose_every_set_breaks_the_strategy_does_not_end_a_search_that_has_others() -> None:
    search, searcher = (
        WindowSearch(Breaking(), PLAN.space, "sharpe", Window(0, 9 * DAY_MS)),
        Asking((7, 8), (30,), (9,)),
    )
    search.run(searcher)
    assert [one.parameters["window"] for one in searcher.told] == [7, 8, 30, 9]
    assert np.isnan(search.returns).all(axis=0).tolist() == [False, False, True, False]
    assert [np.isfinite(one.objective) for one in searcher.told] == [True, True, False, True]


def test_a_strategy_that_the_whole_first_batch_breaks_ends_the_search_with_the_reason() -> None:
    search = WindowSearch(Breaking(), PLAN.space, "sharpe", Window(0, 9 * DAY_MS))
    with pytest.raises(StrategyError, match=r"target is 2\.0"):
        search.run(Asking((30, 31), (7,)))
