"""A row of an account: all its books take the bars that open at one time, whoever holds them.

The driver of backtests and the runner's paper sets both ask here, so that the margin that books share is
looked at alike.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from quant_pipelines.accounting.margin import Backing
from quant_pipelines.backtest.account.shared_margin import behind, binding, maintained_by, resting_bar
from quant_pipelines.backtest.account.worst import worst_of, worst_with_orders
from quant_pipelines.backtest.bar.state import StepBar
from quant_pipelines.backtest.book.book import Book
from quant_pipelines.core.arrays import FloatArray

Bar = TypeVar("Bar", contravariant=True)  # noqa: PLC0105 - as its alias is read


class RowBook(Protocol[Bar]):
    """A book of an account that takes bars."""

    @property
    def equity_left(self) -> float:
        """Equity at its last close, quote."""

    def worst(self, bar: Bar | None, ts: int) -> float:
        """Least that it leaves of the account's margin; without a bar it stands at its last close."""

    def maintained(self, bar: Bar | None, ts: int) -> float:
        """Margin that it must maintain in its bar; without one it stands at its last close."""

    def step(self, bar: Bar, backing: Backing) -> bool:
        """Book its bar; returns whether it was liquidated in it."""

    def liquidate_orders(self) -> None:
        """End what rests at it: the margin that it shares is liquidated."""


class Behind(NamedTuple):
    """What stands behind the books of an account.

    Parameters
    ----------
    reserve
        Cash that is no book's share, quote.
    debt
        How far a book may be below 0, quote; see ``MarginTerms``.
    is_cross
        Whether the books stand behind each other's margin.
    """

    reserve: float
    debt: float
    is_cross: bool


def left_by(book: Book, bar: StepBar | None, ts: int) -> float:
    """Least that a book leaves of the account's margin; without a bar it stands at its last close."""
    if book.state is None:
        return book.equity
    terms = book.terms_at(ts)
    if bar is None:
        return float(worst_of(book.state, resting_bar(book.state, ts, None), terms))
    return float(worst_with_orders(book.state, bar, terms, book.order_rows))


def maintained_at(book: Book, bar: StepBar | None, ts: int) -> float:
    """Margin that a book must maintain in its bar; without one it stands at its last close."""
    if book.state is None:
        return 0.0
    return float(maintained_by(book.state, bar or resting_bar(book.state, ts, None), book.terms_at(ts)))


def step_row(books: Sequence[RowBook[Bar]], bars: Sequence[Bar | None], ts: int, account: Behind) -> None:
    """Book the bars of a row, in the order of liquidation where the account doesn't cover its margins.

    Parameters
    ----------
    books
        Of the account, in their order.
    bars
        Of each book; None where its symbol has none.
    ts
        Time at which they open, milliseconds UTC.
    account
        What stands behind them.
    """
    if account.is_cross and len(bars) > 1:
        worst = [book.worst(bar, ts) for book, bar in zip(books, bars, strict=True)]
        if reduce(add, worst, account.reserve) <= 0.0:
            _liquidate(books, bars, ts, np.array(worst), account.reserve)
            return
    for book, bar in zip(books, bars, strict=True):
        if bar is not None:
            book.step(bar, Backing(account.debt, account.debt, account.debt))


def _liquidate(
    books: Sequence[RowBook[Bar]],
    bars: Sequence[Bar | None],
    ts: int,
    worst: FloatArray,
    reserve: float,
) -> None:
    is_left = np.ones(len(bars), dtype=np.bool_)
    left = reduce(add, worst.tolist(), reserve)
    pairs = list(zip(books, bars, strict=True))
    needed = np.array([book.maintained(bar, ts) for book, bar in pairs])
    liquidated = False
    for _ in bars:
        number = int(binding(needed, is_left))
        is_left[number] = False
        book, bar = pairs[number]
        if bar is None:
            continue
        support = beside = np.inf
        if left <= 0.0:
            support = float(behind(number, worst, reserve))
            beside = float(behind(number, worst + needed, reserve))
        if book.step(bar, Backing(support, np.inf, beside)):
            liquidated = True
            left += book.equity_left - float(worst[number])
            worst[number], needed[number] = book.equity_left, 0.0
    if liquidated:
        for book in books:
            book.liquidate_orders()
