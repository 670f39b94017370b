"""Values of the portfolio loop: what it reads of the books, the account as a whole, and what it writes."""

from typing import NamedTuple

from quant_pipelines.accounting.margin import with_support
from quant_pipelines.backtest.state import BookState, StepTerms
from quant_pipelines.backtest.tally import Tally
from quant_pipelines.backtest.trades import TradeLog
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.jit import change_of, inner
from quant_pipelines.trading.cycle import BookView
from quant_pipelines.trading.rules import TradingTerms


class Reel(NamedTuple):
    """Execution bars of all books, those of one behind those of the other.

    One matrix and not a tape for each book: compiled code counts every array of a tuple in and out at each
    call.

    Parameters
    ----------
    ts
        Open times, shape (n_rows,).
    values
        What ``REEL`` names of each bar, shape (n_rows, len(REEL)).
    first, end
        Rows of each book, ``[first, end)``; shape (n_books,).
    ladder
        The order book of every bar: none, see ``core.depth``.
    """

    ts: IntArray
    values: FloatArray
    first: IntArray
    end: IntArray
    ladder: FloatArray


REEL = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "funding_per_unit",
    "volatility",
    "atr",
    "deviation",
    "target",
)
"""Columns of a reel: those of a tape, funding at every bar, and the target decided on at its close."""


class BookTable(NamedTuple):
    """What differs from book to book besides its bars and its stops; shape (n_books,).

    Parameters
    ----------
    share
        Of the account's value.
    lot_size, min_notional
        Of its symbol.
    """

    share: FloatArray
    lot_size: FloatArray
    min_notional: FloatArray


class Schedule(NamedTuple):
    """Open times of the execution bars of all books; flows of cash by time, the last one never comes."""

    grid: IntArray
    flow_ts: IntArray
    flow_amount: FloatArray


class HeldBook(NamedTuple):
    """A book between two rows of the grid; ``row`` is that of its next bar in the reel."""

    state: BookState
    log: TradeLog
    tally: Tally
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


account_view = change_of(BookView, "equity", "day_start_equity")
"""What a decision sees of a book that is measured by its share of the account."""
_with_steps = change_of(TradingTerms, "lot_size", "min_notional")
_matching = change_of(StepTerms, "lot_size", "margin")


@inner
def trading_terms_of(terms: TradingTerms, books: BookTable, book: int) -> TradingTerms:
    """Trading terms with the steps of a book's symbol."""
    return _with_steps(terms, lot_size=books.lot_size[book], min_notional=books.min_notional[book])


@inner
def matching_terms_of(step: StepTerms, lot_size: float, support: float) -> StepTerms:
    """Return matching terms with a symbol's lot size and what stands behind the margin."""
    return _matching(step, lot_size=lot_size, margin=with_support(step.margin, support))
