"""What all parameter sets of a strategy have in common, prepared once and swept as often as one likes."""

import ctypes
import math
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_pipelines.backtest.batch.result import Outcome, day_keys
from quant_pipelines.backtest.book.alone import is_alone
from quant_pipelines.backtest.book.lane_field import LaneField
from quant_pipelines.backtest.market.market import NO_FEED, NO_FEEDS, SymbolFeed
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.indicators import Memo, remembering
from quant_pipelines.metrics import summarize
from quant_pipelines.sdk.strategy import Strategy

if TYPE_CHECKING:
    from quant_pipelines.backtest.account.sweep import AccountField

MEMORY_BYTES = 224_000_000
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # of glibc's malloc.h


@dataclass(frozen=True, eq=False)
class SweepResult:
    """Outcome of a sweep, in the order of the parameter sets.

    Parameters
    ----------
    first_day
        UTC day of the first column, in days since the epoch.
    daily_returns
        Shape (n_sets, n_days); NaN rows for sets that the strategy refuses.
    final_equity
        Shape (n_sets,), quote; NaN for refused sets.
    outcomes
        What the metrics are made of; None for refused sets.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.backtest import BacktestSettings, sweep
    >>> from quant_pipelines.sdk import Bars, Float, Strategy
    >>> class Share(Strategy):
    ...     share = Float(1.0, low=-1.0, high=1.0)
    ...     def target(self, bars):
    ...         return np.full(len(bars), self.share)
    >>> bars = Bars.of_closes([100, 100, 110, 121], timeframe="1d")
    >>> found = sweep(Share, [{"share": 0.5}, {"share": -0.5}], bars, BacktestSettings())
    >>> found.daily_returns.shape, found.metrics["total_return"] > 0.0
    ((2, 4), array([ True, False]))
    """

    first_day: int
    daily_returns: FloatArray
    final_equity: FloatArray
    outcomes: tuple[Outcome | None, ...]

    @cached_property
    def days(self) -> tuple[str, ...]:
        """UTC days of the columns."""
        return day_keys(self.first_day, self.daily_returns.shape[1])

    @cached_property
    def metrics(self) -> dict[str, FloatArray]:
        """By name, each of shape (n_sets,); NaN where a measure isn't defined."""
        rows = [
            summarize(outcome.daily_returns, outcome.trade_pnl, outcome.activity) if outcome else {}
            for outcome in self.outcomes
        ]
        names = sorted({name for row in rows for name in row})
        return {name: np.array([row.get(name, math.nan) for row in rows]) for name in names}


class PreparedSweep:
    """Bars, rules and inputs as every set meets them; the indicators that sets ask for are remembered.

    Parameters
    ----------
    strategy_class, bars, settings, feeds
        See ``sweep``.

    Raises
    ------
    BacktestError
        If the window has no bars or the execution bars don't fit.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.backtest import BacktestSettings, PreparedSweep
    >>> from quant_pipelines.sdk import Bars, Float, Strategy
    >>> class Share(Strategy):
    ...     share = Float(1.0, low=-1.0, high=1.0)
    ...     def target(self, bars):
    ...         return np.full(len(bars), self.share)
    >>> prepared = PreparedSweep(Share, [Bars.of_closes([100, 100, 110, 121])], BacktestSettings())
    >>> [prepared.run([{"share": share}]).final_equity > 10_000.0 for share in (1.0, -1.0)]
    [array([ True]), array([False])]
    """

    def __init__(
        self,
        strategy_class: type[Strategy],
        bars: Sequence[Bars],
        settings: BacktestSettings,
        feeds: Mapping[str, SymbolFeed] = NO_FEEDS,
    ) -> None:
        _keep_freed_memory()
        self._strategy_class = strategy_class
        self._field = _field_of(strategy_class, bars, settings, feeds)
        self._memo = Memo(chain.from_iterable(one.arrays() for one in bars), MEMORY_BYTES)

    def run(self, parameter_sets: Sequence[dict[str, Any]], *, threads: int = 1) -> SweepResult:
        """Backtest every parameter set; see ``sweep``.

        Raises
        ------
        StrategyError
            If the target of an allowed set can't be used.
        """
        strategies = [_made(self._strategy_class, values) for values in parameter_sets]
        allowed, width = [one for one in strategies if one is not None], self._field.width
        groups = [allowed[at : at + width] for at in range(0, len(allowed), width)]
        if threads == 1 or len(groups) == 1:
            ran = [self._work(group) for group in groups]
        else:
            with ThreadPoolExecutor(threads) as pool:
                ran = list(pool.map(self._work, groups))
        found = list(chain.from_iterable(ran))
        is_allowed = np.array([one is not None for one in strategies], dtype=bool)
        returns = np.full((len(strategies), self._field.n_days), np.nan)
        final_equity = np.full(len(strategies), np.nan)
        if found:
            returns[is_allowed] = [one.daily_returns for one in found]
            final_equity[is_allowed] = [one.final_equity for one in found]
        rest = iter(found)
        outcomes = tuple(None if one is None else next(rest) for one in strategies)
        return SweepResult(self._field.first_day, returns, final_equity, outcomes)

    def longest_holding_ms(self, parameters: dict[str, Any]) -> int:
        """Longest round trip of a set that the strategy allows, that which is open at the end included."""
        with remembering(self._memo):
            return self._field.longest_holding_ms(self._strategy_class(**parameters))

    def _work(self, group: Sequence[Strategy]) -> list[Outcome]:
        with remembering(self._memo):
            return self._field.run(group)


def _field_of(
    strategy_class: type[Strategy],
    bars: Sequence[Bars],
    settings: BacktestSettings,
    feeds: Mapping[str, SymbolFeed],
) -> "LaneField | AccountField":
    """Prepare once what is the same for all sets."""
    if not is_alone(strategy_class, bars):
        from quant_pipelines.backtest.account.sweep import AccountField  # noqa: PLC0415 - see the package

        return AccountField(strategy_class, bars, settings, feeds)
    (one,) = bars
    feed = feeds.get(one.symbol, NO_FEED)
    own = feed.applied(settings)
    return LaneField(strategy_class, one, own, feed)


def _made(strategy_class: type[Strategy], values: dict[str, Any]) -> Strategy | None:
    try:
        return strategy_class(**values)
    except StrategyError:
        return None


@cache
def _keep_freed_memory() -> None:
    """Let the process keep what it frees: else every target's pages are asked of the system anew.

    That costs more than the strategy's arithmetic. Only glibc has this switch; without it a sweep is slower.
    """
    switch = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if switch is not None:
        for option, value in ((_MMAP_THRESHOLD, 1 << 25), (_TRIM_THRESHOLD, 1 << 29), (_TOP_PAD, 1 << 23)):
            switch(option, value)
