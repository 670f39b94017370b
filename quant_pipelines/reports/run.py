"""One backtest as a report sees it: its result beside buy and hold on the same bars."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from quant_pipelines.backtest.result import BacktestResult, daily_returns_of
from quant_pipelines.backtest.trades import COLUMNS
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import Bars
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
    """A finished backtest with what it was asked.

    Parameters
    ----------
    strategy, version, parameters
        Strategy, hash of its contents, values by name.
    result
        What came out.
    bars
        The strategy's bars; those before the test are left out here.
    execution_bars
        Bars on which fills were decided; the last ``result.bars`` of them are the test.
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
    bars: Bars
    execution_bars: Bars
    rules: TradingRules = field(default_factory=TradingRules)
    has_other_fills: bool = False

    @property
    def market(self) -> str:
        """Symbol and timeframe."""
        return f"{self.bars.symbol} {self.bars.timeframe}"

    @cached_property
    def execution(self) -> Bars:
        """Execution bars of the test."""
        n = len(self.execution_bars)
        return self.execution_bars.rows(n - self.result.bars, n)

    @cached_property
    def shown_bars(self) -> Bars:
        """The strategy's bars within the test."""
        first = int(self.execution.ts[0])
        return self.bars.between(first - first % self.bars.step_ms, int(self.execution.close_ts[-1]))

    @cached_property
    def times(self) -> IntArray:
        """Times of ``equity``: the start, then each close, milliseconds UTC; shape (n + 1,)."""
        if self.result.bar_equity.size:
            return np.concatenate([self.execution.ts[:1], self.execution.close_ts])
        first = day_start_ms(self.result.days[0])
        ends = first + DAY_MS * (1 + np.arange(len(self.result.days), dtype=np.int64))
        return np.concatenate([self.execution.ts[:1], ends])

    @cached_property
    def equity(self) -> FloatArray:
        """Capital, then equity at each close (of bars where they were kept, else of days), quote."""
        kept = self.result.bar_equity if self.result.bar_equity.size else self.result.daily_equity
        return np.concatenate([[self.result.capital], kept])

    @cached_property
    def holding(self) -> FloatArray:
        """Capital put into the symbol at the first open, at the same times, without any costs."""
        closes = self.execution.close if self.result.bar_equity.size else self._day_closes
        return self.result.capital * np.concatenate([[1.0], closes / self.execution.open[0]])

    @cached_property
    def holding_returns(self) -> FloatArray:
        """Daily returns of holding, by the days of the result."""
        return daily_returns_of(self._day_closes, float(self.execution.open[0]))

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
    def _day_closes(self) -> FloatArray:
        """Last close of each day of the result; a day without bars keeps the close before it."""
        day = self.execution.ts // DAY_MS
        at = np.searchsorted(day, day[0] + np.arange(len(self.result.days)), side="right") - 1
        closes: FloatArray = self.execution.close[at]
        return closes


def undefined(measures: Mapping[str, float | None]) -> dict[str, str]:
    """Why each measure that is None is not defined."""
    return {name: MEASURES[name].undefined for name, value in measures.items() if value is None}


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
