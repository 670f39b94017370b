"""Backtests of a walk-forward, of one symbol or of several in one account."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from quant_pipelines.backtest import BacktestResult, BacktestSettings, PreparedSweep, SymbolFeed, Trade
from quant_pipelines.backtest.account.result import AccountResult
from quant_pipelines.backtest.account.run import run_symbols
from quant_pipelines.backtest.bar.carried import Carried
from quant_pipelines.backtest.batch.result import Outcome
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.search_settings import ConstraintSettings
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, day_start_ms, to_ms, warm_from_ms
from quant_pipelines.optimize.evaluation import Edges, OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.research.capacity import capacity_of, traded_alone, traded_together
from quant_pipelines.research.exposure import BOUNDARY_MS, daily_exposure, daily_holding, until_0800
from quant_pipelines.research.history import History
from quant_pipelines.research.unbroken import swept_unbroken
from quant_pipelines.sdk import Array, EventStrategy, Strategy
from quant_pipelines.sdk import Bars as StrategyBars

NO_CONSTRAINTS = ConstraintSettings()


def is_active_and_calm(outcome: Outcome | None, constraints: ConstraintSettings) -> bool:
    """Whether a set kept what is asked of its trades and turnover; one without an outcome did not."""
    if outcome is None:
        return False
    is_active = outcome.trade_pnl.size >= constraints.min_trades
    return is_active and not 0.0 < constraints.max_turnover < outcome.activity.turnover


class BacktestEvaluator:
    """Evaluator of one strategy class on one history; see ``optimize.evaluation.Evaluator``.

    A strategy of several symbols trades them together; one of a single symbol trades each of them with an
    equal share of the account.
    """

    def __init__(
        self,
        strategy_class: type[Strategy],
        history: History,
        settings: BacktestSettings,
        *,
        constraints: ConstraintSettings = NO_CONSTRAINTS,
    ) -> None:
        self._strategy_class = strategy_class
        self._history = history
        self._settings = replace(settings, has_bar_equity=False)
        self._constraints = constraints
        self._prepared = lru_cache(maxsize=1)(self._prepare)  # a train window is asked for again

    def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
        """Daily returns of the sets, shape (n_days, n_sets).

        NaN for those that the strategy refuses, that break it, or that break a constraint.
        """
        window = Window(start_ms, end_ms)
        swept = swept_unbroken(self._prepared(window), parameter_sets)
        pairs = zip(parameter_sets, swept.outcomes, strict=True)
        kept = np.array([self._keeps(window, *pair) for pair in pairs], dtype=bool)
        return np.ascontiguousarray(np.where(kept, swept.daily_returns.T, np.nan))

    def _keeps(self, window: Window, parameters: Parameters, outcome: Outcome | None) -> bool:
        asked = self._constraints
        is_kept = is_active_and_calm(outcome, asked)
        # What was filled in which bar is told by a run of its own only.
        return is_kept and (not asked.min_capacity or self.capacity(window, parameters) >= asked.min_capacity)

    def capacity(self, window: Window, parameters: Parameters) -> float:
        """Quote currency that a set carries in a window; see ``capacity_of``."""
        settings = replace(self._settings, has_bar_equity=True, has_bar_position=True)
        strategy, bars = self._strategy_class(**parameters), self._history.bars_in(window)
        result = run_symbols(strategy, bars, feeds=self._feeds(window), settings=settings)
        executed = [member.execution_bars.between(*window) for member in self._history.members]
        if isinstance(result, AccountResult):
            traded = traded_together(result, executed)
        else:
            traded = traded_alone(result, executed[0])
        return capacity_of(traded, self._constraints.capacity_participation)

    def longest_holding_ms(self, start_ms: int, end_ms: int, parameters: Parameters) -> int:
        """Longest round trip in a window, that which is open at its end included."""
        return self._prepared(Window(start_ms, end_ms)).longest_holding_ms(parameters)

    def _prepare(self, window: Window) -> PreparedSweep:
        bars, feeds = self._history.bars_in(window), self._feeds(window)
        return PreparedSweep(self._strategy_class, bars, self._settings, feeds)

    def test(self, fold: Fold, parameters: Parameters | None, edges: Edges) -> OutOfSample:
        """Trade the days from an edge on, beginning with what the day before has left.

        Where the train window is too short for the strategy to warm up on, bars before it are read.
        """
        named = self._strategy_class
        strategy = _nothing(named) if parameters is None else named(**parameters)
        start_ms = min(self._warm_ms(strategy, fold), fold.train_start_ms)
        window = Window(edges.from_ms, fold.test_end_ms)
        days = np.arange(*window, DAY_MS, dtype=np.int64)
        is_warm = self._history.is_warm(strategy, fold.test_start_ms)
        if not self._history.has_bars(window):
            return OutOfSample(days, np.zeros(days.size), (), is_warm, edges.carried)
        settings = replace(
            self._settings,
            has_bar_equity=True,
            has_bar_position=True,
            trade_from_ms=edges.from_ms,
            close_at_end=edges.closes,
            carried=self._carried(edges, parameters),
        )
        result = run_symbols(
            strategy,
            self._history.bars_in(Window(start_ms, fold.test_end_ms)),
            feeds=self._feeds(window),
            settings=settings,
        )
        returns = _on_days(window, day_start_ms(result.days[0]) // DAY_MS, result.daily_returns)
        trades = tuple(self._document(trade) for trade in result.trades)
        is_warm = self._history.is_warm(strategy, fold.test_start_ms)
        left: dict[str, Any] = {"parameters": parameters, "account": result.carried.to_document()}
        left["scales"] = self._scales(result.carried)
        beside = (*self._held(result, days), self._until_0800(result, days, returns))
        return OutOfSample(days, returns, trades, is_warm, left, *beside)

    def _held(self, result: BacktestResult, days: IntArray) -> tuple[FloatArray, FloatArray]:
        """Exposure and holding return of the days; nothing of several books, whose positions have no sum."""
        if not result.bar_position.size:
            return np.empty(0), np.empty(0)
        (member,) = self._history.members
        bars = member.execution_bars.between(int(days[0]), int(days[-1]) + DAY_MS)
        exposure = daily_exposure(bars, days, position=result.bar_position, equity=result.bar_equity)
        return exposure, daily_holding(bars, days, member.funding)

    def _until_0800(self, result: BacktestResult, days: IntArray, returns: FloatArray) -> FloatArray:
        """Return of each day's first hours; nothing where a bar goes on beyond 08:00."""
        bars = self._history.members[0].execution_bars
        if BOUNDARY_MS % bars.step_ms:
            return np.empty(0)
        opens = bars.between(int(days[0]), int(days[-1]) + DAY_MS).ts
        if isinstance(result, AccountResult):
            opens = result.bar_ts
        return until_0800(opens + bars.step_ms, result.bar_equity, days, returns)

    def _carried(self, edges: Edges, parameters: Parameters | None) -> Carried | None:
        """Return what the day before has left, as these parameters begin with it.

        Orders that rest were placed by others than a new event strategy, which knows nothing of them: its
        predecessor's position is closed at the first open, as it is where nothing trades any more.
        """
        if edges.carried is None:
            return None
        left = Carried.from_document(edges.carried["account"])
        scales = zip(self._scales(left), edges.carried["scales"], strict=True)
        left = left.rescaled([now / then for now, then in scales])
        if edges.carried["parameters"] == parameters:
            return left
        is_asked = issubclass(self._strategy_class, EventStrategy)
        return left.leaving if parameters is None or is_asked else left.taken_over

    def _scales(self, left: Carried) -> list[float]:
        """By how much the prices of each book are multiplied to be in the scale that is now the newest."""
        pairs = zip(self._history.members, left.books, strict=True)
        return [member.scale_of_close(book.until_ms) for member, book in pairs]

    def cover(self, fold: Fold, parameter_sets: Sequence[Parameters]) -> FloatArray:
        """Trade the test window with each set, warm from the bars before it; NaN for those that break it."""
        strategies = [self._strategy_class(**parameters) for parameters in parameter_sets]
        start_ms = min(self._warm_ms(strategy, fold) for strategy in strategies)
        window = Window(fold.test_start_ms, fold.test_end_ms)
        if not self._history.has_bars(window):
            return np.zeros(((fold.test_end_ms - fold.test_start_ms) // DAY_MS, len(strategies)))
        prepared = PreparedSweep(
            self._strategy_class,
            self._history.bars_in(Window(start_ms, fold.test_end_ms)),
            replace(self._settings, trade_from_ms=fold.test_start_ms, close_at_end=not fold.is_open),
            self._feeds(window),
        )
        swept = swept_unbroken(prepared, parameter_sets)
        is_broken = np.isnan(swept.daily_returns).any(axis=1)
        laid = _on_days(window, swept.first_day, swept.daily_returns)
        laid[is_broken] = np.nan  # not only on the days that have bars
        return np.ascontiguousarray(laid.T)

    def _warm_ms(self, strategy: Strategy, fold: Fold) -> int:
        step_ms = self._history.members[0].bars.step_ms
        return warm_from_ms(fold.test_start_ms, strategy.history_bars, step_ms)

    def _document(self, trade: Trade) -> dict[str, Any]:
        """Trade as a JSON document, with what was known of its funding when it was computed."""
        times = {"entry_time": to_ms(trade.entry_time), "exit_time": to_ms(trade.exit_time)}
        document = trade.to_document() | times
        return document | {"known_funding": self._history.known_funding([document])._asdict()}

    def _feeds(self, window: Window) -> dict[str, SymbolFeed]:
        return {member.bars.symbol: member.feed(window) for member in self._history.members}


def _on_days(window: Window, first_day: int, returns: FloatArray) -> FloatArray:
    """Lay daily returns on all days of a window: before its first bar and after its last nothing moves."""
    first = first_day - window.start_ms // DAY_MS
    laid = np.zeros((*returns.shape[:-1], (window.end_ms - window.start_ms) // DAY_MS))
    laid[..., first : first + returns.shape[-1]] = returns
    return laid


def _nothing(strategy_class: type[Strategy]) -> Strategy:
    """Trade nothing, on the symbols of a strategy whose search has found no parameters."""

    class Nothing(Strategy):
        inputs = strategy_class.inputs

        def target(self, bars: StrategyBars) -> Array:
            return np.zeros(bars.close.shape)

    return Nothing()
