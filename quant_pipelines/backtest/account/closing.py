"""How the books of an account end: at the last row, or where nothing is left of the account."""

import numpy as np

from quant_pipelines.accounting.margin import with_support
from quant_pipelines.backtest.account.fund import Fund, fund_insured
from quant_pipelines.backtest.account.shared_margin import is_nothing_left
from quant_pipelines.backtest.account.values import BookTerms, HeldBook, Reel, Work
from quant_pipelines.backtest.bar.state import StepFill, StepTerms, close_out, left_at_close
from quant_pipelines.backtest.bar.stops import BANKRUPTCY, END
from quant_pipelines.backtest.bar.tally import Tally, drawdown_after, tally_end
from quant_pipelines.backtest.bar.trades import TradeEnd, add_closing
from quant_pipelines.backtest.batch.loop import charged
from quant_pipelines.backtest.market.spans import step_terms_of, terms_under
from quant_pipelines.backtest.market.tape import LoopTerms
from quant_pipelines.core.jit import change_of, inlined, inner
from quant_pipelines.core.lanes import unlikely

_ended = change_of(HeldBook, "state", "log", "tally")
_with_margin = change_of(StepTerms, "margin")
_traded = change_of(Tally, "traded_notional", "max_drawdown")
_with_value = change_of(Fund, "value", "tally")


@inlined
def debt_of(n_books: int, fund: Fund) -> float:
    """How far a book may be below 0: one alone as far as the reserve reaches; see ``MarginTerms``."""
    return fund.reserve if n_books == 1 else np.inf


@inner
def terms_at(terms: LoopTerms, reel: Reel, book: int, span: int) -> BookTerms:
    """Terms of a book under one of its specifications; the ends in the spans have none."""
    here = terms_under(terms, reel.dated, span - book)
    return BookTerms(step_terms_of(here, book), here.trading)


@inlined
def span_at(reel: Reel, book: int, ts: int) -> int:
    """Return the specification of a book that is in force in a bar that opens then."""
    span = int(reel.first_span[book])
    while reel.span[span + 1] <= ts:
        span += 1
    return span


@inner
def end_books(held: list[HeldBook], fund: Fund, ts: int, work: Work) -> Fund:
    """Close all positions of an account of which nothing is left, at their last closes in or before a row."""
    reel, value = work.reel, fund.reserve
    for b in range(len(held)):
        book = held[b]
        fill = StepFill(-book.state.account.position, book.state.close, 0.0)
        state = left_at_close(book.state, fill)
        log, tally = book.log, book.tally
        if fill.quantity != 0.0:
            is_due = book.row < reel.end[b] and reel.ts[book.row] == ts
            end = TradeEnd(ts if is_due else reel.ts[book.row - 1], BANKRUPTCY, True, b)
            log, tally = add_closing(log, fill, end, work.trades), tally_end(tally, fill, state.curve.equity)
        value += state.curve.equity
        held[b] = _ended(book, state=state, log=log, tally=tally)
    return fund_insured(fund, value)


@inner
def close_books(held: list[HeldBook], fund: Fund, terms: LoopTerms, work: Work) -> Fund:
    """Close every position at its last close, by the specification of then."""
    reel = work.reel
    value, traded, is_closed = fund.reserve, fund.tally.traded_notional, False
    for b in range(len(held)):
        book, last_ts = held[b], reel.ts[held[b].row - 1]
        step = terms_at(terms, reel, b, span_at(reel, b, last_ts)).step
        debt = debt_of(len(held), fund)
        step = _with_margin(step, with_support(step.margin, debt, debt, debt))
        state, fill, funding_paid = close_out(book.state, step, reel.funding_at_end[b])
        log, tally = book.log, book.tally
        if fill.quantity != 0.0:
            log = charged(log, funding_paid)
            end = TradeEnd(last_ts + step.step_ms, END, True, b)
            log = add_closing(log, fill, end, work.trades)
            tally = tally_end(tally, fill, state.curve.equity)
            traded += abs(fill.quantity) * fill.price
            is_closed = True
        value += state.curve.equity
        held[b] = _ended(book, state=state, log=log, tally=tally)
    if unlikely(is_nothing_left(value, work.capital)):
        fund, value = fund_insured(fund, value), 0.0
    tally = fund.tally
    if is_closed:
        deepest = drawdown_after(tally.max_drawdown, tally.peak, value)
        tally = _traded(tally, traded_notional=traded, max_drawdown=deepest)
    return _with_value(fund, value=value, tally=tally)
