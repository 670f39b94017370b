"""The compiled loop of several books in one account: a row of the time grid after the other.

In a row: flows of cash, then every book that has a bar is stepped, then the account is valued, then every
book with a decision decides on its share of that value. Every book is stepped by ``step_bar`` and decides
by ``decide_order``; nothing is booked here.
"""

import numpy as np

from quant_pipelines.accounting.account import Account, apply_fill, apply_funding
from quant_pipelines.accounting.cross_margin import worst_balance
from quant_pipelines.accounting.margin import with_support
from quant_pipelines.accounting.nav import growth_by
from quant_pipelines.backtest.account.fund import (
    Fund,
    first_fund,
    fund_after_flow,
    fund_at_close,
    fund_at_open,
    with_peak,
)
from quant_pipelines.backtest.account.values import (
    AccountRecord,
    BookTerms,
    GridRow,
    HeldBook,
    Opening,
    Reel,
    Schedule,
    ShareTargets,
    account_view,
)
from quant_pipelines.backtest.bar.fills import fillable, reach_within
from quant_pipelines.backtest.bar.state import (
    BookState,
    StepBar,
    StepTerms,
    close_out,
    with_inputs,
    with_order,
    with_transfer,
)
from quant_pipelines.backtest.bar.step import step_bar
from quant_pipelines.backtest.bar.stops import END, NO_SCALES, StopInputs
from quant_pipelines.backtest.bar.tally import Tally, drawdown_after, tally_end, traded_in
from quant_pipelines.backtest.bar.trades import EMPTY_LOG, TradeEnd, add_closing
from quant_pipelines.backtest.batch.loop import LoopResult, charged, log_outcome, view_of
from quant_pipelines.backtest.book.values import Part
from quant_pipelines.backtest.market.spans import (
    empty_ladder,
    ladder_at,
    mark_at,
    scaled_at,
    step_terms_of,
    terms_under,
)
from quant_pipelines.backtest.market.tape import N_RULES, LoopTerms
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import change_of, inlined, inner, kernel
from quant_pipelines.core.lanes import unlikely
from quant_pipelines.core.memory import lent
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.costs import fee_of, taker_price
from quant_pipelines.trading.cycle import decide_order

_stepped = change_of(HeldBook, "state", "log", "tally")
_decided = change_of(HeldBook, "state", "row")
_paid = change_of(HeldBook, "state", "tally")
_in_span = change_of(HeldBook, "span")
_with_margin = change_of(StepTerms, "margin")
_traded = change_of(Tally, "traded_notional", "max_drawdown")
_with_value = change_of(Fund, "value", "tally")


@inlined
def bar_at(reel: Reel, row: int) -> StepBar:
    """Return a bar of the reel."""
    values = reel.values
    mark_open, mark_high, mark_low = mark_at(reel.beside, row)
    return StepBar(
        reel.ts[row],
        values[row, 0],
        values[row, 1],
        values[row, 2],
        values[row, 3],
        values[row, 5],
        values[row, 4],
        mark_open,
        mark_high,
        mark_low,
        ladder_at(reel.beside, row),
        values[row, 9],
    )


@inlined
def funded(account: Account, funding_per_unit: float) -> Account:
    """Pay funding on what an account holds."""
    if funding_per_unit == 0.0 or account.position == 0.0:
        return account
    return apply_funding(account, account.position * funding_per_unit)


@kernel
def worst_of(state: BookState, bar: StepBar, terms: StepTerms) -> float:
    """Least that a book leaves of the account's margin in a bar, with its pending order filled or not."""
    account = funded(state.account, bar.funding_per_unit)
    reach = reach_within(bar)
    held = funded(account, bar.funding_inside)
    worst = worst_balance(held, reach.mark_low, reach.mark_high, terms.margin)
    pending = fillable(state.order, state.seen.volume, terms)
    if pending != 0.0 and state.order.wait_bars == 0:
        price = taker_price(bar.open, pending, terms.costs, state.seen.volume, bar.ladder)
        filled = apply_fill(account, pending, price, fee_of(pending, price, terms.costs))
        filled = funded(filled, bar.funding_inside)
        worst = min(worst, worst_balance(filled, reach.mark_low, reach.mark_high, terms.margin))
    return worst


@inlined
def resting_bar(state: BookState, ts: int, ladder: FloatArray | None) -> StepBar:
    """Bar of a book whose symbol has none: it stands at its last close."""
    close = state.close
    return StepBar(ts, close, close, close, close, 0.0, 0.0, 0.0, 0.0, 0.0, ladder, 0.0)


@inlined
def stepped(book: HeldBook, bar: StepBar, terms: StepTerms, number: int, rows: FloatArray) -> HeldBook:
    """Book after a bar of its own."""
    outcome = step_bar(book.state, bar, terms)
    state, tally = outcome.state, book.tally
    peak = max(tally.peak, state.curve.equity)
    tally = Tally(
        tally.bars_held + (1 if state.account.position != 0.0 else 0),
        traded_in(tally.traded_notional, outcome),
        peak,
        drawdown_after(tally.max_drawdown, peak, state.curve.equity),
    )
    log = log_outcome(book.log, outcome, bar.ts, number, rows)
    return _stepped(book, state=state, log=log, tally=tally)


@inlined
def decided(book: HeldBook, values: FloatArray, target: float, part: Part, terms: BookTerms) -> HeldBook:
    """Book after the close of its bar, moved on to the next."""
    row = book.row
    state = with_inputs(book.state, StopInputs(values[row, 7], values[row, 8], NO_SCALES))
    if target == target:  # noqa: PLR0124 - a number
        volatility = values[row, 6]
        view = view_of(state, state.curve.equity, state.close, volatility)
        view = account_view(view, equity=part.equity, day_start_equity=part.day_start_equity)
        decision = decide_order(view, target, terms.trading)
        wait_bars = terms.step.fills.latency_bars
        state = with_order(state, decision.order_quantity, decision.target_side, wait_bars)
    return _decided(book, state=state, row=row + 1)


@inner
def paid_in(held: list[HeldBook], fund: Fund, share: FloatArray, flows: Schedule) -> Fund:
    """Pay the next flow into all books by their shares, and the rest into the reserve."""
    amount = flows.flow_amount[fund.flow]
    rest = amount
    for b in range(len(held)):
        rest -= amount * share[b]
    after = fund_after_flow(fund, amount, rest)
    if after.is_broken:
        return after
    for b in range(len(held)):
        book = held[b]
        value, part = book.state.curve.equity, amount * share[b]
        growth = growth_by(value, part) if value > 0.0 else 1.0
        tally = with_peak(book.tally, book.tally.peak * growth)
        held[b] = _paid(book, state=with_transfer(book.state, part), tally=tally)
    return after


@inner
def pay_due(held: list[HeldBook], fund: Fund, ts: int, share: FloatArray, flows: Schedule) -> Fund:
    """Pay all flows up to a time."""
    while flows.flow_ts[fund.flow] <= ts and not fund.is_broken:
        fund = paid_in(held, fund, share, flows)
    return fund


@inner
def terms_at(terms: LoopTerms, reel: Reel, book: int, span: int) -> BookTerms:
    """Terms of a book under one of its specifications; the ends in the spans have none."""
    here = terms_under(terms, reel.dated, span - book)
    return BookTerms(step_terms_of(here, book), here.trading)


@inner
def open_row(held: list[HeldBook], books: list[BookTerms], reel: Reel, at: GridRow, terms: LoopTerms) -> None:
    """Find the books that have a bar in a row, and take over the specifications that begin with it."""
    for b in range(len(held)):
        book = held[b]
        row, span = book.row, book.span
        at.is_due[b] = row < reel.end[b] and reel.ts[row] == at.ts
        if at.is_due[b] and reel.span[span + 1] <= row:
            while reel.span[span + 1] <= row:
                span += 1
            held[b], books[b] = _in_span(book, span), terms_at(terms, reel, b, span)


@inner
def support_row(
    held: list[HeldBook], books: list[BookTerms], reel: Reel, at: GridRow, reserve: float
) -> None:
    """Find what stands behind each book's own cash in a row: reserve and worst of all other books."""
    worst, nothing = np.empty(len(held)), empty_ladder(reel.beside)
    for b in range(len(held)):
        book = held[b]
        bar = bar_at(reel, book.row) if at.is_due[b] else resting_bar(book.state, at.ts, nothing)
        worst[b] = worst_of(book.state, bar, books[b].step)
    for b in range(len(held)):
        at.support[b] = reserve
        for other in range(len(held)):
            if other != b:
                at.support[b] += worst[other]


@inlined
def step_row(
    held: list[HeldBook], books: list[BookTerms], reel: Reel, at: GridRow, stops: FloatArray, rows: FloatArray
) -> None:
    """Step every book that has a bar in a row."""
    for b in range(len(held)):
        if at.is_due[b]:
            row, step = held[b].row, books[b].step
            if unlikely(stops.shape[1] > N_RULES):
                step = scaled_at(step, stops, b, row - reel.first[b] - 1)
            step = _with_margin(step, with_support(step.margin, at.support[b]))
            held[b] = stepped(held[b], bar_at(reel, row), step, b, rows)


@inlined
def valued(held: list[HeldBook], fund: Fund, close_ts: int) -> Fund:
    """Account at the close of a row."""
    value, gross, traded = fund.reserve, 0.0, 0.0
    for b in range(len(held)):
        state = held[b].state
        value += state.curve.equity
        gross += abs(state.account.position) * state.close
        traded += held[b].tally.traded_notional
    return fund_at_close(fund, value, gross, traded, close_ts)


@inlined
def decide_row(
    held: list[HeldBook], books: list[BookTerms], reel: Reel, wanted: ShareTargets, at: GridRow, fund: Fund
) -> None:
    """Decide for every book that had a bar in a row, on its share of the account."""
    for b in range(len(held)):
        if at.is_due[b]:
            share, target = wanted.share[b], wanted.target[held[b].row]
            part = Part(share * fund.value, share * fund.day_start)
            held[b] = decided(held[b], reel.values, target, part, books[b])


@inner
def write_day(held: list[HeldBook], fund: Fund, day: int, record: AccountRecord) -> None:
    """Write the account and all books as of the end of a day."""
    record.value[day], record.units[day], record.paid[day] = fund.value, fund.units, fund.paid
    for b in range(len(held)):
        state = held[b].state
        record.equity[b, day] = state.curve.equity
        record.notional[b, day] = state.account.position * state.close


@inner
def close_books(
    held: list[HeldBook], books: list[BookTerms], fund: Fund, reel: Reel, trades: FloatArray
) -> Fund:
    """Close every position at its last close."""
    value, traded, is_closed = fund.reserve, fund.tally.traded_notional, False
    for b in range(len(held)):
        book, terms = held[b], books[b].step
        state, fill, funding_paid = close_out(book.state, terms, reel.funding_at_end[b])
        log, tally = book.log, book.tally
        if fill.quantity != 0.0:
            log = charged(log, funding_paid)
            end = TradeEnd(reel.ts[book.row - 1] + terms.step_ms, END, True, b)
            log = add_closing(log, fill, end, trades)
            tally = tally_end(tally, fill, state.curve.equity)
            traded += abs(fill.quantity) * fill.price
            is_closed = True
        value += state.curve.equity
        held[b] = _stepped(book, state=state, log=log, tally=tally)
    tally = fund.tally
    if is_closed:
        deepest = drawdown_after(tally.max_drawdown, tally.peak, value)
        tally = _traded(tally, traded_notional=traded, max_drawdown=deepest)
    return _with_value(fund, value=value, tally=tally)


@inner
def first_books(start: Opening, share: FloatArray, reel: Reel) -> list[HeldBook]:
    """All books before the first row."""
    held = []
    for b in range(share.size):
        cash = start.capital * share[b]
        tally = Tally(0, 0.0, cash, 0.0)
        state = with_transfer(start.flat, cash)
        held.append(HeldBook(state, EMPTY_LOG, tally, reel.first[b], reel.first_span[b]))
    return held


@kernel
def run_books(
    reel: Reel,
    wanted: ShareTargets,
    schedule: Schedule,
    start: Opening,
    terms: LoopTerms,
    record: AccountRecord,
) -> tuple[list[LoopResult], Fund]:
    """Run all books over the grid.

    Parameters
    ----------
    reel
        Bars of all books.
    wanted, schedule
        What they trade; when what happens.
    start
        How the account opens.
    terms
        Terms of all books, a lane each.
    record
        Written.
    """
    reel, wanted, schedule = lent(reel), lent(wanted), lent(schedule)
    terms = lent(terms)
    grid, share = schedule.grid, wanted.share
    n_books, step_ms, capital = share.size, terms.step.step_ms, start.capital
    held = first_books(start, share, reel)
    books = [terms_at(terms, reel, b, reel.first_span[b]) for b in range(n_books)]
    is_cross = reel.dated.brackets.shape[0] > 0 and terms.step.margin.leverage <= 0.0
    fund, day, first_day = first_fund(start.reserve, capital, grid[0]), 0, grid[0] // DAY_MS
    support, is_due = np.zeros(n_books), np.zeros(n_books, np.bool_)
    next_flow, keeps_bars = schedule.flow_ts[0], record.bar_value.size > 0
    for i in range(grid.size):
        at = GridRow(grid[i], is_due, support)
        while day < at.ts // DAY_MS - first_day:
            write_day(held, fund, day, record)
            day += 1
        fund = fund_at_open(fund, at.ts)
        if next_flow <= at.ts:
            fund = pay_due(held, fund, at.ts, share, schedule)
            next_flow = schedule.flow_ts[fund.flow]
            if fund.is_broken:
                break
        open_row(held, books, reel, at, terms)
        if is_cross:
            support_row(held, books, reel, at, fund.reserve)
        step_row(held, books, reel, at, terms.stops, record.trades)
        fund = valued(held, fund, at.ts + step_ms)
        decide_row(held, books, reel, wanted, at, fund)
        if keeps_bars:
            record.bar_value[i] = fund.value
    if terms.close_at_end and not fund.is_broken:
        fund = close_books(held, books, fund, reel, record.trades)
        record.bar_value[-1:] = fund.value
    write_day(held, fund, day, record)
    return [LoopResult(book.state, book.log, book.tally) for book in held], fund
