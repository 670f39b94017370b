"""One backtest as a report sees it: its result beside buy and hold on the same bars."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from quant_pipelines.backtest.bar.trades import COLUMNS
from quant_pipelines.backtest.batch.result import BacktestResult, daily_returns_of
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.gaps import Holes, holes_in
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms
from quant_pipelines.metrics import (
    MEASURES,
    Activity,
    beta,
    correlation,
    longest_holding,
    mean_holding,
    summarize,
    underwater,
)
from quant_pipelines.trading.rules import TradingRules

_NONE = np.empty(0)
_OF_TRIPS = ("n_trades", "win_rate", "payoff_ratio", "profit_factor", "expectancy", "turnover")


@dataclass(frozen=True, eq=False)
class BacktestRun:
    """A finished backtest with what it was asked: one symbol, or several in one account.

    Parameters
    ----------
    strategy, version, parameters
        Strategy, hash of its contents, values by name.
    result
        What came out.
    bars
        The strategy's bars of each symbol; those before the test are left out here.
    execution_bars
        Bars of each symbol on which fills were decided, those of the test alone.
    rules
        Costs, sizing and limits that were in force.
    has_other_fills
        Whether fills may come from limits of the strategy's own, which pay no slippage, or from stored order
        books, which have one of their own.
    """

    strategy: str
    version: str
    parameters: Mapping[str, Any]
    result: BacktestResult
    bars: tuple[Bars, ...]
    execution_bars: tuple[Bars, ...]
    rules: TradingRules = field(default_factory=TradingRules)
    has_other_fills: bool = False

    @property
    def symbols(self) -> str:
        """Names of the first ones, and how many more there are."""
        names = [bars.symbol for bars in self.bars]
        return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")

    @property
    def market(self) -> str:
        """Symbols and timeframe."""
        return f"{self.symbols} {self.bars[0].timeframe}"

    @property
    def execution(self) -> Bars:
        """Execution bars of the only symbol, or of the first one."""
        return self.execution_bars[0]

    @cached_property
    def shown_bars(self) -> Bars:
        """The strategy's bars of that symbol within the test."""
        bars, first = self.bars[0], int(self.execution.ts[0])
        return bars.between(first - first % bars.step_ms, int(self.execution.close_ts[-1]))

    @cached_property
    def holes(self) -> tuple[Holes, ...]:
        """Where bars are missing in what the strategy read, warm-up included, and in what filled orders."""
        series = {(bars.symbol, bars.timeframe): bars for bars in (*self.execution_bars, *self.bars)}
        return tuple(holes for bars in series.values() if (holes := holes_in(bars)) is not None)

    @cached_property
    def day_times(self) -> IntArray:
        """The start, then the end of each day, milliseconds UTC; shape (n_days + 1,)."""
        start = min(int(bars.ts[0]) for bars in self.execution_bars)
        return np.concatenate([[start], self._day_ends])

    @cached_property
    def times(self) -> IntArray:
        """Times of ``equity``: the start, then each close, milliseconds UTC; shape (n + 1,)."""
        if self.result.curve is self.result.bar_equity:
            return np.concatenate([self.execution.ts[:1], self.execution.close_ts])
        return self.day_times

    @cached_property
    def equity(self) -> FloatArray:
        """Capital, then what it became at each close without flows of cash, quote."""
        return np.concatenate([[self.result.capital], self.result.curve])

    @cached_property
    def holding(self) -> FloatArray:
        """Capital in equal parts in every symbol from its first open on, at the same times, without costs."""
        held = self._held(self.times[1:]) / self._first_price
        return self.result.capital * np.concatenate([[1.0], held])

    @cached_property
    def holding_returns(self) -> FloatArray:
        """Daily returns of holding, by the days of the result."""
        return daily_returns_of(self._held(self._day_ends), self._first_price)

    @cached_property
    def measures(self) -> dict[str, float | None]:
        """Every measure by its name, in the order of ``MEASURES``; None where it isn't defined."""
        returns = self.result.daily_returns
        hours = (self.column("exit_ts") - self.column("entry_ts")) / HOUR_MS
        known = dict(self.result.metrics) | {
            "beta": beta(returns, self.holding_returns),
            "correlation": correlation(returns, self.holding_returns),
            "mean_holding_hours": mean_holding(hours),
            "longest_holding_hours": longest_holding(hours),
        }
        return {name: _finite(known.get(name)) for name in MEASURES}

    @cached_property
    def holding_measures(self) -> dict[str, float | None]:
        """Measures of holding; there are none of round trips."""
        deepest = float(np.min(underwater(self.holding)))
        return {
            name: _finite(value)
            for name, value in summarize(
                self.holding_returns, _NONE, Activity(1.0, math.nan, deepest)
            ).items()
            if name not in _OF_TRIPS
        }

    def column(self, name: str) -> FloatArray:
        """Values of the finished round trips, by a name of ``trades.COLUMNS``; shape (n_trades,)."""
        values: FloatArray = self.result.trade_rows[:, COLUMNS.index(name)]
        return values

    @cached_property
    def _day_ends(self) -> IntArray:
        first = day_start_ms(self.result.days[0])
        return first + DAY_MS * (1 + np.arange(len(self.result.days), dtype=np.int64))

    @property
    def _first_price(self) -> float:
        return float(self.execution.open[0])

    def _held(self, times: IntArray) -> FloatArray:
        """Price of equal parts of all symbols at these times, in that of the first one's opening.

        A symbol stands at its first open before its first bar, and at its last close where it has none.
        """
        held: FloatArray = np.mean([self._price(bars, times) for bars in self.execution_bars], axis=0)
        return held

    def _price(self, bars: Bars, times: IntArray) -> FloatArray:
        last = np.searchsorted(bars.ts, times) - 1
        price = np.where(last >= 0, bars.close[np.maximum(last, 0)], bars.open[0])
        return price * (self._first_price / float(bars.open[0]))


def undefined(measures: Mapping[str, float | None]) -> dict[str, str]:
    """Why each measure that is None is not defined."""
    return {name: MEASURES[name].undefined for name, value in measures.items() if value is None}


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
