"""Walk-forwards of several symbols in one account: their history, and the backtests behind them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.portfolio import run_portfolio
from quant_pipelines.backtest.portfolio_plan import Allocation, SymbolFeed, allocations_of
from quant_pipelines.backtest.portfolio_result import BookTrade, PortfolioResult
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import DataError, StrategyError
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, to_ms
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.research.history import History, HistorySource, load_history
from quant_pipelines.sdk import Strategy


@dataclass(frozen=True, slots=True, eq=False)
class SetHistory:
    """Market history of an instrument set.

    Parameters
    ----------
    members
        Of each symbol, in the order of the set; all execute on the same timeframe.
    """

    members: tuple[History, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        """Unresolved blocking faults of all of them."""
        return tuple(finding for member in self.members for finding in member.findings)

    @property
    def execution_timeframe(self) -> str:
        """Timeframe on which fills and stops are decided."""
        return self.members[0].execution_bars.timeframe

    def holding_return(self, start_ms: int, end_ms: int) -> float | None:
        """Return of equal parts bought at the first open and held to the last close, without costs."""
        held = [member.bars.between(start_ms, end_ms) for member in self.members]
        if not all(len(bars) for bars in held):
            return None
        return float(np.mean([bars.close[-1] / bars.open[0] - 1.0 for bars in held]))


def load_set(
    source: HistorySource,
    symbols: Sequence[str],
    timeframe: str,
    window: Window,
    *,
    strategy_class: type[Strategy] = Strategy,
) -> SetHistory:
    """Read what a walk-forward of a set over a window needs.

    Where one symbol lacks bars of the execution timeframe, all execute on the strategy's.

    Raises
    ------
    DataError
        If the bars of a symbol do not cover the window or are malformed.
    """
    members = [
        load_history(source, symbol, timeframe, window, strategy_class=strategy_class) for symbol in symbols
    ]
    if len({member.execution_bars.timeframe for member in members}) > 1:
        members = [replace(member, execution_bars=member.bars) for member in members]
    return SetHistory(tuple(members))


class SetEvaluator:
    """Evaluator of one strategy class on an instrument set; see ``optimize.evaluation.Evaluator``.

    A strategy of several symbols trades them together; one of a single symbol trades each of them with an
    equal share of the account.
    """

    def __init__(
        self, strategy_class: type[Strategy], history: SetHistory, settings: BacktestSettings
    ) -> None:
        self._strategy_class = strategy_class
        self._history = history
        self._settings = replace(settings, has_bar_equity=False)

    def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
        """Daily returns of the sets, shape (n_days, n_sets); NaN for those that the strategy refuses."""
        columns = [self._searched(parameters, start_ms, end_ms) for parameters in parameter_sets]
        n_days = max((column.size for column in columns), default=0)
        return np.column_stack([column if column.size else np.full(n_days, np.nan) for column in columns])

    def test(self, fold: Fold, parameters: Parameters) -> OutOfSample:
        """Trade the test window alone; what is held at its end is closed at the last close, with costs."""
        window = Window(fold.test_start_ms, fold.test_end_ms)
        settings = replace(self._settings, trade_from_ms=fold.test_start_ms, close_at_end=True)
        strategy = self._strategy_class(**parameters)
        result = self._run(strategy, fold.train_start_ms, window, settings)
        days = fold.test_start_ms + DAY_MS * np.arange(len(result.days), dtype=np.int64)
        return OutOfSample(days, result.daily_returns, tuple(_document(one) for one in result.trades))

    def _searched(self, parameters: Parameters, start_ms: int, end_ms: int) -> FloatArray:
        try:
            strategy = self._strategy_class(**parameters)
        except StrategyError:
            return np.empty(0)
        return self._run(strategy, start_ms, Window(start_ms, end_ms), self._settings).daily_returns

    def _run(
        self, strategy: Strategy, from_ms: int, window: Window, settings: BacktestSettings
    ) -> PortfolioResult:
        """Trade a window on bars from an earlier time on."""
        members = self._history.members
        bars = [member.bars.between(from_ms, window.end_ms) for member in members]
        if not all(len(one) for one in bars):
            raise DataError("a symbol of the set has no bars in the window; expected some")
        feeds = {
            member.bars.symbol: SymbolFeed(
                member.execution_bars.between(*window), member.funding, member.specification
            )
            for member in members
        }
        allocations: list[Allocation] = allocations_of(strategy, bars)
        return run_portfolio(allocations, feeds=feeds, settings=settings)


def _document(one: BookTrade) -> dict[str, Any]:
    times = {"entry_time": to_ms(one.trade.entry_time), "exit_time": to_ms(one.trade.exit_time)}
    return {"symbol": one.symbol, **asdict(one.trade), **times}
