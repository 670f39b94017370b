"""The batch backtest: a vectorized target, one compiled pass."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from quant_pipelines.accounting import open_account
from quant_pipelines.backtest.event_driver import drive
from quant_pipelines.backtest.loop import Loop, LoopResult, make_loop
from quant_pipelines.backtest.market import Market, prepare_market
from quant_pipelines.backtest.readings import ahead
from quant_pipelines.backtest.result import BacktestResult, result_of
from quant_pipelines.backtest.settings import BacktestSettings
from quant_pipelines.backtest.state import opening_state
from quant_pipelines.backtest.stop_rules import with_factors
from quant_pipelines.backtest.tape import Record, Tape
from quant_pipelines.backtest.targets import Changes, abreast
from quant_pipelines.backtest.trades import COLUMNS
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.depth import DepthSeries
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.strategy import Strategy, offered_by, target_of

DEFAULTS = BacktestSettings()
FIRST_CAPACITY, LIKELY_CAPACITY = 4_096, 16_384


def run_backtest(  # noqa: PLR0913 - all but two have a default
    strategy: Strategy,
    bars: Bars,
    *,
    settings: BacktestSettings = DEFAULTS,
    execution_bars: Bars | None = None,
    funding: FundingSeries | None = None,
    mark: MarkSeries | None = None,
    depth: DepthSeries | None = None,
) -> BacktestResult:
    """Backtest a strategy on closed bars of one symbol.

    Parameters
    ----------
    strategy
        Instance with its parameters; an event strategy is driven bar by bar.
    bars
        The strategy's bars, with history before ``settings.trade_from_ms`` where that is set.
    settings
        Capital, rules and window.
    execution_bars
        Finer bars for fills and stops, such as 1m; the strategy's own where none are given.
    funding
        Slots of the same symbol; none is listed as not modelled.
    mark
        Mark prices: liquidation is tested on them, and funding paid on them where a slot has none of its own.
        The last price stands in where they are unknown; the result says how often.
    depth
        Sampled order books, which market orders walk; where none is known, the declared costs.

    Raises
    ------
    StrategyError
        If the strategy's target can't be used.
    BacktestError
        If the window has no bars or the execution bars don't fit.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.backtest import BacktestSettings, run_backtest
    >>> from quant_pipelines.core.settings import CostSettings
    >>> from quant_pipelines.sdk import Bars, Strategy
    >>> from quant_pipelines.trading.rules import TradingRules
    >>> class Hold(Strategy):
    ...     def target(self, bars):
    ...         return np.ones(len(bars))
    >>> bars = Bars.of_closes([100, 100, 110, 121], timeframe="1d")
    >>> free = TradingRules(costs=CostSettings(fee_bps=0.0, slippage_bps=0.0))
    >>> result = run_backtest(Hold(), bars, settings=BacktestSettings(rules=free))
    >>> result.final_equity, result.daily_returns.round(6)  # filled at the open after the first close
    (12100.0, array([0. , 0. , 0.1, 0.1]))
    """
    started = time.perf_counter()
    market = prepare_market(
        bars, settings, execution_bars=execution_bars, funding=funding, mark=mark, depth=depth
    )
    if isinstance(strategy, EventStrategy):
        outcome, record = drive(strategy, market, settings, ahead(strategy, bars, settings.rules))
    else:
        record = new_record(market, has_bar_equity=settings.has_bar_equity)
        (outcome,), record = run_pass([strategy], market, settings, record)
    result = result_of(outcome, market, settings, record)
    return replace(result, seconds=time.perf_counter() - started)


def new_record(
    market: Market, *, has_bar_equity: bool, width: int = 1, capacity: int = FIRST_CAPACITY
) -> Record:
    """Arrays for a pass over a market, with room for that many round trips in each lane."""
    n_bars = len(market.execution) if has_bar_equity else 0
    trades = np.empty((width, capacity, len(COLUMNS)))
    return Record(np.empty((width, market.n_days)), np.empty((width, n_bars)), trades)


def with_room(record: Record, capacity: int) -> Record:
    """Record with room for at least that many round trips in each lane."""
    width, room, columns = record.trades.shape
    return record if capacity <= room else record._replace(trades=np.empty((width, capacity, columns)))


def run_pass(
    strategies: Sequence[Strategy],
    market: Market,
    settings: BacktestSettings,
    record: Record,
    tape: Tape | None = None,
) -> tuple[list[LoopResult], Record]:
    """One compiled pass of as many strategies as the record has lanes, or fewer.

    ``tape`` is the market's for these strategies, where it is known already.

    Returns
    -------
    tuple of list and Record
        A result for each strategy, and the record that was written, larger if the trades didn't fit.
    """
    width = record.trades.shape[0]
    changes = [changes_by(strategy, market) for strategy in strategies]
    lanes = [*strategies, *[strategies[-1]] * (width - len(strategies))]
    state = opening_state(open_account(settings.capital), int(market.execution.ts[0]))
    given = (tape or market.tape(strategies[0]), abreast(changes), state)
    first = replace(settings, rules=settings.rules_at(int(market.execution.ts[0])))
    terms = first.loop_terms(lanes, market.execution.step_ms, market.bars.step_ms)
    if settings.has_stops:
        terms = terms._replace(stops=with_factors(terms.stops, lanes, market.bars, market.decision_row))
    expected = max(one.bar.size for one in changes)
    record = with_room(record, min(expected, LIKELY_CAPACITY))
    outcomes = loop_of(width)(*given, terms, record)
    needed = max(outcome.log.finished for outcome in outcomes)
    if needed > record.trades.shape[1]:
        record = with_room(record, needed)
        outcomes = loop_of(width)(*given, terms, record)
    return outcomes[: len(strategies)], record


def changes_by(strategy: Strategy, market: Market) -> Changes:
    """Find the changes of a strategy's target at the execution bars.

    Raises
    ------
    StrategyError
        If the target can't be used; see ``target_of``.
    """
    changes = market.changes(offered_by(strategy, market.bars))
    if changes.outside < len(market.bars):
        target_of(strategy, market.bars)  # says which value
    return changes


@cache
def loop_of(width: int) -> Loop:
    """Loop for that many lanes, made once."""
    return make_loop(width)
