"""Values of the account loop: what it reads of the books and of the account, and what it writes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from quant_pipelines.backtest.account.fund import Fund
from quant_pipelines.backtest.bar.state import BookState, StepTerms
from quant_pipelines.backtest.bar.tally import Tally
from quant_pipelines.backtest.bar.trades import TradeLog
from quant_pipelines.backtest.batch.loop import LoopResult
from quant_pipelines.backtest.market.tape import Beside, Dated
from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.jit import change_of
from quant_pipelines.trading.cycle import BookView
from quant_pipelines.trading.rules import TradingTerms


class Reel(NamedTuple):
    """Execution bars of all books, those of one after those of the other.

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
    span, first_span
        Times from which on the specifications of each book are in force, with one that never comes after
        them, and where those of each book begin; shapes (n_specifications + n_books,) and (n_books,).
    funding_at_end
        Of each book at its last close, see ``Tape``; shape (n_books,).
    dated
        What these specifications are, without a row for the ends.
    beside
        Marks and order books, by rows; None where nothing is known of any.
    """

    ts: IntArray
    values: FloatArray
    first: IntArray
    end: IntArray
    span: IntArray
    first_span: IntArray
    funding_at_end: FloatArray
    dated: Dated
    beside: Beside | None


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
    "funding_inside",
)
"""Columns of a reel: those of a tape, and funding at every bar."""


class ShareTargets(NamedTuple):
    """What the books trade: the share of each, (n_books,), and the target at each row's close, (n_rows,).

    A target that is not a number is no decision.
    """

    share: FloatArray
    target: FloatArray


class Schedule(NamedTuple):
    """Open times of the execution bars of all books; flows of cash by time, the last one never comes."""

    grid: IntArray
    flow_ts: IntArray
    flow_amount: FloatArray


class Opening(NamedTuple):
    """How all books begin, see ``start_at``; the account's capital and value, and what is no book's."""

    starts: FloatArray
    capital: float
    value: float
    reserve: float


class HeldBook(NamedTuple):
    """A book between two rows of the grid; ``row`` is that of its next bar, ``span`` its specification's."""

    state: BookState
    log: TradeLog
    tally: Tally
    row: int
    span: int


class BookTerms(NamedTuple):
    """Terms of one book under the specification that is in force."""

    step: StepTerms
    trading: TradingTerms


class GridRow(NamedTuple):
    """Row of the grid.

    Parameters
    ----------
    ts
        Its time.
    is_due
        Books with a bar in it, shape (n_books,).
    worst
        Least that each leaves of the account's margin where they share it, shape (n_books,).
    support, beside, debt
        As in ``MarginTerms``, for each book, shape (n_books,), and for all.
    """

    ts: int
    is_due: BoolArray
    worst: FloatArray
    support: FloatArray
    beside: FloatArray
    debt: float


class Work(NamedTuple):
    """What a row needs besides: bars, stops, trades of all books, the account's capital, its own length.

    The capital is what float noise is measured by; 0 for one book, which ends as a pass does.
    """

    reel: Reel
    stops: FloatArray
    trades: FloatArray
    capital: float
    step_ms: int


class AccountRecord(NamedTuple):
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


class Passed(NamedTuple):
    """What a pass left of each book and of the account, what it wrote, and what event strategies remember."""

    outcomes: Sequence[LoopResult]
    fund: Fund
    record: AccountRecord
    desks: Sequence[dict[str, Any] | None]


account_view = change_of(BookView, "equity", "day_start_equity")
"""View of a book that is measured by its share of the account."""
