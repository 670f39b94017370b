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
from quant_pipelines.backtest.loop import LoopResult, log_outcome, view_of
from quant_pipelines.backtest.portfolio_fund import (
    Fund,
    first_fund,
    fund_after_flow,
    fund_at_close,
    fund_at_open,
    with_peak,
)
from quant_pipelines.backtest.portfolio_values import (
    BookTable,
    HeldBook,
    PortfolioRecord,
    Reel,
    Schedule,
    account_view,
    matching_terms_of,
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
from quant_pipelines.backtest.tape import LoopTerms
from quant_pipelines.backtest.trades import EMPTY_LOG, TradeEnd, TradeLog, add_closing
from quant_pipelines.core.arrays import BoolArray, FloatArray
from quant_pipelines.core.jit import change_of, inlined, inner, kernel, scalar
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.costs import fee_of, taker_price
from quant_pipelines.trading.cycle import decide_order
from quant_pipelines.trading.rules import TradingTerms

_stepped = change_of(HeldBook, "state", "log", "tally")
_decided = change_of(HeldBook, "state", "row")
_paid = change_of(HeldBook, "state", "tally")
_traded = change_of(Tally, "traded_notional", "max_drawdown")
_with_value = change_of(Fund, "value", "tally")


@scalar
def bar_at(values: FloatArray, row: int, ts: int, ladder: FloatArray) -> StepBar:
    """Return a bar of the reel that opens at a time; no mark is known, and the order book is ``ladder``."""
    return StepBar(
        ts,
        values[row, 0],
        values[row, 1],
        values[row, 2],
        values[row, 3],
        values[row, 5],
        values[row, 4],
        0.0,
        0.0,
        0.0,
        ladder,
    )


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
    pending = state.order.quantity
    if pending != 0.0 and state.order.wait_bars == 0:
        price = taker_price(bar.open, pending, terms.costs, state.seen.volume, bar.ladder)
        filled = apply_fill(account, pending, price, fee_of(pending, price, terms.costs))
        worst = min(worst, worst_balance(filled, reach.mark_low, reach.mark_high, terms.margin))
    return worst


@kernel
def resting_bar(state: BookState, ts: int, ladder: FloatArray) -> StepBar:
    """Bar of a book whose symbol has none: it stands at its last close."""
    close = state.close
    return StepBar(ts, close, close, close, close, 0.0, 0.0, 0.0, 0.0, 0.0, ladder)


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
    log = log_outcome(book.log, outcome, (bar.ts, number), rows)
    return _stepped(book, state=state, log=log, tally=tally)


@inlined
def decided(
    book: HeldBook, values: FloatArray, fund: tuple[float, float], terms: tuple[TradingTerms, int]
) -> HeldBook:
    """Book after the close of its bar, moved on to the next; ``fund`` is value and baseline of its share."""
    row, (trading, wait_bars) = book.row, terms
    state = with_inputs(book.state, StopInputs(values[row, 7], values[row, 8], NO_SCALES))
    target = values[row, 9]
    if target == target:  # noqa: PLR0124 - a number
        volatility = values[row, 6]
        view = view_of(state, state.curve.equity, state.close, volatility)
        view = account_view(view, equity=fund[0], day_start_equity=fund[1])
        decision = decide_order(view, target, trading)
        state = with_order(state, decision.order_quantity, decision.target_side, wait_bars)
    return _decided(book, state=state, row=row + 1)


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
        value, part = book.state.curve.equity, amount * books.share[b]
        growth = growth_by(value, part) if value > 0.0 else 1.0
        tally = with_peak(book.tally, book.tally.peak * growth)
        held[b] = _paid(book, state=with_transfer(book.state, part), tally=tally)
    return after


@inner
def pay_due(held: list[HeldBook], fund: Fund, ts: int, books: BookTable, flows: Schedule) -> Fund:
    """Pay all flows up to a time."""
    while flows.flow_ts[fund.flow] <= ts and not fund.is_broken:
        fund = paid_in(held, fund, books, flows)
    return fund


@inner
def find_due(held: list[HeldBook], reel: Reel, ts: int, is_due: BoolArray) -> None:
    """Find the books that have a bar which opens at a time."""
    for b in range(len(held)):
        row = held[b].row
        is_due[b] = row < reel.end[b] and reel.ts[row] == ts


@inner
def supports(
    held: list[HeldBook],
    reel: Reel,
    at: tuple[int, BoolArray],
    reserve: float,
    terms: list[StepTerms],
) -> FloatArray:
    """Return what stands behind each book's own cash in a row: reserve and worst of all other books."""
    (ts, is_due), values, ladder = at, reel.values, reel.ladder
    worst = np.empty(len(held))
    for b in range(len(held)):
        book = held[b]
        bar = bar_at(values, book.row, ts, ladder) if is_due[b] else resting_bar(book.state, ts, ladder)
        worst[b] = worst_of(book.state, bar, terms[b])
    support = np.empty(len(held))
    for b in range(len(held)):
        support[b] = reserve
        for other in range(len(held)):
            if other != b:
                support[b] += worst[other]
    return support


@inlined
def step_row(
    held: list[HeldBook],
    reel: tuple[FloatArray, FloatArray],
    at: tuple[int, BoolArray],
    terms: list[StepTerms],
    support: FloatArray,
    rows: FloatArray,
) -> None:
    """Step every book that has a bar in a row."""
    (ts, is_due), (values, ladder) = at, reel
    for b in range(len(held)):
        if is_due[b]:
            book, own = held[b], terms[b]
            own = matching_terms_of(own, own.lot_size, support[b])
            held[b] = stepped(book, bar_at(values, book.row, ts, ladder), own, b, rows)


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
    held: list[HeldBook],
    values: FloatArray,
    is_due: BoolArray,
    fund: Fund,
    share: FloatArray,
    terms: tuple[list[TradingTerms], int],
) -> None:
    """Decide for every book that had a bar in a row, on its share of the account."""
    trading, wait_bars = terms
    for b in range(len(held)):
        if is_due[b]:
            part = (share[b] * fund.value, share[b] * fund.day_start)
            held[b] = decided(held[b], values, part, (trading[b], wait_bars))


@inner
def write_day(held: list[HeldBook], fund: Fund, day: int, record: PortfolioRecord) -> None:
    """Write the account and all books as of the end of a day."""
    record.value[day], record.units[day], record.paid[day] = fund.value, fund.units, fund.paid
    for b in range(len(held)):
        state = held[b].state
        record.equity[b, day] = state.curve.equity
        record.notional[b, day] = state.account.position * state.close


@inner
def close_books(
    held: list[HeldBook], fund: Fund, reel: Reel, terms: list[StepTerms], record: PortfolioRecord
) -> Fund:
    """Close every position at its last close."""
    value, traded, is_closed = fund.reserve, fund.tally.traded_notional, False
    for b in range(len(held)):
        book = held[b]
        state, fill = close_out(book.state, terms[b])
        log, tally = book.log, book.tally
        if fill.quantity != 0.0:
            end = TradeEnd(reel.ts[book.row - 1] + terms[b].step_ms, END, True, b)
            log = add_closing(log, fill, end, record.trades)
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
def first_books(flat: BookState, capital: float, books: BookTable, reel: Reel) -> list[HeldBook]:
    """All books before the first row; ``flat`` is a book without cash."""
    held = []
    for b in range(books.share.size):
        cash = capital * books.share[b]
        tally = Tally(0, 0.0, cash, 0.0)
        state = with_transfer(flat, cash)
        held.append(HeldBook(state, EMPTY_LOG, tally, reel.first[b]))
    return held


@kernel
def run_books(
    reel: Reel,
    books: BookTable,
    schedule: Schedule,
    start: tuple[BookState, float, float],
    terms: LoopTerms,
    record: PortfolioRecord,
) -> tuple[list[LoopResult], Fund]:
    """Run all books over the grid.

    Parameters
    ----------
    reel
        Bars of all books.
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
    matching = [matching_terms_of(step_terms_of(terms, b), books.lot_size[b], 0.0) for b in range(n_books)]
    trading = [trading_terms_of(terms.trading, books, b) for b in range(n_books)]
    held = first_books(flat, capital, books, reel)
    grid, values, share = schedule.grid, reel.values, books.share
    step_ms, wait_bars = terms.step.step_ms, terms.step.fills.latency_bars
    is_cross = terms.step.margin.brackets.shape[0] > 0 and terms.step.margin.leverage <= 0.0
    fund, day, first_day = first_fund(reserve, capital, grid[0]), 0, grid[0] // DAY_MS
    support, is_due = np.zeros(n_books), np.zeros(n_books, np.bool_)
    next_flow, keeps_bars = schedule.flow_ts[0], record.bar_value.size > 0
    for i in range(grid.size):
        ts = grid[i]
        today = ts // DAY_MS - first_day
        while day < today:
            write_day(held, fund, day, record)
            day += 1
        fund = fund_at_open(fund, ts)
        if next_flow <= ts:
            fund = pay_due(held, fund, ts, books, schedule)
            next_flow = schedule.flow_ts[fund.flow]
            if fund.is_broken:
                break
        find_due(held, reel, ts, is_due)
        if is_cross:
            support = supports(held, reel, (ts, is_due), fund.reserve, matching)
        step_row(held, (values, reel.ladder), (ts, is_due), matching, support, record.trades)
        fund = valued(held, fund, ts + step_ms)
        decide_row(held, values, is_due, fund, share, (trading, wait_bars))
        if keeps_bars:
            record.bar_value[i] = fund.value
    if terms.close_at_end and not fund.is_broken:
        fund = close_books(held, fund, reel, matching, record)
        record.bar_value[-1:] = fund.value
    write_day(held, fund, day, record)
    return [LoopResult(book.state, book.log, book.tally) for book in held], fund
