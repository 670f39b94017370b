"""How the books of an account begin: flat with their shares of the capital, or as a run before has left them.

A row of numbers for each book: compiled code would be made anew for every number of named tuples.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from quant_pipelines.accounting import Account, open_account
from quant_pipelines.backtest.account.plan import PlannedBook
from quant_pipelines.backtest.bar.state import (
    BookState,
    Curve,
    Day,
    MarketOrder,
    Stuck,
    opening_state,
    with_transfer,
)
from quant_pipelines.backtest.bar.stops import Guard, Seen, Standing
from quant_pipelines.backtest.bar.trades import NO_TRADE, OpenTrade
from quant_pipelines.backtest.batch.loop import Start
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import inner


def start_of_book(book: PlannedBook, first_ts: int) -> Start:
    """Return the state of a book before the first row, and its open round trip."""
    if book.settings.carried is None:
        return Start(
            with_transfer(opening_state(open_account(0.0), first_ts), book.settings.capital), NO_TRADE
        )
    (carried,) = book.settings.carried.books
    return Start(carried.state, carried.trade)


def starts_of(books: Sequence[PlannedBook], first_ts: int) -> list[Start]:
    """Return the state of each book before the first row, and its open round trip."""
    return [start_of_book(book, first_ts) for book in books]


def rows_of_starts(starts: Sequence[Start]) -> FloatArray:
    """Return the same as numbers, shape (n_books, n_numbers); see ``start_at``."""
    return np.array([list(_numbers(start)) for start in starts], dtype=np.float64)


@inner
def start_at(rows: FloatArray, b: int) -> Start:
    """Return how a book begins, from its row: the fields of a ``Start`` in their order."""
    row = rows[b]
    account = Account(row[0], row[1], row[2], row[3], row[4], row[5], row[6])
    order = MarketOrder(row[7], int(row[8]), int(row[9]))
    guard = Guard(
        int(row[11]),
        int(row[12]),
        row[13],
        row[14],
        int(row[15]),
        row[16],
        row[17],
        row[18],
        row[19],
        row[20],
        row[21],
    )
    day, curve = Day(row[22], int(row[23]), int(row[24])), Curve(row[25], row[26], row[27])
    seen = Seen(row[30], row[31], row[32], row[33], row[34], row[35])
    stuck = Stuck(row[36], int(row[37]))
    state = BookState(account, order, Standing(row[10], guard), day, curve, row[28], row[29], seen, stuck)
    trade = OpenTrade(int(row[38]), row[39], row[40], row[41], row[42], row[43], row[44], row[45])
    return Start(state, trade)


def _numbers(value: tuple[object, ...]) -> Iterator[float]:
    for part in value:
        if isinstance(part, tuple):
            yield from _numbers(part)
        else:
            yield float(part)  # type: ignore[arg-type]  # every leaf is a number
