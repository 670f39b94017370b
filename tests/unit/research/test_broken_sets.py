"""A parameter set that breaks its strategy is nobody's best, and costs the others nothing."""

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.funding import no_funding
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.history import History, SymbolHistory
from quant_pipelines.sdk import Array, Strategy
from quant_pipelines.sdk import Bars as StrategyBars
from quant_pipelines.trading import Specification
from tests.unit.research.test_evaluator import FOLD, Above, bars, evaluator

SETS: list[Parameters] = [{"window": window} for window in (10, 150, 20, 199)]
SOUND = [0, 2]


class Fragile(Above):
    """Raises in a corner, and gives a target that can't be in another one."""

    def target(self, bars: StrategyBars) -> Array:
        if self.window > 190:
            raise ZeroDivisionError("nothing to divide by")
        return super().target(bars) * (2.0 if self.window > 100 else 1.0)


def judge(of: type[Strategy]) -> BacktestEvaluator:
    series = bars()
    history = SymbolHistory(series, series, no_funding(), Specification(), ())
    return BacktestEvaluator(of, History((history,)), BacktestSettings())


def test_a_set_that_breaks_its_strategy_is_refused_and_the_others_are_what_they_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = judge(Fragile).search(FOLD.train_start_ms, FOLD.train_end_ms, SETS)
    whole = evaluator(bars()).search(FOLD.train_start_ms, FOLD.train_end_ms, SETS)
    assert np.isnan(found).all(axis=0).tolist() == [False, True, False, True]
    assert np.array_equal(found[:, SOUND], whole[:, SOUND])
    assert "2 of 4 sets are left out, such as {'window': 150}: Fragile: target" in caplog.text


def test_what_a_set_that_breaks_its_strategy_earns_in_a_cover_is_not_known() -> None:
    found = judge(Fragile).cover(FOLD, SETS)
    assert np.isnan(found).all(axis=0).tolist() == [False, True, False, True]
    assert np.array_equal(found[:, SOUND], evaluator(bars()).cover(FOLD, SETS)[:, SOUND])


def test_a_strategy_that_every_set_breaks_fails_with_the_reason() -> None:
    with pytest.raises(StrategyError, match="Fragile: target raised ZeroDivisionError: nothing to divide by"):
        judge(Fragile).search(FOLD.train_start_ms, FOLD.train_end_ms, [{"window": 195}, {"window": 199}])
