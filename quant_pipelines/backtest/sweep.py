"""Many parameter sets of one strategy over what is prepared once: a market, or an account of several."""

import ctypes
import math
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_pipelines.backtest.bar.trades import PNL
from quant_pipelines.backtest.batch.loop import LoopResult
from quant_pipelines.backtest.batch.result import Outcome, activity_of, daily_returns_of, day_keys
from quant_pipelines.backtest.batch.run_pass import new_record, run_pass
from quant_pipelines.backtest.book.alone import is_alone
from quant_pipelines.backtest.book.driver import drive
from quant_pipelines.backtest.book.handled_run import handled_by
from quant_pipelines.backtest.market.market import NO_FEED, NO_FEEDS, Market, SymbolFeed, prepare_market
from quant_pipelines.backtest.market.readings import ahead
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.backtest.market.tape import Record, Tape
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.indicators import Memo, remembering
from quant_pipelines.metrics import summarize
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.strategy import Strategy

if TYPE_CHECKING:
    from quant_pipelines.backtest.account.sweep import AccountField

WIDTH = 8
MEMORY_BYTES = 224_000_000
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # of glibc's malloc.h


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


def sweep(
    strategy_class: type[Strategy],
    parameter_sets: Sequence[dict[str, Any]],
    bars: Bars | Sequence[Bars],
    settings: BacktestSettings,
    *,
    feeds: Mapping[str, SymbolFeed] = NO_FEEDS,
    threads: int = 1,
) -> SweepResult:
    """Backtest every parameter set; each row equals a backtest with that set alone, to the last bit.

    Indicators that several sets ask for are computed once, while 224 MB hold them. ``threads`` run at the
    same time: compiled code and numpy give the interpreter free.

    Parameters
    ----------
    strategy_class, parameter_sets
        What is tried.
    bars
        Of one symbol, or of several in one account; see ``run_symbols``.
    settings
        Capital, rules and window.
    feeds
        What else is known, by symbol.
    threads
        That work at the same time.

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
    given = (bars,) if isinstance(bars, Bars) else tuple(bars)
    field = _field_of(strategy_class, given, settings, feeds)
    strategies = [_made(strategy_class, values) for values in parameter_sets]
    allowed = [strategy for strategy in strategies if strategy is not None]
    groups = [allowed[at : at + field.width] for at in range(0, len(allowed), field.width)]
    memo = Memo(chain.from_iterable(one.arrays() for one in given), MEMORY_BYTES)

    def work(group: Sequence[Strategy]) -> list[Outcome]:
        with remembering(memo):
            return field.run(group)

    with ThreadPoolExecutor(threads) as pool:
        found = chain.from_iterable(pool.map(work, groups))
        outcomes = tuple(next(found) if strategy is not None else None for strategy in strategies)
    returns = np.full((len(outcomes), len(field.days)), np.nan)
    final_equity = np.full(len(outcomes), np.nan)
    for index, outcome in enumerate(outcomes):
        if outcome is not None:
            returns[index] = outcome.daily_returns
            final_equity[index] = outcome.final_equity
    return SweepResult(field.days, returns, final_equity, outcomes)


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
    market = prepare_market(one, own, feed)
    return LaneField(market, market.tape(strategy_class.stops), own)


def _made(strategy_class: type[Strategy], values: dict[str, Any]) -> Strategy | None:
    try:
        return strategy_class(**values)
    except StrategyError:
        return None


class LaneField:
    """One symbol: as many sets abreast as the loop has lanes; those of an event strategy one by one."""

    width = WIDTH

    def __init__(self, market: Market, tape: Tape, settings: BacktestSettings) -> None:
        self._market, self._tape, self._settings = market, tape, settings
        self.days = day_keys(market.first_day, market.n_days)

    def run(self, strategies: Sequence[Strategy]) -> list[Outcome]:
        """Outcome of each of these sets, at most ``width``."""
        market, settings = self._market, self._settings
        if isinstance(strategies[0], EventStrategy):
            return [self._driven(one) for one in strategies if isinstance(one, EventStrategy)]
        record = new_record(market, has_bar_equity=False, width=WIDTH)
        outcomes, record = run_pass(strategies, market, settings, record, self._tape)
        return [self._outcome(outcome, record, lane) for lane, outcome in enumerate(outcomes)]

    def _driven(self, strategy: EventStrategy) -> Outcome:
        market, settings = self._market, replace(self._settings, has_bar_equity=False)
        compiled = handled_by(strategy, market, settings, self._tape)
        if compiled is not None:
            return self._outcome(compiled[0], compiled[1], 0)
        scales = scales_of(strategy, market.bars)
        read = ahead(strategy, market.bars, settings.rules, scales=scales)
        outcome, record, _ = drive(strategy, market, settings, read)
        return self._outcome(outcome, record, 0)

    def _outcome(self, outcome: LoopResult, record: Record, lane: int) -> Outcome:
        market, capital = self._market, self._settings.capital
        return Outcome(
            daily_returns_of(record.daily_equity[lane], self._settings.first_value),
            outcome.state.curve.equity,
            record.trades[lane, : outcome.log.finished, PNL].copy(),
            activity_of(outcome.tally, capital, bars=len(market.execution), days=market.n_days),
        )


@cache
def _keep_freed_memory() -> None:
    """Let the process keep what it frees: else every target's pages are asked of the system anew.

    That costs more than the strategy's arithmetic. Only glibc has this switch; without it a sweep is slower.
    """
    switch = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if switch is not None:
        for option, value in ((_MMAP_THRESHOLD, 1 << 25), (_TRIM_THRESHOLD, 1 << 29), (_TOP_PAD, 1 << 23)):
            switch(option, value)
