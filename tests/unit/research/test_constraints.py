"""What a parameter set must keep in its train window: what breaks it is nobody's best, however good."""

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings, sweep
from quant_pipelines.core.funding import no_funding
from quant_pipelines.core.search_settings import ConstraintSettings
from quant_pipelines.optimize.objectives import rank_by
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.history import History, SymbolHistory
from quant_pipelines.trading import Specification
from tests.unit.research.test_evaluator import FOLD, Above, bars

SETS: list[Parameters] = [{"window": 2}, {"window": 24}, {"window": 200}]
SERIES = bars()
OUTCOMES = sweep(
    Above, SETS, SERIES.between(FOLD.train_start_ms, FOLD.train_end_ms), BacktestSettings()
).outcomes
TRADES = [outcome.trade_pnl.size for outcome in OUTCOMES if outcome]
TURNOVER = [outcome.activity.turnover for outcome in OUTCOMES if outcome]


def judged(constraints: ConstraintSettings) -> list[bool]:
    """Which of the sets can be ranked, quick ones first."""
    history = SymbolHistory(SERIES, SERIES, no_funding(), Specification(), ())
    evaluator = BacktestEvaluator(Above, History((history,)), BacktestSettings(), constraints=constraints)
    returns = evaluator.search(FOLD.train_start_ms, FOLD.train_end_ms, SETS)
    return np.isfinite(rank_by("sharpe", returns)).tolist()


def test_the_sets_differ_in_what_is_asked() -> None:
    assert TRADES[0] > TRADES[1] > TRADES[2] > 0
    assert TURNOVER[0] > TURNOVER[1] > TURNOVER[2] > 0.0


def test_without_constraints_every_set_is_ranked() -> None:
    assert judged(ConstraintSettings()) == [True, True, True]


@pytest.mark.parametrize(("least", "kept"), [(TRADES[1], [True, True, False]), (TRADES[0] + 1, [False] * 3)])
def test_a_set_that_trades_too_seldom_is_not(least: int, kept: list[bool]) -> None:
    assert judged(ConstraintSettings(min_trades=least)) == kept


@pytest.mark.parametrize(
    ("most", "kept"), [(TURNOVER[1], [False, True, True]), (TURNOVER[2] / 2, [False] * 3), (0.0, [True] * 3)]
)
def test_a_set_that_turns_over_too_much_is_not(most: float, kept: list[bool]) -> None:
    assert judged(ConstraintSettings(max_turnover=most)) == kept


def test_both_hold_together() -> None:
    both = ConstraintSettings(min_trades=TRADES[1], max_turnover=TURNOVER[1])
    assert judged(both) == [False, True, False]
