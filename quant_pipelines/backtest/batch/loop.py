"""The compiled batch loop over execution bars, for K books abreast: 1 is a backtest, more are a sweep.

A book is stepped only on bars on which something may happen to it; the bars between are ``quiet``.
"""

from typing import NamedTuple, Protocol

import numpy as np

from quant_pipelines.backtest.bar.state import (
    BookState,
    StepBar,
    StepOutcome,
    StepTerms,
    close_out,
    with_order,
)
from quant_pipelines.backtest.bar.step import step_bar
from quant_pipelines.backtest.bar.stops import END, TAKE_PROFIT, Seen
from quant_pipelines.backtest.bar.tally import Tally, tally_end, traded_in
from quant_pipelines.backtest.bar.trades import (
    EMPTY_LOG,
    TradeEnd,
    TradeLog,
    add_closing,
    add_funding,
    add_opening,
)
from quant_pipelines.backtest.batch.cursor import Cursor, Turn, funding_at, past_pause, retargeted
from quant_pipelines.backtest.batch.quiet import (
    Quiet,
    calm_of,
    content,
    marked,
    part_of,
    quiet_lanes,
    reached,
    recalled,
    trailed,
    with_book,
    with_calm,
    worth_at,
)
from quant_pipelines.backtest.market.spans import (
    ladder_at,
    last_span,
    mark_at,
    reach_at,
    span_edge,
    step_terms_at,
    step_terms_of,
    terms_in,
)
from quant_pipelines.backtest.market.tape import N_RULES, LoopTerms, Record, Tape
from quant_pipelines.backtest.market.targets import Targets
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import inlined, kernel
from quant_pipelines.core.lanes import NONE, ONE, Lanes, Word, get, lowest_bit, splat, unlikely
from quant_pipelines.core.memory import Room, fetch, keep, kept, lent, room
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.trading.cycle import BookView, decide_order

AHEAD = np.uint64(64)


class LoopResult(NamedTuple):
    """What a pass leaves of one book."""

    state: BookState
    log: TradeLog
    tally: Tally


class Course(NamedTuple):
    """What a book has held and traded as of the bar ``since``, on which it was last stepped."""

    bars_held: int
    traded: float
    since: int


class Books(NamedTuple):
    """All books, each a place of three rooms: its state besides the quiet part, its trades and its course.

    Both are as of the bar on which a book was last stepped.
    """

    state: Room
    log: Room
    course: Room


class LaneBar(NamedTuple):
    """Bar, its position, and the number of a lane."""

    bar: StepBar
    number: int
    lane: int


class LaneEnd(NamedTuple):
    """End of a lane: open time of its last bar, funding per unit at its close, and its number."""

    last_ts: int
    funding_per_unit: float
    lane: int


class Closed(NamedTuple):
    """Close of a bar, and the volatility known there."""

    price: float
    volatility: float


class Due(NamedTuple):
    """Lanes to look at, as bits, and the targets of all."""

    lanes: Word
    target: Lanes


class Loop(Protocol):
    """Compiled pass over a tape."""

    def __call__(
        self, tape: Tape, targets: Targets, state: BookState, terms: LoopTerms, record: Record
    ) -> list[LoopResult]:
        """Run the books, which all begin in the same state; one result for each lane."""


@inlined
def charged(log: TradeLog, funding_paid: float) -> TradeLog:
    """Log after a payment, if there was one."""
    return add_funding(log, funding_paid) if funding_paid != 0.0 else log


@inlined
def log_outcome(log: TradeLog, outcome: StepOutcome, ts: int, j: int, rows: FloatArray) -> TradeLog:
    """Log of lane ``j`` after the bar at ``ts``, in the order in which things happened in it."""
    log = charged(log, outcome.funding_paid)
    if not outcome.has_fills:
        return charged(log, outcome.funding_inside)
    if outcome.gap_stop.quantity != 0.0:
        log = add_closing(log, outcome.gap_stop, TradeEnd(ts, outcome.gap_reason, True, j), rows)
    if outcome.closing.quantity != 0.0:
        is_reversed = outcome.opening.quantity != 0.0
        is_left = outcome.stop.quantity != 0.0 or outcome.goal.quantity != 0.0
        is_flat = is_reversed or (outcome.state.account.position == 0.0 and not is_left)
        log = add_closing(log, outcome.closing, TradeEnd(ts, outcome.closing_reason, is_flat, j), rows)
    if outcome.opening.quantity != 0.0:
        log = add_opening(log, outcome.opening, ts)
    log = charged(log, outcome.funding_inside)
    if outcome.stop.quantity != 0.0:
        log = add_closing(log, outcome.stop, TradeEnd(ts, outcome.stop_reason, True, j), rows)
    if outcome.goal.quantity != 0.0:
        log = add_closing(log, outcome.goal, TradeEnd(ts, TAKE_PROFIT, True, j), rows)
    return log


@inlined
def view_of(state: BookState, equity: float, close: float, volatility: float) -> BookView:
    """Return what a decision sees of a book in a replay; pending quantity counts as held."""
    return BookView(
        state.account.position + state.order.quantity,
        equity,
        close,
        state.day.start_equity,
        state.target_side,
        volatility,
        0.0,
        float(state.day.n_orders),
    )


@inlined
def step_book(books: Books, state: BookState, at: LaneBar, terms: StepTerms, rows: FloatArray) -> BookState:
    """Step one book, whose state is that of the bar before."""
    outcome, course = step_bar(state, at.bar, terms), kept(books.course, at.lane)
    if outcome.has_fills or outcome.funding_paid != 0.0 or outcome.funding_inside != 0.0:
        keep(books.log, at.lane, log_outcome(kept(books.log, at.lane), outcome, at.bar.ts, at.lane, rows))
    held = course.bars_held + (at.number - course.since if state.account.position != 0.0 else 0)
    keep(books.course, at.lane, Course(held, traded_in(course.traded, outcome), at.number))
    keep(books.state, at.lane, outcome.state)
    return outcome.state


@inlined
def finished(left: LoopResult, at: LaneEnd, terms: LoopTerms, rows: FloatArray) -> LoopResult:
    """Return what a lane leaves, whose state is that of the last bar; close its position if asked."""
    if not terms.close_at_end:
        return left
    log, tally = left.log, left.tally
    state, fill, funding_paid = close_out(left.state, terms.step, at.funding_per_unit)
    if fill.quantity != 0.0:
        log = charged(log, funding_paid)
        log = add_closing(log, fill, TradeEnd(at.last_ts + terms.step.step_ms, END, True, at.lane), rows)
        tally = tally_end(tally, fill, state.curve.equity)
    return LoopResult(state, log, tally)


@inlined
def seen_at(tape: Tape, bar_index: int) -> Seen:
    """Return what the stops know at a bar's close."""
    atr = tape.atr[bar_index] if tape.atr.size > 0 else np.nan
    deviation = tape.deviation[bar_index] if tape.deviation.size > 0 else np.nan
    return Seen(atr, deviation, tape.low[bar_index], tape.high[bar_index], tape.volume[bar_index], 1.0)


class StepAt(NamedTuple):
    """Bar, its position, close and extremes before it, the UTC day at the last pause, and the first one."""

    bar: StepBar
    number: int
    last_close: float
    seen: Seen
    day: int
    first_day: int


@inlined
def step_at(tape: Tape, cursor: Cursor, bar_index: int) -> StepAt:
    """Return all about a bar in which books are stepped."""
    close, seen = 0.0, Seen(np.nan, np.nan, 0.0, 0.0, 0.0, 1.0)
    if bar_index > 0:
        close, seen = tape.close[bar_index - 1], seen_at(tape, bar_index - 1)
    mark_open, mark_high, mark_low = mark_at(tape.beside, bar_index)
    funding_per_unit, funding_inside = funding_at(tape, cursor, bar_index)
    bar = StepBar(
        tape.ts[bar_index],
        tape.open[bar_index],
        tape.high[bar_index],
        tape.low[bar_index],
        tape.close[bar_index],
        funding_per_unit,
        tape.volume[bar_index],
        mark_open,
        mark_high,
        mark_low,
        ladder_at(tape.beside, bar_index),
        funding_inside,
    )
    return StepAt(bar, bar_index, close, seen, cursor.day, tape.ts[0] // DAY_MS)


@inlined
def ended_days(daily_equity: FloatArray, lane: int, at: StepAt, equity: float) -> None:
    """Write the equity of every UTC day that ended before a bar."""
    passed = at.bar.ts // DAY_MS - at.first_day
    if passed > at.day:
        daily_equity[lane, at.day : passed] = equity


@inlined
def step_lanes(books: Books, quiet: Quiet, due: Due, at: StepAt, terms: LoopTerms, record: Record) -> Quiet:
    """Step the books whose bits are set."""
    busy = due.lanes
    while busy != NONE:
        j = lowest_bit(busy)
        busy &= busy - ONE
        state = recalled(kept(books.state, j), part_of(quiet, j), at.last_close, at.seen)
        ended_days(record.daily_equity, j, at, state.curve.equity)
        step_terms = step_terms_of(terms, j)
        if unlikely(terms.stops.shape[1] > N_RULES):
            step_terms = step_terms_at(terms, j, at.number - 1)
        state = step_book(books, state, LaneBar(at.bar, at.number, j), step_terms, record.trades)
        quiet = with_book(quiet, j, state, step_terms)
        quiet = with_calm(quiet, j, calm_of(state, get(due.target, j), terms.trading, step_terms))
    return quiet


@inlined
def decide_lanes(books: Books, quiet: Quiet, due: Due, at: Closed, terms: LoopTerms) -> Quiet:
    """Decide for the books whose bits are set.

    Nothing but the order is kept of the state at this close: what quiet bars move is recalled again.
    """
    asked = due.lanes
    while asked != NONE:
        j = lowest_bit(asked)
        asked &= asked - ONE
        state, target = kept(books.state, j), get(due.target, j)
        view = view_of(state, get(quiet.equity, j), at.price, at.volatility)
        decision = decide_order(view, target, terms.trading)
        wait_bars = terms.step.fills.latency_bars
        state = with_order(state, decision.order_quantity, decision.target_side, wait_bars)
        keep(books.state, j, state)
        quiet = with_calm(quiet, j, calm_of(state, target, terms.trading, step_terms_of(terms, j)))
    return quiet


@inlined
def end_lanes(books: Books, quiet: Quiet, tape: Tape, terms: LoopTerms, record: Record) -> list[LoopResult]:
    """Results of all books, and the equity of the last day."""
    results = []
    last = tape.ts.size - 1
    day = tape.ts[last] // DAY_MS - tape.ts[0] // DAY_MS
    for j in range(record.daily_equity.shape[0]):
        state = recalled(kept(books.state, j), part_of(quiet, j), tape.close[last], seen_at(tape, last))
        course = kept(books.course, j)
        held = course.bars_held + (tape.ts.size - course.since if state.account.position != 0.0 else 0)
        tally = Tally(held, course.traded, get(quiet.peak, j), 0.0 - get(quiet.deepest, j))
        left = LoopResult(state, kept(books.log, j), tally)
        result = finished(left, LaneEnd(tape.ts[last], tape.funding_at_end, j), terms, record.trades)
        record.daily_equity[j, day] = result.state.curve.equity
        record.bar_equity[j, -1:] = result.state.curve.equity
        results.append(result)
    return results


@inlined
def keep_close(record: Record, quiet: Quiet, bar: np.uint64) -> None:
    """Record the equity and the position of all books at a close, what of both is asked for."""
    for j in range(record.daily_equity.shape[0]):
        if record.bar_equity.shape[1] > 0:
            record.bar_equity[j, bar] = get(quiet.equity, j)
        if record.bar_position.shape[1] > 0:
            record.bar_position[j, bar] = get(quiet.position, j)


def make_loop(width: int) -> Loop:  # noqa: C901 - one loop, whose branches are all events
    """Compile the loop for that many books; a power of two up to 64."""
    every = np.uint64(2**width - 1)

    @kernel
    def run(  # noqa: C901 - as above
        tape: Tape, targets: Targets, state: BookState, terms: LoopTerms, record: Record
    ) -> list[LoopResult]:
        tape, targets = lent(tape), lent(targets)
        terms, record = lent(terms), lent(record)
        books = Books(room(state, width), room(EMPTY_LOG, width), room(Course(0, 0.0, 0), width))
        quiet = quiet_lanes(state, width)
        has_volatility = tape.volatility.size > 0
        has_closes = record.bar_equity.shape[1] + record.bar_position.shape[1] > 0
        is_trailed, cursor = tape.atr.size > 0, Cursor(0, 0, 0)
        pause, change, turn = tape.pause[0], targets.bar[0], Turn(splat(np.nan, width), NONE, 0)
        n_bars, last = tape.ts.size, last_span(tape.beside)
        for span in range(last + 1):
            here = terms_in(terms, tape.beside, span)
            for i in range(span_edge(tape.beside, span, n_bars), span_edge(tape.beside, span + 1, n_bars)):
                u = np.uint64(i)
                low, high, close = tape.low[u], tape.high[u], tape.close[u]
                fetch(tape.open, u + AHEAD)
                fetch(tape.volume, u + AHEAD)
                lowest, highest = reach_at(tape.beside, u, low, high)
                busy = reached(quiet, tape.ts[u], lowest, highest)
                if unlikely(i == pause):
                    busy = every
                if unlikely(busy != NONE):
                    due = Due(busy, turn.target)
                    quiet = step_lanes(books, quiet, due, step_at(tape, cursor, i), here, record)
                    cursor = past_pause(tape, cursor, i)
                    pause = tape.pause[cursor.pause]
                quiet = marked(quiet, close)
                volatility = tape.volatility[u] if has_volatility else 0.0
                asked = content(quiet, worth_at(close, volatility, here.trading)) ^ every
                if unlikely(i == change):
                    turn = retargeted(turn, targets, i)
                    asked |= turn.lanes
                    change = targets.bar[turn.next]
                if unlikely(asked != NONE):
                    due = Due(asked, turn.target)
                    quiet = decide_lanes(books, quiet, due, Closed(close, volatility), here)
                if is_trailed:
                    quiet = trailed(quiet, low, high, tape.atr[u])
                if has_closes:
                    keep_close(record, quiet, u)
        return end_lanes(books, quiet, tape, terms_in(terms, tape.beside, last), record)

    return run
