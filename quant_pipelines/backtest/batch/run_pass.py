"""One compiled pass: a vectorized target, or as many of them abreast as the loop has lanes."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from quant_pipelines.accounting import open_account
from quant_pipelines.backtest.bar.state import opening_state
from quant_pipelines.backtest.bar.trades import COLUMNS
from quant_pipelines.backtest.batch.loop import Loop, LoopResult, make_loop
from quant_pipelines.backtest.market.market import Market
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.backtest.market.stop_rules import factors_at, with_factors
from quant_pipelines.backtest.market.tape import Record, Tape
from quant_pipelines.backtest.market.targets import Changes, abreast
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.strategy import Strategy, offered_by, target_of

FIRST_CAPACITY, LIKELY_CAPACITY = 4_096, 16_384


def new_record(
    market: Market,
    *,
    has_bar_equity: bool,
    has_bar_position: bool = False,
    width: int = 1,
    capacity: int = FIRST_CAPACITY,
) -> Record:
    """Arrays for a pass over a market, with room for that many round trips in each lane."""
    n_bars = len(market.execution)
    trades = np.empty((width, capacity, len(COLUMNS)))
    bar_equity = np.empty((width, n_bars if has_bar_equity else 0))
    bar_position = np.empty((width, n_bars if has_bar_position else 0))
    return Record(np.empty((width, market.n_days)), bar_equity, bar_position, trades)


def with_room(record: Record, capacity: int) -> Record:
    """Record with room for at least that many round trips in each lane."""
    width, room, columns = record.trades.shape
    return record if capacity <= room else record._replace(trades=np.empty((width, capacity, columns)))


def run_pass(
    strategies: Sequence[Strategy],
    market: Market,
    settings: BacktestSettings,
    record: Record,
    tape: Tape,
) -> tuple[list[LoopResult], Record]:
    """One compiled pass of as many strategies as the record has lanes, or fewer.

    ``tape`` is the market's for these strategies.

    Returns
    -------
    tuple of list and Record
        A result for each strategy, and the record that was written, larger if the trades didn't fit.
    """
    width = record.trades.shape[0]
    changes = [changes_by(strategy, market) for strategy in strategies]
    lanes = [*strategies, *[strategies[-1]] * (width - len(strategies))]
    state = opening_state(open_account(settings.capital), int(market.execution.ts[0]))
    given = (tape, abreast(changes), state)
    first = replace(settings, rules=settings.rules_at(int(market.execution.ts[0])))
    terms = first.loop_terms(lanes, market.execution.step_ms, market.bars.step_ms)
    if settings.has_stops:
        found = [factors_at(scales_of(strategy, market.bars), market.decision_row) for strategy in lanes]
        terms = terms._replace(stops=with_factors(terms.stops, found))
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
