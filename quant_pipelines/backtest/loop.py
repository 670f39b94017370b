"""The compiled batch loop over execution bars, for K books abreast: 1 is a backtest, more are a sweep.

A book is stepped only on bars on which something may happen to it; the bars between are ``quiet``.
"""

from typing import NamedTuple, Protocol

import numpy as np

from quant_pipelines.backtest.quiet import (
    Quiet,
    content,
    marked,
    quiet_lanes,
    reached,
    recalled,
    with_book,
    with_target,
    worth_at,
)
from quant_pipelines.backtest.step import (
    BookState,
    StepBar,
    StepOutcome,
    StepTerms,
    close_out,
    step_bar,
    with_order,
)
from quant_pipelines.backtest.tally import Tally, tally_end, traded_in
from quant_pipelines.backtest.targets import Targets
from quant_pipelines.backtest.trades import (
    EMPTY_LOG,
    END,
    HARD_STOP,
    TARGET,
    TradeEnd,
    TradeLog,
    add_closing,
    add_funding,
    add_opening,
)
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.jit import inlined, inner, kernel
from quant_pipelines.core.lanes import NONE, ONE, Word, get, lowest_bit, unlikely
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.trading.cycle import BookView, decide_order
from quant_pipelines.trading.rules import TradingTerms


class Tape(NamedTuple):
    """Execution bars with what happens at each of them, the same for every book.

    Parameters
    ----------
    ts, open, high, low, close
        Columns of shape (n_bars,).
    volatility
        Annualized, at the closes that are decided on; shape (n_bars,), or (0,) where the sizer doesn't ask.
    pause
        Bars (by position) on which every book is stepped: where a UTC day begins or ends, or funding is due.
        One that never comes stands at the end. Shape (n_pauses + 1,).
    funding_bar, funding_per_unit
        Bars at whose open funding is paid, and the sum of rate x mark price there. Shape (n_payments,).
    """

    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volatility: FloatArray
    pause: IntArray
    funding_bar: IntArray
    funding_per_unit: FloatArray


class Record(NamedTuple):
    """Arrays that a pass writes.

    Parameters
    ----------
    daily_equity
        Equity at the end of each UTC day from the first bar's on, shape (n_lanes, n_days).
    bar_equity
        Equity at every close, shape (n_lanes, n_bars); left alone if it has shape (n_lanes, 0).
    trades
        Finished round trips, shape (n_lanes, capacity, len(COLUMNS)); those beyond it are only counted.
    """

    daily_equity: FloatArray
    bar_equity: FloatArray
    trades: FloatArray


class LoopTerms(NamedTuple):
    """Terms of a pass: trading, matching, and whether the position is closed at the last close.

    ``hard_stop`` has a stop distance for each lane, shape (n_lanes,).
    """

    trading: TradingTerms
    step: StepTerms
    hard_stop: FloatArray
    close_at_end: bool


class LoopResult(NamedTuple):
    """What a pass leaves of one book."""

    state: BookState
    log: TradeLog
    tally: Tally


class Lane(NamedTuple):
    """What a book has besides its quiet part, as of the bar on which it was last stepped.

    ``since`` is that bar; ``target`` holds now, ``change`` is the position of the next one in the list.
    """

    state: BookState
    log: TradeLog
    bars_held: int
    traded: float
    since: int
    target: float
    change: int


class Cursor(NamedTuple):
    """Where the loop is in its lists: next pause, next payment, and the running UTC day."""

    pause: int
    payment: int
    day: int


class Loop(Protocol):
    """Compiled pass over a tape."""

    def __call__(
        self, tape: Tape, targets: Targets, state: BookState, terms: LoopTerms, record: Record
    ) -> list[LoopResult]:
        """Run the books, which all begin in the same state; one result for each lane."""


@inner
def log_outcome(log: TradeLog, outcome: StepOutcome, ts: int, rows: FloatArray) -> TradeLog:
    """Log after a bar, in the order in which things happened in it."""
    if outcome.funding_paid != 0.0:
        log = add_funding(log, outcome.funding_paid)
    if not outcome.has_fills:
        return log
    if outcome.gap_stop.quantity != 0.0:
        log = add_closing(log, outcome.gap_stop, TradeEnd(ts, HARD_STOP, True), rows)
    if outcome.closing.quantity != 0.0:
        is_reversed = outcome.opening.quantity != 0.0
        is_flat = outcome.state.account.position == 0.0 and outcome.stop.quantity == 0.0
        log = add_closing(log, outcome.closing, TradeEnd(ts, TARGET, is_flat or is_reversed), rows)
    if outcome.opening.quantity != 0.0:
        log = add_opening(log, outcome.opening, ts)
    if outcome.stop.quantity != 0.0:
        log = add_closing(log, outcome.stop, TradeEnd(ts, HARD_STOP, True), rows)
    return log


@inner
def view_of(state: BookState, volatility: float) -> BookView:
    """Return what a decision sees of a book in a replay; pending quantity counts as held."""
    return BookView(
        state.account.position + state.pending,
        state.equity,
        state.close,
        state.day_start_equity,
        state.target_side,
        volatility,
        0.0,
    )


@inner
def with_state(lane: Lane, state: BookState) -> Lane:
    """Lane with another state of its book."""
    return Lane(state, lane.log, lane.bars_held, lane.traded, lane.since, lane.target, lane.change)


@inner
def step_lane(lane: Lane, bar: StepBar, bar_index: int, terms: StepTerms, rows: FloatArray) -> Lane:
    """Step one book, whose state is that of the bar before."""
    outcome = step_bar(lane.state, bar, terms)
    is_held = lane.state.account.position != 0.0
    return Lane(
        outcome.state,
        log_outcome(lane.log, outcome, bar.ts, rows),
        lane.bars_held + (bar_index - lane.since if is_held else 0),
        traded_in(lane.traded, outcome),
        bar_index,
        lane.target,
        lane.change,
    )


@inner
def decide_lane(lane: Lane, volatility: float, terms: TradingTerms) -> Lane:
    """Decide for one book at the close of the bar that its state is of."""
    decision = decide_order(view_of(lane.state, volatility), lane.target, terms)
    state = with_order(lane.state, decision.order_quantity, decision.target_side)
    return with_state(lane, state)


@inner
def step_terms_of(terms: LoopTerms, lane: int) -> StepTerms:
    """Return the matching terms of one lane."""
    return StepTerms(terms.step.costs, terms.hard_stop[lane], terms.step.lot_size, terms.step.step_ms)


@inner
def next_targets(lanes: list[Lane], targets: Targets, bar_index: int) -> int:
    """Take over the targets that change at a bar; return the bar of the next change of all."""
    coming = targets.bar[-1]
    for j in range(len(lanes)):
        lane = lanes[j]
        change = lane.change
        if targets.bar[change] == bar_index:
            value = targets.value[change]
            change += 1
            lanes[j] = Lane(lane.state, lane.log, lane.bars_held, lane.traded, lane.since, value, change)
        coming = min(coming, targets.bar[change])
    return int(coming)


@inner
def changed_at(lanes: list[Lane], targets: Targets, bar_index: int) -> Word:
    """Lanes, as bits, whose target changes at a bar."""
    word: Word = NONE
    for j in range(len(lanes)):
        if targets.bar[lanes[j].change] == bar_index:
            word |= ONE << np.uint64(j)
    return word


@inner
def funding_at(tape: Tape, cursor: Cursor, bar_index: int) -> float:
    """Funding per unit at a bar."""
    if cursor.payment < tape.funding_bar.size and tape.funding_bar[cursor.payment] == bar_index:
        return tape.funding_per_unit[cursor.payment]  # type: ignore[no-any-return]
    return 0.0


@inner
def past_pause(tape: Tape, cursor: Cursor, bar_index: int) -> Cursor:
    """Cursor behind a bar, if it is a pause."""
    if tape.pause[cursor.pause] != bar_index:
        return cursor
    payment = cursor.payment
    if payment < tape.funding_bar.size and tape.funding_bar[payment] == bar_index:
        payment += 1
    day = tape.ts[bar_index] // DAY_MS - tape.ts[0] // DAY_MS
    return Cursor(cursor.pause + 1, payment, day)


@inner
def finished(lane: Lane, tally: Tally, tape: Tape, terms: LoopTerms, rows: FloatArray) -> LoopResult:
    """Return what a lane leaves, whose state is that of the last bar; close its position if asked."""
    if lane.state.account.position != 0.0:
        held = tally.bars_held + tape.ts.size - lane.since
        tally = Tally(held, tally.traded_notional, tally.peak, tally.max_drawdown)
    if not terms.close_at_end:
        return LoopResult(lane.state, lane.log, tally)
    state, fill = close_out(lane.state, terms.step)
    log = lane.log
    if fill.quantity != 0.0:
        log = add_closing(log, fill, TradeEnd(tape.ts[-1] + terms.step.step_ms, END, True), rows)
        tally = tally_end(tally, fill, state.equity)
    return LoopResult(state, log, tally)


class StepAt(NamedTuple):
    """Bar, its position, the close before it, and the UTC day of the bar at the last pause."""

    bar: StepBar
    number: int
    last_close: float
    day: int
    first_day: int


class DecideAt(NamedTuple):
    """Close that is decided on, and the volatility at it."""

    close: float
    volatility: float


@inner
def ended_days(daily_equity: FloatArray, at: StepAt, equity: float) -> None:
    """Write the equity of every UTC day that ended before a bar."""
    passed = at.bar.ts // DAY_MS - at.first_day
    if passed > at.day:
        daily_equity[at.day : passed] = equity


@inlined
def step_lanes(
    lanes: list[Lane], quiet: Quiet, busy: Word, at: StepAt, terms: LoopTerms, record: Record
) -> Quiet:
    """Step the books whose bits are set."""
    while busy != NONE:
        j = lowest_bit(busy)
        busy &= busy - ONE
        lane = with_state(lanes[j], recalled(lanes[j].state, quiet, j, at.last_close))
        ended_days(record.daily_equity[j], at, lane.state.equity)
        lane = step_lane(lane, at.bar, at.number, step_terms_of(terms, j), record.trades[j])
        lanes[j] = lane
        quiet = with_book(quiet, j, lane.state)
    return quiet


@inlined
def decide_lanes(
    lanes: list[Lane], quiet: Quiet, asked: Word, at: DecideAt, terms: TradingTerms
) -> tuple[Quiet, Word]:
    """Decide for the books whose bits are set; also return those that have an order pending."""
    due: Word = NONE
    while asked != NONE:
        j = lowest_bit(asked)
        asked &= asked - ONE
        lane = with_state(lanes[j], recalled(lanes[j].state, quiet, j, at.close))
        lane = decide_lane(lane, at.volatility, terms)
        lanes[j] = lane
        quiet = with_target(quiet, j, lane.state, lane.target, terms)
        if lane.state.pending != 0.0:
            due |= ONE << j
    return quiet, due


@inner
def end_lanes(
    lanes: list[Lane], quiet: Quiet, tape: Tape, terms: LoopTerms, record: Record
) -> list[LoopResult]:
    """Results of all books, and the equity of the last day."""
    results = []
    day = tape.ts[-1] // DAY_MS - tape.ts[0] // DAY_MS
    for j in range(len(lanes)):
        lane = with_state(lanes[j], recalled(lanes[j].state, quiet, j, tape.close[-1]))
        tally = Tally(lane.bars_held, lane.traded, get(quiet.peak, j), 0.0 - get(quiet.deepest, j))
        result = finished(lane, tally, tape, terms, record.trades[j])
        record.daily_equity[j, day] = result.state.equity
        record.bar_equity[j, -1:] = result.state.equity
        results.append(result)
    return results


@inlined
def first_lanes(targets: Targets, state: BookState) -> list[Lane]:
    """Return all books before the first bar."""
    return [Lane(state, EMPTY_LOG, 0, 0.0, 0, np.nan, start) for start in targets.start]


@inlined
def keep_equity(record: Record, quiet: Quiet, position: np.uint64) -> None:
    """Record the equity of all books at a close."""
    for j in range(record.bar_equity.shape[0]):
        record.bar_equity[j, position] = get(quiet.equity, j)


def make_loop(width: int) -> Loop:
    """Compile the loop for that many books; a power of two up to 64."""
    every = np.uint64(2**width - 1)

    @kernel
    def run(
        tape: Tape, targets: Targets, state: BookState, terms: LoopTerms, record: Record
    ) -> list[LoopResult]:
        lanes = first_lanes(targets, state)
        quiet = quiet_lanes(state, width)
        has_volatility, has_bar_equity = tape.volatility.size > 0, record.bar_equity.shape[1] > 0
        cursor, due, close = Cursor(0, 0, 0), NONE, 0.0
        first_day = tape.ts[0] // DAY_MS
        pause, change = tape.pause[0], targets.bar.min()
        for i in range(tape.ts.size):
            u = np.uint64(i)
            low, high = tape.low[u], tape.high[u]
            busy = due | reached(quiet, low, high)
            if unlikely(i == pause):
                busy = every
            if unlikely(busy != NONE):
                bar = StepBar(tape.ts[u], tape.open[u], high, low, tape.close[u], funding_at(tape, cursor, i))
                quiet = step_lanes(
                    lanes, quiet, busy, StepAt(bar, i, close, cursor.day, first_day), terms, record
                )
                cursor = past_pause(tape, cursor, i)
                pause = tape.pause[cursor.pause]
            close = tape.close[u]
            quiet = marked(quiet, close)
            volatility = tape.volatility[u] if has_volatility else 0.0
            asked = busy | (content(quiet, worth_at(close, volatility, terms.trading)) ^ every)
            if unlikely(i == change):
                asked |= changed_at(lanes, targets, i)
                change = next_targets(lanes, targets, i)
            due = NONE
            if unlikely(asked != NONE):
                quiet, due = decide_lanes(lanes, quiet, asked, DecideAt(close, volatility), terms.trading)
            if has_bar_equity:
                keep_equity(record, quiet, u)
        return end_lanes(lanes, quiet, tape, terms, record)

    return run
