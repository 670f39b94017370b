"""The compiled loop over execution bars of a strategy whose handlers are compiled; one for all of them.

A bar is booked by the same step as in every driver, and only where something may happen in it.
"""

from typing import Any, NamedTuple

import numpy as np

from quant_pipelines.backtest.bar.resting import (
    FEE,
    LEFT,
    ORDER,
    PAID,
    QUANTITY,
    REASON,
    Sheet,
)
from quant_pipelines.backtest.bar.resting_rows import FILLED, LEAVES, NUMBER, STATUS, Orders, swept
from quant_pipelines.backtest.bar.resting_step import RestingOutcome, step_orders
from quant_pipelines.backtest.bar.state import BookState, StepFill, with_counted
from quant_pipelines.backtest.bar.tally import Tally
from quant_pipelines.backtest.bar.trades import TradeEnd, TradeLog, add_closing, add_opening
from quant_pipelines.backtest.batch.cursor import Cursor, past_pause
from quant_pipelines.backtest.batch.loop import (
    LaneEnd,
    LoopResult,
    Start,
    StepAt,
    charged,
    ended_days,
    finished,
    keep_close,
    keeps_closes,
    seen_at,
    step_at,
    view_of,
)
from quant_pipelines.backtest.batch.quiet import (
    Quiet,
    calm_of,
    marked,
    part_of,
    quiet_lanes,
    reached,
    recalled,
    trailed,
    with_book,
    with_calm,
)
from quant_pipelines.backtest.book.handled_orders import (
    Reach,
    Sight,
    carried_out,
    cleared,
    clears_all,
    reach_of,
    rested,
)
from quant_pipelines.backtest.market.spans import (
    last_span,
    reach_at,
    span_edge,
    step_terms_of,
    terms_in,
)
from quant_pipelines.backtest.market.tape import LoopTerms, Record, Tape
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.jit import inlined, inner, kernel
from quant_pipelines.core.lanes import NONE, get, unlikely
from quant_pipelines.core.memory import keep, kept, lent, room
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.sdk.asks import NO_EVENT, NO_REASON, OrderNews, View

_ALONE = 0


class Handled(NamedTuple):
    """A strategy's part of a pass.

    Parameters
    ----------
    decision_row
        Strategy bar that is decided on at each execution close, -1 for none; shape (n_execution,).
    row_before
        The newest one before the first close; -1 is none.
    features
        As of the closes of the strategy's bars, shape (n_bars + 1, n_features); the last row is unknown.
    volatility
        As the sizer asks for it, shape (n_bars,), or (0,).
    params, memory, asked
        As the handlers are given them; both of the latter are written.
    step_ms
        Length of a strategy bar.
    """

    decision_row: IntArray
    row_before: int
    features: FloatArray
    volatility: FloatArray
    params: FloatArray
    memory: FloatArray
    asked: FloatArray
    step_ms: int


class HandledResult(NamedTuple):
    """What a pass leaves: result, orders, how many fills there were, and the bar that went wrong, or -1."""

    result: LoopResult
    orders: Orders
    n_fills: int
    wrong_bar: int


class Opening(NamedTuple):
    """Book before the first bar, orders that rest at it, room for a bar's fills and news, and the strategy.

    A caller's arrays can be ``lent``: those that a pass makes are counted at each bar that is decided on.
    """

    start: Start
    orders: Orders
    fills: FloatArray
    events: FloatArray
    handled: Handled


class Course(NamedTuple):
    """What a book has held and traded as of the bar ``since``, on which it was last stepped."""

    position: float
    bars_held: int
    traded: float
    since: int
    n_fills: int


@inner
def _logged(log: TradeLog, position: float, row: FloatArray, ts: int, trades: FloatArray) -> TradeLog:
    """Log after a fill; opening is told from closing by the position that the fills add up to."""
    fill = StepFill(row[QUANTITY], row[PAID], row[FEE])
    if position * fill.quantity >= 0.0:
        return add_opening(log, fill, ts)
    is_flat = _left_of(position, fill.quantity) == 0.0
    return add_closing(log, fill, TradeEnd(ts, int(row[REASON]), is_flat, _ALONE), trades)


@inlined
def _left_of(position: float, quantity: float) -> float:
    """Position after a fill, without float noise where it closes."""
    after = position + quantity
    if position * quantity < 0.0 and abs(after) <= 1e-9 * abs(quantity):
        return 0.0
    return after


@inlined
def _booked(books: Any, outcome: RestingOutcome, fills: FloatArray, ts: int, trades: FloatArray) -> None:
    """Log what happened in a bar, in order."""
    log, course = charged(kept(books[1], 0), outcome.funding_paid), kept(books[2], 0)
    position, traded = course.position, course.traded
    for at in range(outcome.n_fills):
        if at == outcome.n_at_open:
            log = charged(log, outcome.funding_inside)
        row = fills[at]
        log = _logged(log, position, row, ts, trades)
        position = _left_of(position, row[QUANTITY])
        traded += abs(row[QUANTITY]) * row[PAID]
    if outcome.n_fills == outcome.n_at_open:
        log = charged(log, outcome.funding_inside)
    keep(books[1], 0, log)
    n_fills = course.n_fills + outcome.n_fills
    keep(books[2], 0, Course(position, course.bars_held, traded, course.since, n_fills))


@inlined
def _held_until(books: Any, state: BookState, number: int) -> None:
    """Count the bars held since the last step up to this one."""
    course = kept(books[2], 0)
    held = course.bars_held + (number - course.since if state.account.position != 0.0 else 0)
    keep(books[2], 0, Course(course.position, held, course.traded, number, course.n_fills))


@inner
def _news(events: FloatArray, fills: FloatArray, n_fills: int, orders: Orders) -> int:
    """Write down what the strategy is told of a bar: fills, then what ended without one; how much it is."""
    for at in range(n_fills):
        number = max(fills[at, ORDER], 0.0)
        events[at, 0], events[at, 1], events[at, 2] = number, fills[at, QUANTITY], fills[at, PAID]
        events[at, 3], events[at, 4] = fills[at, LEFT] if number > 0.0 else 0.0, fills[at, REASON]
    n_events = n_fills
    for at in range(orders.n):
        if orders.rows[at, STATUS] > FILLED:
            events[n_events, 0], events[n_events, 3] = orders.rows[at, NUMBER], orders.rows[at, LEAVES]
            events[n_events, 1] = events[n_events, 2] = 0.0
            events[n_events, 4] = NO_REASON
            n_events += 1
    return n_events


@inlined
def _is_finite(memory: FloatArray) -> bool:
    """Whether a restart could read what is remembered."""
    is_finite = True
    for value in memory:
        is_finite &= abs(value) < np.inf
    return is_finite


@inlined
def _is_touched(reach: Reach, ts: int, low: float, high: float) -> bool:
    """Whether a bar reaches an order, or one expires in it."""
    return low <= reach.low or high >= reach.high or ts >= reach.expires


class Given(NamedTuple):
    """What a bar works on: orders before it, room for what there is to tell and for fills, and the record."""

    handled: Handled
    orders: Orders
    events: FloatArray
    fills: FloatArray
    record: Record


class AtClose(NamedTuple):
    """Close at which a strategy is called.

    Parameters
    ----------
    ts
        Open time of its execution bar.
    close, equity, volatility
        As they are known there.
    row
        Strategy bar whose features are the newest.
    n_events
        What is told first.
    has_bar
        Whether a strategy bar closed.
    """

    ts: int
    close: float
    equity: float
    volatility: float
    row: int
    n_events: int
    has_bar: bool


class AfterCalls(NamedTuple):
    """Orders after a strategy was called, whether it asked for any, and whether it did what can't be."""

    orders: Orders
    has_asked: bool
    is_wrong: bool


@inlined
def _acted(handlers: Any, books: Any, given: Given, at: AtClose, terms: LoopTerms) -> AfterCalls:
    """Tell a strategy what happened, and then the newest bar if there is one; do what it asks for."""
    (on_bar, on_order), handled, orders, state = handlers, given.handled, given.orders, kept(books[0], 0)
    account, row, has_asked, is_wrong = state.account, handled.features[at.row], False, False
    for call in range(at.n_events + (1 if at.has_bar else 0)):
        view = View(at.close, account.position, account.entry_price, at.equity, float(orders.n))
        if call < at.n_events:
            told = given.events[call]
            event = OrderNews(told[0], told[1], told[2], told[3], told[4])
            on_order(view, event, row, handled.params, handled.memory, handled.asked)
        else:
            on_bar(view, NO_EVENT, row, handled.params, handled.memory, handled.asked)
        is_wrong |= not _is_finite(handled.memory)
        if clears_all(handled.asked):
            has_asked |= orders.n > 0
            orders = cleared(handled.asked, orders)
        elif handled.asked[0, 0] > 0.0:
            step, seen = terms.step, view_of(state, at.equity, at.close, at.volatility)
            times = (at.ts + step.step_ms, handled.step_ms, step.fills.latency_bars)
            done = carried_out(handled.asked, orders, Sight(seen, account.position, *times), terms.trading)
            orders, has_asked, is_wrong = done.orders, True, is_wrong | done.is_wrong
            state = with_counted(state, int(done.sight.seen.orders_today))
    if has_asked:
        keep(books[0], 0, state)
    return AfterCalls(orders, has_asked, is_wrong)


class AfterStep(NamedTuple):
    """Orders and lanes after a bar that was stepped, and how much there is to tell of it."""

    orders: Orders
    quiet: Quiet
    n_events: int


@inlined
def _stepped(books: Any, quiet: Quiet, given: Given, at: StepAt, terms: LoopTerms) -> AfterStep:
    """Step the book over a bar in which something may happen."""
    orders, record, n_events = given.orders, given.record, 0
    sheet = Sheet(orders.rows[: orders.n], given.fills)
    state = recalled(kept(books[0], 0), part_of(quiet, 0), at.last_close, at.seen)
    ended_days(record.daily_equity, _ALONE, at, state.curve.equity)
    _held_until(books, state, at.number)
    step_terms = step_terms_of(terms, _ALONE)
    outcome = step_orders(state, at.bar, step_terms, sheet)
    _booked(books, outcome, sheet.fills, at.bar.ts, record.trades)
    keep(books[0], 0, outcome.state)
    if outcome.n_fills > 0 or outcome.has_ended:
        n_events = _news(given.events, sheet.fills, outcome.n_fills, orders)
        orders = swept(orders)
    quiet = with_book(quiet, _ALONE, outcome.state, step_terms)
    quiet = with_calm(quiet, _ALONE, calm_of(outcome.state, np.nan, terms.trading, step_terms))
    return AfterStep(orders, quiet, n_events)


@inlined
def _ended(books: Any, quiet: Quiet, tape: Tape, terms: LoopTerms, record: Record) -> LoopResult:
    """Return what the book leaves, and write the equity of the last day."""
    end, n_bars = tape.ts.size - 1, tape.ts.size
    state = recalled(kept(books[0], 0), part_of(quiet, 0), tape.close[end], seen_at(tape, end))
    _held_until(books, state, n_bars)
    course = kept(books[2], 0)
    tally = Tally(course.bars_held, course.traded, get(quiet.peak, 0), 0.0 - get(quiet.deepest, 0))
    left = LoopResult(state, kept(books[1], 0), tally)
    result = finished(left, LaneEnd(tape.ts[end], tape.funding_at_end, _ALONE), terms, record.trades)
    record.daily_equity[_ALONE, tape.ts[end] // DAY_MS - tape.ts[0] // DAY_MS] = result.state.curve.equity
    record.bar_equity[_ALONE, -1:] = result.state.curve.equity
    return result


@kernel
def run_handled(  # noqa: C901, PLR0912, PLR0915 - one loop, whose branches are all events
    handlers: Any, tape: Tape, opening: Opening, terms: LoopTerms, record: Record
) -> HandledResult:
    """Run one book; see ``make_loop`` for its twin, whose targets are known ahead.

    ``handlers`` are the addresses of ``on_bar`` and ``on_order``.
    """
    tape, opening, terms, record = lent(tape), lent(opening), lent(terms), lent(record)
    start, orders, handled = opening.start, opening.orders, opening.handled
    fills, events = opening.fills, opening.events
    course = Course(start.state.account.position, 0, 0.0, 0, 0)
    books = (room(start.state, 1), room(TradeLog(0, start.trade), 1), room(course, 1))
    quiet = quiet_lanes(start.state, terms_in(terms, tape.beside, 0), 1)
    reach, row, volatility, has_volatility = (
        reach_of(orders),
        handled.row_before,
        0.0,
        handled.volatility.size > 0,
    )
    if row >= 0 and has_volatility:
        volatility = handled.volatility[row]
    has_closes, is_trailed, cursor = keeps_closes(record), tape.atr.size > 0, Cursor(0, 0, 0)
    pause, n_bars, last, wrong_bar = tape.pause[0], tape.ts.size, last_span(tape.beside), -1
    for span in range(last + 1):
        here = terms_in(terms, tape.beside, span)
        for i in range(span_edge(tape.beside, span, n_bars), span_edge(tape.beside, span + 1, n_bars)):
            u, n_events = np.uint64(i), 0
            ts, low, high, close = tape.ts[u], tape.low[u], tape.high[u], tape.close[u]
            lowest, highest = reach_at(tape.beside, u, low, high)
            is_busy = reached(quiet, ts, lowest, highest) != NONE or i == pause
            if unlikely(is_busy or _is_touched(reach, ts, lowest, highest)):
                given = Given(handled, orders, events, fills, record)
                at = step_at(tape, cursor, i, start.state)
                stepped = _stepped(books, quiet, given, at, here)
                orders, quiet, n_events = stepped.orders, stepped.quiet, stepped.n_events
                reach, cursor = reach_of(orders), past_pause(tape, cursor, i)
                pause = tape.pause[cursor.pause]
                low, high = np.inf, -np.inf  # the step has seen what of them was behind an entry
            elif reach.is_fresh:
                reach = rested(orders, reach)
            quiet = marked(quiet, close)
            decided = handled.decision_row[u]
            if decided >= 0 or n_events > 0:
                if decided >= 0:
                    row = decided
                    volatility = handled.volatility[row] if has_volatility else 0.0
                moment = AtClose(ts, close, get(quiet.equity, 0), volatility, row, n_events, decided >= 0)
                given = Given(handled, orders, events, fills, record)
                acted = _acted(handlers, books, given, moment, here)
                if acted.has_asked:
                    orders, reach = acted.orders, reach_of(acted.orders)
                if unlikely(acted.is_wrong):
                    wrong_bar = i
                    break
            if is_trailed:
                quiet = trailed(quiet, low, high, tape.atr[u])
            if has_closes:
                keep_close(record, quiet, u)
        if wrong_bar >= 0:
            break
    result = _ended(books, quiet, tape, terms_in(terms, tape.beside, last), record)
    return HandledResult(result, orders, kept(books[2], 0).n_fills, wrong_bar)
