"""The compiled loop of several books in one account: a row of the time grid after the other.

In a row: flows of cash, then every book that has a bar is stepped, then the account is valued, then every
book with a decision decides on its share of that value. Every book is stepped by ``step_bar`` and decides
by ``decide_order``; nothing is booked here.
"""

import numpy as np

from quant_pipelines.accounting.account import equity
from quant_pipelines.accounting.margin import with_support
from quant_pipelines.accounting.nav import growth_by
from quant_pipelines.backtest.account.closing import close_books, debt_of, end_books, span_at, terms_at
from quant_pipelines.backtest.account.fund import (
    Fund,
    first_fund,
    fund_after_flow,
    fund_at_close,
    fund_at_open,
    with_peak,
)
from quant_pipelines.backtest.account.opening import start_at
from quant_pipelines.backtest.account.shared_margin import (
    behind,
    binding,
    is_nothing_left,
    maintained_by,
    resting_bar,
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
    Work,
    account_view,
)
from quant_pipelines.backtest.account.worst import worst_of
from quant_pipelines.backtest.bar.state import (
    StepBar,
    StepOutcome,
    StepTerms,
    with_inputs,
    with_order,
    with_transfer,
)
from quant_pipelines.backtest.bar.step import step_bar
from quant_pipelines.backtest.bar.stops import LIQUIDATION, NO_SCALES, StopInputs
from quant_pipelines.backtest.bar.tally import Tally, tally_after, traded_in
from quant_pipelines.backtest.bar.trades import TradeLog
from quant_pipelines.backtest.batch.loop import LoopResult, log_outcome, view_of
from quant_pipelines.backtest.book.values import Part
from quant_pipelines.backtest.market.spans import (
    empty_ladder,
    ladder_at,
    mark_at,
    scaled_at,
)
from quant_pipelines.backtest.market.tape import N_RULES, LoopTerms
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import change_of, inlined, inner, kernel
from quant_pipelines.core.lanes import unlikely
from quant_pipelines.core.memory import lent
from quant_pipelines.core.timeframes import DAY_MS
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
def stepped(book: HeldBook, outcome: StepOutcome, ts: int, number: int, rows: FloatArray) -> HeldBook:
    """Book after a bar of its own."""
    state, traded = outcome.state, traded_in(book.tally.traded_notional, outcome)
    tally = tally_after(book.tally, traded, state.account.position != 0.0, state.curve.equity)
    log = log_outcome(book.log, outcome, ts, number, rows)
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
def open_row(held: list[HeldBook], books: list[BookTerms], reel: Reel, at: GridRow, terms: LoopTerms) -> None:
    """Find the books that have a bar in a row, and take over the specifications that are in force in it."""
    for b in range(len(held)):
        book = held[b]
        row, span = book.row, book.span
        at.is_due[b] = row < reel.end[b] and reel.ts[row] == at.ts
        if reel.span[span + 1] <= at.ts:
            span = span_at(reel, b, at.ts)
            held[b], books[b] = _in_span(book, span), terms_at(terms, reel, b, span)


@inner
def margin_row(
    held: list[HeldBook], books: list[BookTerms], reel: Reel, at: GridRow, reserve: float
) -> float:
    """Find the least that each book leaves in a row; returns what the account leaves with the reserve."""
    left, nothing = reserve, empty_ladder(reel.beside)
    for b in range(len(held)):
        book = held[b]
        bar = bar_at(reel, book.row) if at.is_due[b] else resting_bar(book.state, at.ts, nothing)
        at.worst[b] = worst_of(book.state, bar, books[b].step)
        left += at.worst[b]
    return left


@inlined
def step_book(held: list[HeldBook], books: list[BookTerms], at: GridRow, b: int, work: Work) -> StepOutcome:
    """Step a book that has a bar in a row."""
    row, step = held[b].row, books[b].step
    if unlikely(work.stops.shape[1] > N_RULES):
        step = scaled_at(step, work.stops, b, row - work.reel.first[b] - 1)
    step = _with_margin(step, with_support(step.margin, at.support[b], at.debt, at.beside[b]))
    bar = bar_at(work.reel, row)
    outcome = step_bar(held[b].state, bar, step)
    held[b] = stepped(held[b], outcome, bar.ts, b, work.trades)
    return outcome


@inlined
def step_row(held: list[HeldBook], books: list[BookTerms], at: GridRow, work: Work) -> None:
    """Step every book that has a bar in a row."""
    for b in range(len(held)):
        if at.is_due[b]:
            step_book(held, books, at, b, work)


@inner
def liquidate_row(
    held: list[HeldBook], books: list[BookTerms], at: GridRow, reserve: float, work: Work
) -> None:
    """Step every book that has a bar in a row in which the account doesn't cover its margins."""
    n_books, left, nothing = len(held), reserve, empty_ladder(work.reel.beside)
    needed, is_left = np.zeros(n_books), np.ones(n_books, np.bool_)
    for b in range(n_books):
        state, left = held[b].state, left + at.worst[b]
        bar = bar_at(work.reel, held[b].row) if at.is_due[b] else resting_bar(state, at.ts, nothing)
        needed[b] = maintained_by(state, bar, books[b].step)
    for _ in range(n_books):
        b = binding(needed, is_left)
        is_left[b] = False
        if not at.is_due[b]:
            continue
        if left <= 0.0:
            at.support[b] = behind(b, at.worst, reserve)
            at.beside[b] = behind(b, at.worst + needed, reserve)
        outcome = step_book(held, books, at, b, work)
        at.support[b] = at.beside[b] = np.inf
        if is_liquidated(outcome):
            equity_left = held[b].state.curve.equity
            left += equity_left - at.worst[b]
            at.worst[b], needed[b] = equity_left, 0.0


@inlined
def is_liquidated(outcome: StepOutcome) -> bool:
    """Whether a bar has liquidated its book."""
    at_open = outcome.gap_stop.quantity != 0.0 and outcome.gap_reason == LIQUIDATION
    return at_open or (outcome.stop.quantity != 0.0 and outcome.stop_reason == LIQUIDATION)


@inlined
def valued(held: list[HeldBook], fund: Fund, ts: int, work: Work) -> Fund:
    """Account at the close of a row; where nothing is left of it, it ends there."""
    value = plain = fund.reserve
    for b in range(len(held)):
        state = held[b].state
        value, plain = value + state.curve.equity, plain + equity(state.account, state.close)
    if unlikely(is_nothing_left(plain, work.capital)):
        fund, value = end_books(held, fund, ts, work), 0.0
    value = max(value, 0.0)  # below it is what exits that wait may cost: a fear, no loss
    gross, traded = 0.0, 0.0
    for b in range(len(held)):
        state = held[b].state
        gross += abs(state.account.position) * state.close
        traded += held[b].tally.traded_notional
    return fund_at_close(fund, value, gross, traded, ts + work.step_ms)


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
def first_books(start: Opening, reel: Reel) -> list[HeldBook]:
    """All books before the first row."""
    held = []
    for b in range(start.starts.shape[0]):
        state, trade = start_at(start.starts, b)
        tally = Tally(0, 0.0, state.curve.equity, 0.0)
        held.append(HeldBook(state, TradeLog(0, trade), tally, reel.first[b], reel.first_span[b]))
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
        Work.
    """
    reel, wanted, schedule = lent(reel), lent(wanted), lent(schedule)
    terms = lent(terms)
    grid, share = schedule.grid, wanted.share
    n_books, capital = share.size, start.capital
    held = first_books(start, reel)
    books = [terms_at(terms, reel, b, reel.first_span[b]) for b in range(n_books)]
    is_shared = n_books > 1 and reel.dated.brackets.shape[0] > 0 and terms.step.margin.leverage <= 0.0
    work = Work(reel, terms.stops, record.trades, capital if n_books > 1 else 0.0, terms.step.step_ms)
    fund, day, first_day = first_fund(start.reserve, start.value, capital, grid[0]), 0, grid[0] // DAY_MS
    worst, is_due = np.zeros(n_books), np.zeros(n_books, np.bool_)
    support, beside = np.full(n_books, np.inf), np.full(n_books, np.inf)
    next_flow, keeps_bars = schedule.flow_ts[0], record.bar_value.size > 0
    for i in range(grid.size):
        ts = grid[i]
        while day < ts // DAY_MS - first_day:
            write_day(held, fund, day, record)
            day += 1
        fund = fund_at_open(fund, ts)
        if next_flow <= ts:
            fund = pay_due(held, fund, ts, share, schedule)
            next_flow = schedule.flow_ts[fund.flow]
            if fund.is_broken:
                break
        at = GridRow(ts, is_due, worst, support, beside, debt_of(n_books, fund))
        support[0] = beside[0] = at.debt
        open_row(held, books, reel, at, terms)
        if is_shared and unlikely(margin_row(held, books, reel, at, fund.reserve) <= 0.0):
            liquidate_row(held, books, at, fund.reserve, work)
        else:
            step_row(held, books, at, work)
        fund = valued(held, fund, ts, work)
        decide_row(held, books, reel, wanted, at, fund)
        if keeps_bars:
            record.bar_value[i] = fund.value
    if terms.close_at_end and not fund.is_broken:
        fund = close_books(held, fund, terms, work)
        record.bar_value[-1:] = fund.value
    write_day(held, fund, day, record)
    return [LoopResult(book.state, book.log, book.tally) for book in held], fund
