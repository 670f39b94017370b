"""One compiled pass: a vectorized target, or as many of them abreast as the loop has lanes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from quant_pipelines.accounting import open_account
from quant_pipelines.backtest.bar.state import opening_state
from quant_pipelines.backtest.bar.trades import COLUMNS, NO_TRADE
from quant_pipelines.backtest.batch.brief import BRIEF, FINISHED, WIDTH, Written, loop_of, pass_abreast
from quant_pipelines.backtest.batch.loop import LoopResult, Start
from quant_pipelines.backtest.market.market import Market
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.backtest.market.stop_rules import factors_at, with_factors
from quant_pipelines.backtest.market.tape import LoopTerms, Record, Tape
from quant_pipelines.backtest.market.targets import Targets
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sdk.scales import declares_scales, scales_of
from quant_pipelines.sdk.strategy import Strategy, offered_by, target_of

_Read: TypeAlias = tuple[Tape, Targets, Start, LoopTerms]
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
    return Passes(market, settings, tape).run(strategies, record)


class Passes:
    """Passes over one market under the same settings: what all of them read is made once.

    Parameters
    ----------
    market, settings
        What is traded, and how.
    tape
        The market's for the strategies' class.
    """

    def __init__(self, market: Market, settings: BacktestSettings, tape: Tape) -> None:
        first_ts = int(market.execution.ts[0])
        rules = settings.rules_at(first_ts)
        self._market, self._tape = market, tape
        self._settings = settings if rules is settings.rules else replace(settings, rules=rules)
        self._start = start_of(settings, first_ts)
        self._steps = market.execution.step_ms, market.bars.step_ms
        self._terms: LoopTerms | None = None

    def run(self, strategies: Sequence[Strategy], record: Record) -> tuple[list[LoopResult], Record]:
        """See ``run_pass``."""
        width = record.trades.shape[0]
        (tape, targets, start, terms), record = self._read_by(strategies, record)
        outcomes = loop_of(width)(tape, targets, start, terms, record)
        needed = max(outcome.log.finished for outcome in outcomes)
        if needed > record.trades.shape[1]:
            record = with_room(record, needed)
            outcomes = loop_of(width)(tape, targets, start, terms, record)
        return outcomes[: len(strategies)], record

    def brief(self, strategies: Sequence[Strategy], record: Record) -> tuple[FloatArray, Record]:
        """Do the same in ``WIDTH`` lanes, and say of each no more than a row of ``BRIEF``."""
        rows = np.empty((WIDTH, len(BRIEF)))
        (tape, targets, start, terms), record = self._read_by(strategies, record)
        pass_abreast(tape, targets, start, terms, Written(record, rows))
        needed = int(rows[:, FINISHED].max())
        if needed > record.trades.shape[1]:
            record = with_room(record, needed)
            pass_abreast(tape, targets, start, terms, Written(record, rows))
        return rows[: len(strategies)], record

    def _read_by(self, strategies: Sequence[Strategy], record: Record) -> tuple[_Read, Record]:
        targets = targets_by(strategies, self._market)
        lanes = [*strategies, *[strategies[-1]] * (record.trades.shape[0] - len(strategies))]
        expected = int(np.bincount(targets.lane).max())
        read = self._tape, targets, self._start, self._terms_of(lanes)
        return read, with_room(record, min(expected, LIKELY_CAPACITY))

    def _terms_of(self, lanes: Sequence[Strategy]) -> LoopTerms:
        settings, market = self._settings, self._market
        if self._terms is None:
            self._terms = settings.loop_terms(lanes, *self._steps)
        stops = settings.stop_rows(lanes, self._steps[1])
        if settings.has_stops and declares_scales(lanes[0]):
            known = (market.decision_row, market.row_before)
            stops = with_factors(stops, [factors_at(scales_of(one, market.bars), *known) for one in lanes])
        # The first lane's own stops stand in the step's terms, too, where no lane reads them.
        return self._terms._replace(stops=stops)


def start_of(settings: BacktestSettings, first_ts: int) -> Start:
    """Return how a book begins: flat, or as the run before has left it."""
    if settings.carried is None:
        return Start(opening_state(open_account(settings.capital), first_ts), NO_TRADE)
    (book,) = settings.carried.books
    return Start(book.state, book.trade)


def targets_by(strategies: Sequence[Strategy], market: Market) -> Targets:
    """Find the changes of strategies' targets at the execution bars.

    Raises
    ------
    StrategyError
        If a target can't be used; see ``target_of``.
    """
    found = market.targets([offered_by(strategy, market.bars) for strategy in strategies])
    if found is None:
        for strategy in strategies:
            target_of(strategy, market.bars)  # says which value
        raise StrategyError("targets differ from one call to the next; expected the same for the same bars")
    return found
