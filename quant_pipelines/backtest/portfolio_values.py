"""Values of the portfolio loop: what it reads of the books, the account as a whole, and what it writes.

Compiled code can't replace a field of a named tuple: the functions here that build one anew name every field
of it, and a test compares the names, so that a new field isn't lost.
"""

from typing import NamedTuple

from quant_pipelines.accounting.margin import with_support
from quant_pipelines.backtest.loop import Cursor
from quant_pipelines.backtest.state import BookState, StepTerms
from quant_pipelines.backtest.tally import Tally
from quant_pipelines.backtest.tape import Tape
from quant_pipelines.backtest.trades import TradeLog
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.jit import inner
from quant_pipelines.trading.cycle import BookView
from quant_pipelines.trading.rules import TradingTerms


class BookTable(NamedTuple):
    """What differs from book to book besides its tape and its stops.

    Parameters
    ----------
    share
        Of the account's value; shape (n_books,).
    lot_size, min_notional
        Of its symbol; shape (n_books,).
    cuts
        Where each book's part of each column of the joined tape begins, and the end behind it;
        shape (n_columns, n_books + 1).
    target
        Decided on at the close of each execution bar of each book, joined; NaN is no decision.
    """

    share: FloatArray
    lot_size: FloatArray
    min_notional: FloatArray
    cuts: IntArray
    target: FloatArray


class Schedule(NamedTuple):
    """Open times of the execution bars of all books; flows of cash by time, the last one never comes."""

    grid: IntArray
    flow_ts: IntArray
    flow_amount: FloatArray


class HeldBook(NamedTuple):
    """A book between two rows of the grid; ``row`` is that of its next bar in its tape."""

    state: BookState
    log: TradeLog
    tally: Tally
    cursor: Cursor
    row: int


class PortfolioRecord(NamedTuple):
    """Arrays that a pass writes; ``trades`` as in ``tape.Record``.

    Parameters
    ----------
    value, units, paid
        Of the account at the end of each UTC day, shape (n_days,).
    equity, notional
        Of each book at the end of each UTC day, shape (n_books, n_days); notional is signed.
    bar_value
        Of the account at each row of the grid, shape (n_rows,), or (0,) where it isn't asked for.
    trades
        Shape (n_books, capacity, len(COLUMNS)).
    """

    value: FloatArray
    units: FloatArray
    paid: FloatArray
    equity: FloatArray
    notional: FloatArray
    bar_value: FloatArray
    trades: FloatArray


@inner
def tape_of(joined: Tape, cuts: IntArray, book: int) -> Tape:
    """Return one book's part of the joined tape."""
    b = book
    return Tape(
        joined.ts[cuts[0, b] : cuts[0, b + 1]],
        joined.open[cuts[1, b] : cuts[1, b + 1]],
        joined.high[cuts[2, b] : cuts[2, b + 1]],
        joined.low[cuts[3, b] : cuts[3, b + 1]],
        joined.close[cuts[4, b] : cuts[4, b + 1]],
        joined.volume[cuts[5, b] : cuts[5, b + 1]],
        joined.volatility[cuts[6, b] : cuts[6, b + 1]],
        joined.atr[cuts[7, b] : cuts[7, b + 1]],
        joined.deviation[cuts[8, b] : cuts[8, b + 1]],
        joined.pause[cuts[9, b] : cuts[9, b + 1]],
        joined.funding_bar[cuts[10, b] : cuts[10, b + 1]],
        joined.funding_per_unit[cuts[11, b] : cuts[11, b + 1]],
        joined.reach_low[cuts[12, b] : cuts[12, b + 1]],
        joined.reach_high[cuts[13, b] : cuts[13, b + 1]],
        joined.span[cuts[14, b] : cuts[14, b + 1]],
        joined.mark_open[cuts[15, b] : cuts[15, b + 1]],
        joined.mark_high[cuts[16, b] : cuts[16, b + 1]],
        joined.mark_low[cuts[17, b] : cuts[17, b + 1]],
        joined.ladders[cuts[18, b] : cuts[18, b + 1]],
        joined.ladder[cuts[19, b] : cuts[19, b + 1]],
    )


@inner
def trading_terms_of(terms: TradingTerms, books: BookTable, book: int) -> TradingTerms:
    """Trading terms with the steps of a book's symbol."""
    return TradingTerms(
        terms.costs,
        terms.sizing,
        terms.limits,
        terms.lowest_target,
        terms.highest_target,
        books.lot_size[book],
        books.min_notional[book],
        terms.rebalance_band,
    )


@inner
def matching_terms_of(step: StepTerms, lot_size: float, support: float) -> StepTerms:
    """Return matching terms with a symbol's lot size and what stands behind the margin."""
    margin = with_support(step.margin, support)
    return StepTerms(step.costs, step.hard_stop, lot_size, step.step_ms, step.stops, step.fills, margin)


@inner
def account_view(view: BookView, equity: float, day_start_equity: float) -> BookView:
    """Return what a decision sees of a book that is measured by its share of the account."""
    return BookView(
        view.position,
        equity,
        view.price,
        day_start_equity,
        view.target_side,
        view.volatility,
        view.data_age_seconds,
        view.orders_today,
    )


REBUILT = {
    Tape: (
        "ts",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "volatility",
        "atr",
        "deviation",
        "pause",
        "funding_bar",
        "funding_per_unit",
    ),
    TradingTerms: (
        "costs",
        "sizing",
        "limits",
        "lowest_target",
        "highest_target",
        "lot_size",
        "min_notional",
        "rebalance_band",
    ),
    StepTerms: ("costs", "hard_stop", "lot_size", "step_ms", "stops", "fills", "margin"),
    BookView: (
        "position",
        "equity",
        "price",
        "day_start_equity",
        "target_side",
        "volatility",
        "data_age_seconds",
    ),
}
"""Fields of the named tuples that are built anew here, in the order in which they are named."""
