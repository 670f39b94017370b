"""Many parameter sets of one strategy over one prepared market, several abreast."""

import ctypes
import math
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from quant_pipelines.backtest.batch import new_record, run_pass
from quant_pipelines.backtest.event_driver import drive
from quant_pipelines.backtest.market import Market, prepare_market
from quant_pipelines.backtest.readings import ahead
from quant_pipelines.backtest.result import activity_of, daily_returns_of, day_keys
from quant_pipelines.backtest.settings import BacktestSettings
from quant_pipelines.backtest.tape import Tape
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.depth import DepthSeries
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.indicators import Memo, remembering
from quant_pipelines.metrics import Activity, summarize
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.strategy import Strategy

WIDTH = 8
MEMORY_BYTES = 224_000_000
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # of glibc's malloc.h


class Outcome(NamedTuple):
    """What is kept of one set: daily returns, equity at the end, profit of each round trip, activity."""

    daily_returns: FloatArray
    final_equity: float
    trade_pnl: FloatArray
    activity: Activity


@dataclass(frozen=True, eq=False)
class SweepResult:
    """Outcome of a sweep, in the order of the parameter sets.

    Parameters
    ----------
    days
        UTC days of the columns.
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

    days: tuple[str, ...]
    daily_returns: FloatArray
    final_equity: FloatArray
    outcomes: tuple[Outcome | None, ...]

    @cached_property
    def metrics(self) -> dict[str, FloatArray]:
        """By name, each of shape (n_sets,); NaN where a measure isn't defined."""
        rows = [
            summarize(outcome.daily_returns, outcome.trade_pnl, outcome.activity) if outcome else {}
            for outcome in self.outcomes
        ]
        names = sorted({name for row in rows for name in row})
        return {name: np.array([row.get(name, math.nan) for row in rows]) for name in names}


def sweep(  # noqa: PLR0913 - all but four have a default
    strategy_class: type[Strategy],
    parameter_sets: Sequence[dict[str, Any]],
    bars: Bars,
    settings: BacktestSettings,
    *,
    execution_bars: Bars | None = None,
    funding: FundingSeries | None = None,
    mark: MarkSeries | None = None,
    depth: DepthSeries | None = None,
    threads: int = 1,
) -> SweepResult:
    """Backtest every parameter set; each row equals ``run_backtest`` with that set, to the last bit.

    Indicators that several sets ask for are computed once, while 224 MB hold them. ``threads`` run at the
    same time: compiled code and numpy give the interpreter free.

    Raises
    ------
    StrategyError
        If the target of an allowed set can't be used.
    BacktestError
        If the window has no bars or the execution bars don't fit.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.backtest import BacktestSettings, sweep
    >>> from quant_pipelines.sdk import Bars, Float, Strategy
    >>> class Share(Strategy):
    ...     share = Float(1.0, low=-1.0, high=1.0)
    ...     def target(self, bars):
    ...         return np.full(len(bars), self.share)
    >>> bars = Bars.of_closes([100, 100, 110, 121])
    >>> found = sweep(Share, [{"share": 1.0}, {"share": -1.0}, {"share": 3.0}], bars, BacktestSettings())
    >>> found.final_equity > 10_000.0, np.isnan(found.final_equity)  # the strategy refuses the last one
    (array([ True, False, False]), array([False, False,  True]))
    """
    _keep_freed_memory()
    market = prepare_market(
        bars, settings, execution_bars=execution_bars, funding=funding, mark=mark, depth=depth
    )
    strategies = [_made(strategy_class, values) for values in parameter_sets]
    allowed = [strategy for strategy in strategies if strategy is not None]
    groups = [allowed[at : at + WIDTH] for at in range(0, len(allowed), WIDTH)]
    memo = Memo(bars.arrays(), MEMORY_BYTES)

    tape = market.tape(allowed[0]) if allowed else None

    def work(group: Sequence[Strategy]) -> list[Outcome]:
        with remembering(memo):
            return _outcomes(group, market, settings, tape)

    with ThreadPoolExecutor(threads) as pool:
        found = chain.from_iterable(pool.map(work, groups))
        outcomes = tuple(next(found) if strategy is not None else None for strategy in strategies)
    returns = np.full((len(outcomes), market.n_days), np.nan)
    final_equity = np.full(len(outcomes), np.nan)
    for index, outcome in enumerate(outcomes):
        if outcome is not None:
            returns[index] = outcome.daily_returns
            final_equity[index] = outcome.final_equity
    return SweepResult(day_keys(market), returns, final_equity, outcomes)


def _made(strategy_class: type[Strategy], values: dict[str, Any]) -> Strategy | None:
    try:
        return strategy_class(**values)
    except StrategyError:
        return None


def _outcomes(
    strategies: Sequence[Strategy], market: Market, settings: BacktestSettings, tape: Tape | None
) -> list[Outcome]:
    """Run up to ``WIDTH`` sets abreast; those of an event strategy one after the other."""
    if isinstance(strategies[0], EventStrategy):
        return [_alone(one, market, settings) for one in strategies if isinstance(one, EventStrategy)]
    record = new_record(market, has_bar_equity=False, width=WIDTH)
    outcomes, record = run_pass(strategies, market, settings, record, tape)
    returns = daily_returns_of(record.daily_equity, settings.capital)
    return [
        Outcome(
            returns[lane],
            outcome.state.curve.equity,
            record.trades[lane, : outcome.log.finished, 8].copy(),
            activity_of(outcome, market, settings.capital),
        )
        for lane, outcome in enumerate(outcomes)
    ]


def _alone(strategy: EventStrategy, market: Market, settings: BacktestSettings) -> Outcome:
    outcome, record = drive(strategy, market, settings, ahead(strategy, market.bars, settings.rules))
    returns = daily_returns_of(record.daily_equity[0], settings.capital)
    pnl = record.trades[0, : outcome.log.finished, 8].copy()
    return Outcome(returns, outcome.state.curve.equity, pnl, activity_of(outcome, market, settings.capital))


@cache
def _keep_freed_memory() -> None:
    """Let the process keep what it frees: else every target's pages are asked of the system anew.

    That costs more than the strategy's arithmetic. Only glibc has this switch; without it a sweep is slower.
    """
    switch = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if switch is not None:
        for option, value in ((_MMAP_THRESHOLD, 1 << 25), (_TRIM_THRESHOLD, 1 << 29), (_TOP_PAD, 1 << 23)):
            switch(option, value)
