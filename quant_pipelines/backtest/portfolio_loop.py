"""The compiled loop of several books in one account: a row of the time grid after the other.

In a row: flows of cash, then every book that has a bar is stepped, then the account is valued, then every
book with a decision decides on its share of that value. Every book is stepped by ``step_bar`` and decides
by ``decide_order``; nothing is booked here.
"""

import numpy as np

from quant_pipelines.accounting.account import apply_fill, apply_funding
from quant_pipelines.accounting.cross_margin import worst_balance
from quant_pipelines.accounting.nav import growth_by
from quant_pipelines.backtest.fills import reach_within
from quant_pipelines.backtest.loop import (
    Cursor,
    LoopResult,
    log_outcome,
    past_pause,
    seen_at,
    step_at,
    view_of,
)
from quant_pipelines.backtest.portfolio_fund import (
    Fund,
    first_fund,
    fund_after_flow,
    fund_at_close,
    fund_at_open,
)
from quant_pipelines.backtest.portfolio_values import (
    BookTable,
    HeldBook,
    PortfolioRecord,
    Schedule,
    account_view,
    matching_terms_of,
    tape_of,
    trading_terms_of,
)
from quant_pipelines.backtest.spans import step_terms_of
from quant_pipelines.backtest.state import (
    BookState,
    StepBar,
    StepOutcome,
    StepTerms,
    close_out,
    with_inputs,
    with_order,
    with_transfer,
)
from quant_pipelines.backtest.step import step_bar
from quant_pipelines.backtest.stops import END, NO_SCALES, StopInputs
from quant_pipelines.backtest.tally import Tally, drawdown_after, tally_end, traded_in
from quant_pipelines.backtest.tape import LoopTerms, Tape
from quant_pipelines.backtest.trades import EMPTY_LOG, TradeEnd, TradeLog, add_closing
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import inner, kernel
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.costs import fee_of, taker_price
from quant_pipelines.trading.cycle import decide_order
from quant_pipelines.trading.rules import TradingTerms


@kernel
def bar_at(tape: Tape, cursor: Cursor, row: int) -> StepBar:
    """Return an execution bar of a tape."""
    return step_at(tape, cursor, row).bar


@kernel
def moved_on(tape: Tape, cursor: Cursor, row: int) -> Cursor:
    """Cursor behind a bar of a tape."""
    return past_pause(tape, cursor, row)


@kernel
def logged(log: TradeLog, outcome: StepOutcome, at: tuple[int, int], rows: FloatArray) -> TradeLog:
    """Log of one book after a bar; ``at`` is its time and the book."""
    return log_outcome(log, outcome, at, rows)


@kernel
def worst_of(state: BookState, bar: StepBar, terms: StepTerms) -> float:
    """Least that a book leaves of the account's margin in a bar, with its pending order filled or not."""
    account = state.account
    if account.position != 0.0 and bar.funding_per_unit != 0.0:
        account = apply_funding(account, account.position * bar.funding_per_unit)
    reach = reach_within(bar)
    worst = worst_balance(account, reach.mark_low, reach.mark_high, terms.margin)
    if state.pending != 0.0 and state.wait_bars == 0:
        price = taker_price(bar.open, state.pending, terms.costs, state.seen.volume, bar.ladder)
        fee = fee_of(state.pending, price, terms.costs)
        filled = apply_fill(account, state.pending, price, fee)
        worst = min(worst, worst_balance(filled, reach.mark_low, reach.mark_high, terms.margin))
    return worst


@kernel
def resting_bar(state: BookState, ts: int, ladder: FloatArray) -> StepBar:
    """Bar of a book whose symbol has none: it stands at its last close."""
    close = state.close
    return StepBar(ts, close, close, close, close, 0.0, 0.0, 0.0, 0.0, 0.0, ladder)


@inner
def stepped(book: HeldBook, bar: StepBar, terms: StepTerms, number: int, rows: FloatArray) -> HeldBook:
    """Book after a bar of its own."""
    outcome = step_bar(book.state, bar, terms)
    state, tally = outcome.state, book.tally
    peak = max(tally.peak, state.equity)
    tally = Tally(
        tally.bars_held + (1 if state.account.position != 0.0 else 0),
        traded_in(tally.traded_notional, outcome),
        peak,
        drawdown_after(tally.max_drawdown, peak, state.equity),
    )
    log = log_outcome(book.log, outcome, (bar.ts, number), rows)
    return HeldBook(state, log, tally, book.cursor, book.row)


@inner
def decided(
    book: HeldBook, tape: Tape, target: float, fund: tuple[float, float], terms: tuple[TradingTerms, int]
) -> HeldBook:
    """Book after the close of its bar, moved on to the next; ``fund`` is value and baseline of its share."""
    row, (trading, wait_bars) = book.row, terms
    seen = seen_at(tape, row)
    state = with_inputs(book.state, StopInputs(seen.atr, seen.deviation, NO_SCALES))
    if target == target:  # noqa: PLR0124 - a number
        volatility = tape.volatility[row] if tape.volatility.size > 0 else 0.0
        view = account_view(view_of(state, state.equity, state.close, volatility), fund[0], fund[1])
        decision = decide_order(view, target, trading)
        state = with_order(state, decision.order_quantity, decision.target_side, wait_bars)
    return HeldBook(state, book.log, book.tally, moved_on(tape, book.cursor, row), row + 1)


@inner
def paid_in(held: list[HeldBook], fund: Fund, books: BookTable, flows: Schedule) -> Fund:
    """Pay the next flow into all books by their shares, and the rest into the reserve."""
    amount = flows.flow_amount[fund.flow]
    rest = amount
    for b in range(len(held)):
        rest -= amount * books.share[b]
    after = fund_after_flow(fund, amount, rest)
    if after.is_broken:
        return after
    for b in range(len(held)):
        book = held[b]
        state, part = book.state, amount * books.share[b]
        value, tally = state.equity, book.tally
        growth = growth_by(value, part) if value > 0.0 else 1.0
        tally = Tally(tally.bars_held, tally.traded_notional, tally.peak * growth, tally.max_drawdown)
        held[b] = HeldBook(with_transfer(state, part), book.log, tally, book.cursor, book.row)
    return after


@inner
def supports(
    held: list[HeldBook], tapes: list[Tape], ts: int, reserve: float, terms: list[StepTerms]
) -> FloatArray:
    """Return what stands behind each book's own cash in a row: reserve and worst of all other books."""
    worst = np.empty(len(held))
    for b in range(len(held)):
        book, tape = held[b], tapes[b]
        has_bar = book.row < tape.ts.size and tape.ts[book.row] == ts
        bar = bar_at(tape, book.cursor, book.row) if has_bar else resting_bar(book.state, ts, tape.ladders[0])
        worst[b] = worst_of(book.state, bar, terms[b])
    support = np.empty(len(held))
    for b in range(len(held)):
        support[b] = reserve
        for other in range(len(held)):
            if other != b:
                support[b] += worst[other]
    return support


@inner
def step_row(
    held: list[HeldBook],
    tapes: list[Tape],
    ts: int,
    terms: list[StepTerms],
    support: FloatArray,
    rows: FloatArray,
) -> None:
    """Step every book that has a bar in a row."""
    for b in range(len(held)):
        book, tape = held[b], tapes[b]
        if book.row < tape.ts.size and tape.ts[book.row] == ts:
            bar, own = bar_at(tape, book.cursor, book.row), terms[b]
            own = matching_terms_of(own, own.lot_size, support[b])
            held[b] = stepped(book, bar, own, b, rows)


@inner
def valued(held: list[HeldBook], fund: Fund, close_ts: int) -> Fund:
    """Account at the close of a row."""
    value, gross, traded = fund.reserve, 0.0, 0.0
    for b in range(len(held)):
        state = held[b].state
        value += state.equity
        gross += abs(state.account.position) * state.close
        traded += held[b].tally.traded_notional
    return fund_at_close(fund, value, gross, traded, close_ts)


@inner
def decide_row(
    held: list[HeldBook],
    tapes: list[Tape],
    ts: int,
    fund: Fund,
    books: BookTable,
    terms: tuple[list[TradingTerms], int],
) -> None:
    """Decide for every book that had a bar in a row, on its share of the account."""
    trading, wait_bars = terms
    for b in range(len(held)):
        book, tape = held[b], tapes[b]
        if book.row < tape.ts.size and tape.ts[book.row] == ts:
            target = books.target[books.cuts[0, b] + book.row]
            part = (books.share[b] * fund.value, books.share[b] * fund.day_start)
            held[b] = decided(book, tape, target, part, (trading[b], wait_bars))


@inner
def write_day(held: list[HeldBook], fund: Fund, day: int, record: PortfolioRecord) -> None:
    """Write the account and all books as of a day, which later rows of the same day overwrite."""
    record.value[day], record.units[day], record.paid[day] = fund.value, fund.units, fund.paid
    for b in range(len(held)):
        state = held[b].state
        record.equity[b, day] = state.equity
        record.notional[b, day] = state.account.position * state.close


@inner
def close_books(
    held: list[HeldBook], fund: Fund, tapes: list[Tape], terms: list[StepTerms], record: PortfolioRecord
) -> Fund:
    """Close every position at its last close."""
    value, traded, is_closed = fund.reserve, fund.tally.traded_notional, False
    for b in range(len(held)):
        book = held[b]
        state, fill = close_out(book.state, terms[b])
        log, tally = book.log, book.tally
        if fill.quantity != 0.0:
            end = TradeEnd(tapes[b].ts[-1] + terms[b].step_ms, END, True, b)
            log = add_closing(log, fill, end, record.trades)
            tally = tally_end(tally, fill, state.equity)
            traded += abs(fill.quantity) * fill.price
            is_closed = True
        value += state.equity
        held[b] = HeldBook(state, log, tally, book.cursor, book.row)
    tally = fund.tally
    if is_closed:
        deepest = drawdown_after(tally.max_drawdown, tally.peak, value)
        tally = Tally(tally.bars_held, traded, tally.peak, deepest)
    return Fund(
        fund.reserve,
        value,
        fund.paid,
        fund.units,
        fund.day_start,
        fund.day_end_ms,
        tally,
        fund.max_gross,
        fund.flow,
        fund.is_broken,
    )


@inner
def first_books(n_books: int, flat: BookState, capital: float, books: BookTable) -> list[HeldBook]:
    """All books before the first row; ``flat`` is a book without cash."""
    held = []
    for b in range(n_books):
        cash = capital * books.share[b]
        tally = Tally(0, 0.0, cash, 0.0)
        held.append(HeldBook(with_transfer(flat, cash), EMPTY_LOG, tally, Cursor(0, 0, 0), 0))
    return held


@kernel
def run_books(
    joined: Tape,
    books: BookTable,
    schedule: Schedule,
    start: tuple[BookState, float, float],
    terms: LoopTerms,
    record: PortfolioRecord,
) -> tuple[list[LoopResult], Fund]:
    """Run all books over the grid.

    Parameters
    ----------
    joined
        Tapes of all books, one behind the other.
    books, schedule
        What differs between them; when what happens.
    start
        A book without cash, the capital, and the part of it that is no book's share.
    terms
        Terms of all books, a lane each.
    record
        Written.
    """
    n_books, (flat, capital, reserve) = books.share.size, start
    tapes = [tape_of(joined, books.cuts, b) for b in range(n_books)]
    matching = [matching_terms_of(step_terms_of(terms, b), books.lot_size[b], 0.0) for b in range(n_books)]
    trading = [trading_terms_of(terms.trading, books, b) for b in range(n_books)]
    held = first_books(n_books, flat, capital, books)
    grid, step_ms, wait_bars = schedule.grid, terms.step.step_ms, terms.step.fills.latency_bars
    margin, first_day = terms.step.margin, grid[0] // DAY_MS
    is_cross = margin.brackets.shape[0] > 0 and margin.leverage <= 0.0
    fund, day = first_fund(reserve, capital, grid[0]), 0
    support = np.zeros(n_books)
    for i in range(grid.size):
        ts = grid[i]
        today = ts // DAY_MS - first_day
        for missing in range(day + 1, today):
            write_day(held, fund, missing, record)
        day = today
        fund = fund_at_open(fund, ts)
        while schedule.flow_ts[fund.flow] <= ts and not fund.is_broken:
            fund = paid_in(held, fund, books, schedule)
        if fund.is_broken:
            break
        if is_cross:
            support = supports(held, tapes, ts, fund.reserve, matching)
        step_row(held, tapes, ts, matching, support, record.trades)
        fund = valued(held, fund, ts + step_ms)
        decide_row(held, tapes, ts, fund, books, (trading, wait_bars))
        write_day(held, fund, day, record)
        if record.bar_value.size > 0:
            record.bar_value[i] = fund.value
    if terms.close_at_end and not fund.is_broken:
        fund = close_books(held, fund, tapes, matching, record)
        write_day(held, fund, day, record)
        record.bar_value[-1:] = fund.value
    return [LoopResult(book.state, book.log, book.tally) for book in held], fund
