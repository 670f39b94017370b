"""Trades and order-book snapshots in PostgreSQL: monthly partitions, each event once."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple, Protocol

import numpy as np
from sqlalchemy import Connection, Engine, Table, text

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.bar_partitions import following_month
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.partition_locks import make_when_free
from quant_pipelines.store.tables import book_snapshots, trades

_PARTITION_LOCK = 0x45564E54
Levels = Sequence[tuple[float, float]]


class TradeRow(NamedTuple):
    """One public trade: time in milliseconds UTC, quote per base, base units."""

    ts: int
    trade_id: str
    price: float
    quantity: float
    is_buyer_maker: bool


class Snapshot(Protocol):
    """An order book at a moment; `quant_pipelines.exchange.BookSnapshot` is one."""

    @property
    def ts(self) -> int: ...  # noqa: D102
    @property
    def bids(self) -> Levels: ...  # noqa: D102
    @property
    def asks(self) -> Levels: ...  # noqa: D102
    @property
    def received_ms(self) -> int: ...  # noqa: D102


def save_trades(engine: Engine, exchange: str, symbol: str, rows: Sequence[TradeRow]) -> int:
    """Store trades; one that is stored already stays as it is. A trade is known when it trades.

    Returns
    -------
    int
        Rows added.
    """
    if not rows:
        return 0
    _ensure_months(engine, trades, {row.ts for row in rows})
    ts, ids, prices, quantities, makers = zip(*rows, strict=True)
    query = (
        "insert into market.trades "
        "(exchange, symbol, ts, trade_id, price, quantity, is_buyer_maker, available_at) "
        "select %s, %s, ts, trade_id, price, quantity, is_buyer_maker, ts "
        "from unnest(%s::timestamptz[], %s::text[], %s::float8[], %s::float8[], %s::boolean[]) "
        "as incoming (ts, trade_id, price, quantity, is_buyer_maker) on conflict do nothing"
    )
    arrays = ([from_ms(moment) for moment in ts], list(ids), list(prices), list(quantities), list(makers))
    with transaction(engine) as connection:
        return connection.exec_driver_sql(query, (exchange, symbol, *arrays)).rowcount


def save_book(engine: Engine, exchange: str, symbol: str, book: Snapshot) -> bool:
    """Store a snapshot, known from when it reached us on; False if one of that moment is stored already."""
    _ensure_months(engine, book_snapshots, {book.ts})
    query = (
        "insert into market.book_snapshots (exchange, symbol, ts, bid_prices, bid_quantities, "
        "ask_prices, ask_quantities, available_at) values (%s, %s, %s, %s, %s, %s, %s, %s) "
        "on conflict do nothing"
    )
    sides = [[level[at] for level in side] for side in (book.bids, book.asks) for at in (0, 1)]
    known = from_ms(max(book.ts, book.received_ms))
    with transaction(engine) as connection:
        values = (exchange, symbol, from_ms(book.ts), *sides, known)
        return connection.exec_driver_sql(query, values).rowcount == 1


def read_tops(
    engine: Engine, exchange: str, symbol: str, window: Window
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Read the best prices of the stored books in a window, oldest first.

    Returns
    -------
    tuple of ndarray
        Times in milliseconds UTC, best bids and best asks, each of shape (n_books,); NaN for an empty side.
    """
    query = text(
        "select (extract(epoch from ts) * 1000)::bigint, bid_prices[1], ask_prices[1] "
        "from market.book_snapshots where exchange = :exchange and symbol = :symbol "
        "and ts >= :start and ts < :end order by ts"
    )
    bounds = {
        "exchange": exchange,
        "symbol": symbol,
        "start": from_ms(window.start_ms),
        "end": from_ms(window.end_ms),
    }
    with transaction(engine) as connection:
        rows = connection.execute(query, bounds).all()
    bids, asks = (np.array([row[at] for row in rows], dtype=np.float64) for at in (1, 2))
    return np.array([row[0] for row in rows], dtype=np.int64), bids, asks


def read_books(
    engine: Engine, exchange: str, symbol: str, window: Window
) -> list[tuple[int, Levels, Levels]]:
    """Read the books that became known in a window: when (ms), bids, asks; oldest first."""
    query = text(
        "select (extract(epoch from available_at) * 1000)::bigint, "
        "bid_prices, bid_quantities, ask_prices, ask_quantities "
        "from market.book_snapshots where exchange = :exchange and symbol = :symbol "
        "and available_at >= :start and available_at < :end order by available_at"
    )
    bounds = {
        "exchange": exchange,
        "symbol": symbol,
        "start": from_ms(window.start_ms),
        "end": from_ms(window.end_ms),
    }
    with transaction(engine) as connection:
        rows = connection.execute(query, bounds).all()
    return [
        (row[0], list(zip(row[1], row[2], strict=True)), list(zip(row[3], row[4], strict=True)))
        for row in rows
    ]


def sample_months(connection: Connection) -> dict[str, date]:
    """Full names of the partitions of both tables, with the first day of their month, oldest first."""
    query = text(
        "select 'market.' || relname, to_date(right(relname, 7), 'YYYY_MM') "
        "from pg_inherits join pg_class as c on c.oid = inhrelid "
        "where inhparent in ('market.trades'::regclass, 'market.book_snapshots'::regclass) order by 2, 1"
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _ensure_months(engine: Engine, table: Table, times: set[int]) -> None:
    """Make the monthly partitions that these moments lie in; safe from several processes at once."""
    months = {from_ms(moment).date().replace(day=1) for moment in times}
    wanted = {f"{table.name}_{month:%Y_%m}": month for month in sorted(months)}
    known = text("select to_regclass('market.' || :name) is not null")
    with transaction(engine) as connection:
        missing = [name for name in wanted if not connection.execute(known, {"name": name}).scalar_one()]
    if not missing:
        return

    def make(connection: Connection) -> None:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _PARTITION_LOCK})
        for name in missing:
            first = wanted[name]
            connection.exec_driver_sql(
                f"create table if not exists market.{name} partition of {table.fullname} "
                f"for values from ('{first} 00:00+00') to ('{following_month(first)} 00:00+00')"
            )

    make_when_free(engine, f"a month of {table.fullname}", make)
