"""Backtests behind a walk-forward."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from quant_pipelines.backtest import BacktestSettings, Trade, run_backtest, sweep
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import DAY_MS, to_ms
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.research.history import History
from quant_pipelines.sdk import Strategy


class BacktestEvaluator:
    """Evaluator of one strategy class on one history; see ``optimize.evaluation.Evaluator``."""

    def __init__(self, strategy_class: type[Strategy], history: History, settings: BacktestSettings) -> None:
        self._strategy_class = strategy_class
        self._history = history
        self._inputs = history.fill_inputs
        dated = self._inputs.specifications
        self._settings = replace(settings, has_bar_equity=False, specifications=dated)

    def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
        """Daily returns of the sets, shape (n_days, n_sets)."""
        swept = sweep(
            self._strategy_class,
            list(parameter_sets),
            self._history.bars.between(start_ms, end_ms),
            self._settings,
            execution_bars=self._history.execution_bars.between(start_ms, end_ms),
            funding=self._history.funding,
            mark=self._inputs.mark,
            depth=self._inputs.depth,
        )
        return np.ascontiguousarray(swept.daily_returns.T)

    def test(self, fold: Fold, parameters: Parameters) -> OutOfSample:
        """Trade the test window alone; what is held at its end is closed at the last close, with costs."""
        result = run_backtest(
            self._strategy_class(**parameters),
            self._history.bars.between(fold.train_start_ms, fold.test_end_ms),
            settings=replace(self._settings, trade_from_ms=fold.test_start_ms, close_at_end=True),
            execution_bars=self._history.execution_bars.between(fold.test_start_ms, fold.test_end_ms),
            funding=self._history.funding,
            mark=self._inputs.mark,
            depth=self._inputs.depth,
        )
        days = fold.test_start_ms + DAY_MS * np.arange(len(result.days), dtype=np.int64)
        return OutOfSample(days, result.daily_returns, tuple(_document(trade) for trade in result.trades))


def _document(trade: Trade) -> dict[str, Any]:
    times = {"entry_time": to_ms(trade.entry_time), "exit_time": to_ms(trade.exit_time)}
    return asdict(trade) | times
