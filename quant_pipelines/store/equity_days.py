"""Day ends of books: days that are over as they were stored, and the newest one by its bars so far.

Nobody else groups ``trading.equity`` by days: a trigger ends a day at the first bar of a later one.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Connection, text

from quant_pipelines.core.arrays import FloatArray, IntArray


class BookDays(NamedTuple):
    """UTC days on which the books of a deployment had bars, the newest one included.

    Parameters
    ----------
    days
        Days since 1970, ascending. ndarray of shape (n_days,), int64.
    equity
        At the end of each, quote, of all its books together; one without bars stands at its last, and before
        its first at its share of the capital. ndarray of shape (n_days,), float64.
    closes_us
        Close of each day's last bar, microseconds UTC. ndarray of shape (n_days,), int64.
    """

    days: IntArray
    equity: FloatArray
    closes_us: IntArray


class CountedBars(NamedTuple):
    """Closes that any book of a deployment has booked, and those with a position."""

    bars: int
    bars_held: int


class _OneBook(NamedTuple):
    days: IntArray
    equity: FloatArray
    closes_us: IntArray


_NO_DAYS: Final = (list[int](), list[float](), list[int]())


def read_book_days(
    connection: Connection, books: Mapping[int, Sequence[int]], capital: Mapping[int, float]
) -> dict[int, BookDays]:
    """Read the days of deployments.

    Parameters
    ----------
    connection
        Open transaction.
    books
        Ids of the books of each deployment: those of its legs, or its own.
    capital
        What each began with, quote.
    """
    own = [book for several in books.values() for book in several]
    # In this order: a day that ends between the two is among both, while the other way round it were in none.
    newest = {row.deployment_id: row for row in connection.execute(_NEWEST, {"books": own})}
    ended = {row.deployment_id: row for row in connection.execute(_ENDED, {"books": own})}
    each = {book: _days_of(ended.get(book), newest.get(book)) for book in own}
    return {
        owner: BookDays(*_together([each[book] for book in several], capital[owner]))
        for owner, several in books.items()
    }


def count_bars(connection: Connection, books: Mapping[int, Sequence[int]]) -> dict[int, CountedBars]:
    """Count the bars of deployments, by the ids of their books; those without any are left out."""
    own = [book for several in books.values() for book in several]
    owners = [owner for owner, several in books.items() for _ in several]
    counted = connection.execute(_COUNTED, {"books": own, "owners": owners})
    return {row.owner: CountedBars(int(row.bars), int(row.bars_held)) for row in counted}


def _days_of(ended: Any, newest: Any) -> _OneBook:
    """Days of one book: those that are over, then the newest."""
    days, equity, closes_us = _NO_DAYS if ended is None else (ended.days, ended.equity, ended.closes_us)
    if newest is not None:
        n_over = bisect_left(days, newest.day)
        days, equity = [*days[:n_over], newest.day], [*equity[:n_over], newest.equity]
        closes_us = [*closes_us[:n_over], newest.close_us]
    return _OneBook(
        np.array(days, dtype=np.int64),
        np.array(equity, dtype=np.float64),
        np.array(closes_us, dtype=np.int64),
    )


def _together(books: Sequence[_OneBook], capital: float) -> _OneBook:
    """Sum what books are worth at the end of each day on which one of them has a bar."""
    if len(books) == 1:
        return books[0]
    days = np.unique(np.concatenate([book.days for book in books]))
    worth, closes_us = np.zeros(days.size), np.zeros(days.size, dtype=np.int64)
    for book in books:
        at = np.searchsorted(book.days, days, side="right")
        worth = worth + np.concatenate([[capital / len(books)], book.equity])[at]
        closed = np.concatenate([[0], book.closes_us])[at]
        closes_us = np.maximum(closes_us, closed)
    return _OneBook(days, worth, closes_us)


_EPOCH_US = "(extract(epoch from {}) * 1000000)::bigint"
_ENDED = text(
    "select deployment_id, array_agg(day - date '1970-01-01' order by day) as days, "  # noqa: S608 - our own words
    "array_agg(equity order by day) as equity, "
    f"array_agg({_EPOCH_US.format('bar_close')} order by day) as closes_us "
    "from trading.equity_days where deployment_id = any(:books) group by deployment_id"
)
# The newest day of a book is the one that is not over.
_NEWEST_OF = (
    "cross join lateral (select ts, equity, trading.day_of(ts) as day from trading.equity "
    "where deployment_id = of_book order by ts desc limit 1) as newest"
)
_NEWEST = text(
    "select of_book as deployment_id, newest.day - date '1970-01-01' as day, newest.equity, "  # noqa: S608 - our own words
    f"{_EPOCH_US.format('newest.ts')} as close_us from unnest(:books) as of_book {_NEWEST_OF}"
)
# A day that is over for one leg and not for another is counted by its bars.
_COUNTED = text(
    "with own as (select * from unnest(:books, :owners) as own (of_book, owner)), "  # noqa: S608 - our own words
    f"open as (select distinct owner, newest.day from own {_NEWEST_OF}), "
    "bars as ("
    "select open.owner, count(distinct e.ts) as bars, "
    "count(distinct e.ts) filter (where e.position <> 0) as bars_held "
    "from open join own on own.owner = open.owner join trading.equity e on e.deployment_id = own.of_book "
    "and e.ts > open.day::timestamp at time zone 'UTC' "
    "and e.ts <= (open.day + 1)::timestamp at time zone 'UTC' group by open.owner "
    "union all "
    "select d.deployment_id, d.bars, d.bars_held from trading.equity_days d "
    "where d.deployment_id = any(:owners) and not exists "
    "(select from open where open.owner = d.deployment_id and open.day = d.day)) "
    "select owner, sum(bars) as bars, sum(bars_held) as bars_held from bars group by owner"
)
