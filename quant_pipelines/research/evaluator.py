"""Backtests of a walk-forward, of one symbol or of several in one account."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from quant_pipelines.backtest import BacktestResult, BacktestSettings, SymbolFeed, Trade, sweep
from quant_pipelines.backtest.account.run import run_symbols
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, to_ms, warm_from_ms
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.research.exposure import daily_exposure, daily_holding
from quant_pipelines.research.history import History
from quant_pipelines.sdk import Strategy


class BacktestEvaluator:
    """Evaluator of one strategy class on one history; see ``optimize.evaluation.Evaluator``.

    A strategy of several symbols trades them together; one of a single symbol trades each of them with an
    equal share of the account.
    """

    def __init__(self, strategy_class: type[Strategy], history: History, settings: BacktestSettings) -> None:
        self._strategy_class = strategy_class
        self._history = history
        self._settings = replace(settings, has_bar_equity=False)

    def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
        """Daily returns of the sets, shape (n_days, n_sets); NaN for those that the strategy refuses."""
        window = Window(start_ms, end_ms)
        swept = sweep(
            self._strategy_class,
            list(parameter_sets),
            self._history.bars_in(window),
            self._settings,
            feeds=self._feeds(window),
        )
        return np.ascontiguousarray(swept.daily_returns.T)

    def test(self, fold: Fold, parameters: Parameters) -> OutOfSample:
        """Trade the test window alone; what a finished fold holds at its end is closed, with costs.

        Where the train window is too short for the strategy to warm up on, bars before it are read.
        """
        strategy = self._strategy_class(**parameters)
        start_ms = min(self._warm_ms(strategy, fold), fold.train_start_ms)
        result = run_symbols(
            strategy,
            self._history.bars_in(Window(start_ms, fold.test_end_ms)),
            feeds=self._feeds(Window(fold.test_start_ms, fold.test_end_ms)),
            settings=replace(self._settings_of(fold), has_bar_equity=True, has_bar_position=True),
        )
        days = fold.test_start_ms + DAY_MS * np.arange(len(result.days), dtype=np.int64)
        trades = tuple(self._document(trade) for trade in result.trades)
        is_warm = self._history.is_warm(strategy, fold.test_start_ms)
        return OutOfSample(days, result.daily_returns, trades, is_warm, *self._held(result, days))

    def _held(self, result: BacktestResult, days: IntArray) -> tuple[FloatArray, FloatArray]:
        """Exposure and holding return of the days; nothing of several books, whose positions have no sum."""
        if not result.bar_position.size:
            return np.empty(0), np.empty(0)
        (member,) = self._history.members
        bars = member.execution_bars.between(int(days[0]), int(days[-1]) + DAY_MS)
        exposure = daily_exposure(bars, days, position=result.bar_position, equity=result.bar_equity)
        return exposure, daily_holding(bars, days, member.funding)

    def cover(self, fold: Fold, parameter_sets: Sequence[Parameters]) -> FloatArray:
        """Trade the test window with each set, warm from the bars before it."""
        strategies = [self._strategy_class(**parameters) for parameters in parameter_sets]
        start_ms = min(self._warm_ms(strategy, fold) for strategy in strategies)
        swept = sweep(
            self._strategy_class,
            list(parameter_sets),
            self._history.bars_in(Window(start_ms, fold.test_end_ms)),
            self._settings_of(fold),
            feeds=self._feeds(Window(fold.test_start_ms, fold.test_end_ms)),
        )
        return np.ascontiguousarray(swept.daily_returns.T)

    def _warm_ms(self, strategy: Strategy, fold: Fold) -> int:
        step_ms = self._history.members[0].bars.step_ms
        return warm_from_ms(fold.test_start_ms, strategy.history_bars, step_ms)

    def _settings_of(self, fold: Fold) -> BacktestSettings:
        return replace(self._settings, trade_from_ms=fold.test_start_ms, close_at_end=not fold.is_open)

    def _document(self, trade: Trade) -> dict[str, Any]:
        """Trade as a JSON document, with what was known of its funding when it was computed."""
        times = {"entry_time": to_ms(trade.entry_time), "exit_time": to_ms(trade.exit_time)}
        document = trade.to_document() | times
        return document | {"known_funding": self._history.known_funding([document])._asdict()}

    def _feeds(self, window: Window) -> dict[str, SymbolFeed]:
        return {member.bars.symbol: member.feed(window) for member in self._history.members}
