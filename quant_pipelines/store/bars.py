"""Bars in PostgreSQL: written by binary COPY, read as packed columns, monthly partitions made ahead.

New rows are copied straight into the table; rows that may meet stored ones go through a staging table, so
that nothing is rewritten that did not change.
"""

import struct
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from psycopg import Cursor
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, Engine, text

from quant_pipelines.core.bars import BarRows, Bars, bars_from_columns
from quant_pipelines.core.timeframes import from_ms, timeframe_ms

_POSTGRES_EPOCH_MS = 946_684_800_000
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_COPY_CHUNK = 1 << 20
_PARTITION_LOCK = 0x42415253

_PRICES = ("open", "high", "low", "close", "volume")
_VALUES = (*_PRICES, "quote_volume", "trades")
_STAGED = ("ts", *_VALUES, "available_at")

_STAGE = """
create temp table if not exists incoming_bars on commit delete rows as
select ts, open, high, low, close, volume, quote_volume, trades, available_at from market.bars with no data
"""


def _document(source: str) -> str:
    return "jsonb_build_object(" + ", ".join(f"'{name}', {source}.{name}" for name in _PRICES) + ")"


_CHANGED = " or ".join(
    # Sums of volumes differ in their last digits: that is no revision.
    f"abs(stored.{name} - incoming.{name}) > 1e-9 * abs(stored.{name})"
    for name in _PRICES
)
_MERGE = f"""
with written as (
    insert into market.bars as stored (exchange, symbol, timeframe, {", ".join(_STAGED)})
    select %(exchange)s, %(symbol)s, %(timeframe)s, {", ".join(_STAGED)} from incoming_bars order by ts
    on conflict (exchange, symbol, timeframe, ts)
    do update set {", ".join(f"{name} = excluded.{name}" for name in _VALUES)}
    where ({", ".join(f"stored.{name}" for name in _VALUES)})
        is distinct from ({", ".join(f"excluded.{name}" for name in _VALUES)})
    returning ts
), revised as (
    insert into market.bar_revisions (exchange, symbol, timeframe, ts, cause, old, new)
    select exchange, symbol, timeframe, ts, %(cause)s, {_document("stored")}, {_document("incoming")}
    from written join incoming_bars incoming using (ts) join market.bars stored using (ts)
    where exchange = %(exchange)s and symbol = %(symbol)s and timeframe = %(timeframe)s and ({_CHANGED})
)
select (select count(*) from written), (
    select count(*) from incoming_bars join market.bars using (ts)
    where exchange = %(exchange)s and symbol = %(symbol)s and timeframe = %(timeframe)s
)
"""  # noqa: S608 - column names of this module
_ONE_SERIES = "where exchange = %s and symbol = %s and timeframe = %s and ts >= %s and ts < %s"


@dataclass(frozen=True, slots=True)
class Upserted:
    """How many rows an upsert added, and how many stored ones it changed."""

    inserted: int
    updated: int

    @property
    def total(self) -> int:
        """Rows written."""
        return self.inserted + self.updated

    def __add__(self, other: "Upserted") -> "Upserted":
        return Upserted(self.inserted + other.inserted, self.updated + other.updated)


def ensure_partitions(engine: Engine, start_ms: int, end_ms: int) -> None:
    """Make the monthly partitions of ``[start_ms, end_ms]``; safe from several processes at once.

    Creating a partition locks the whole table for a moment, so it happens in its own transaction and only
    when one is missing.
    """
    months = _months(start_ms, end_ms)
    with engine.begin() as connection:
        if not _missing(connection, months):
            return
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _PARTITION_LOCK})
        for first, after in _missing(connection, months):
            connection.exec_driver_sql(
                f"create table if not exists {_partition(first)} partition of market.bars "
                f"for values from ('{first} 00:00+00') to ('{after} 00:00+00')"
            )


def upsert_bars(
    engine: Engine, exchange: str, symbol: str, timeframe: str, rows: BarRows, *, cause: str = "venue"
) -> Upserted:
    """Store bars; a bar that is stored already is rewritten only where it changed, and kept as a revision.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id, such as ``binanceusdm``.
    symbol
        ccxt form, such as ``BTC/USDT:USDT``.
    timeframe
        One of 1m, 5m, 15m, 1h, 4h, 1d.
    rows
        Closed bars with distinct ``ts``, in any order.
    cause
        Why a stored bar changes: ``venue`` (it answers differently now) or ``repair`` (we stored it wrong).

    Returns
    -------
    Upserted
        Rows added and rows changed.
    """
    if rows.ts.size == 0:
        return Upserted(0, 0)
    series = (exchange, symbol, timeframe)
    first_ms, last_ms = int(rows.ts.min()), int(rows.ts.max())
    ensure_partitions(engine, first_ms, last_ms)
    if not _has_bars(engine, series, first_ms, last_ms):
        try:
            return _copy_new(engine, series, rows)
        except UniqueViolation:
            pass  # another writer was first: merge with its rows
    return _merge(engine, series, rows, cause)


def read_bars(
    engine: Engine,
    exchange: str,
    symbol: str,
    timeframe: str,
    start_ms: int,
    end_ms: int,
) -> Bars:
    """Read the bars whose open time lies in ``[start_ms, end_ms)``, oldest first; empty if there are none."""
    columns = _read(engine, (exchange, symbol, timeframe), _PRICES, start_ms, end_ms)
    return bars_from_columns(symbol, timeframe, columns)


def read_bar_rows(
    engine: Engine,
    exchange: str,
    symbol: str,
    timeframe: str,
    start_ms: int,
    end_ms: int,
) -> BarRows:
    """Like `read_bars`, with quote volume and number of trades."""
    return BarRows(**_read(engine, (exchange, symbol, timeframe), _VALUES, start_ms, end_ms))


def newest_bar_ms(engine: Engine, exchange: str, symbol: str, timeframe: str) -> int | None:
    """Open time of the newest stored bar, milliseconds UTC; None without bars."""
    return _edge(engine, "max", (exchange, symbol, timeframe))


def oldest_bar_ms(engine: Engine, exchange: str, symbol: str, timeframe: str) -> int | None:
    """Open time of the oldest stored bar, milliseconds UTC; None without bars."""
    return _edge(engine, "min", (exchange, symbol, timeframe))


def count_by_day(engine: Engine, exchange: str, timeframe: str, start_ms: int, end_ms: int) -> dict[str, int]:
    """Count the stored bars of all symbols by UTC day (``YYYY-MM-DD``) in ``[start_ms, end_ms)``."""
    query = (
        "select (ts at time zone 'UTC')::date, count(*) from market.bars "
        "where exchange = %s and timeframe = %s and ts >= %s and ts < %s group by 1"
    )
    with engine.connect() as connection:
        window = (exchange, timeframe, from_ms(start_ms), from_ms(end_ms))
        return {day.isoformat(): count for day, count in connection.exec_driver_sql(query, window)}


def _edge(engine: Engine, aggregate: str, series: tuple[str, str, str]) -> int | None:
    query = (
        f"select (extract(epoch from {aggregate}(ts)) * 1000)::bigint from market.bars "  # noqa: S608
        "where exchange = %s and symbol = %s and timeframe = %s"
    )
    with engine.connect() as connection:
        value = connection.exec_driver_sql(query, series).scalar_one()
    return None if value is None else int(value)


def _has_bars(engine: Engine, series: tuple[str, str, str], first_ms: int, last_ms: int) -> bool:
    query = f"select exists (select from market.bars {_ONE_SERIES})"  # noqa: S608
    with engine.connect() as connection:
        window = (from_ms(first_ms), from_ms(last_ms + 1))
        return bool(connection.exec_driver_sql(query, (*series, *window)).scalar_one())


def _copy_new(engine: Engine, series: tuple[str, str, str], rows: BarRows) -> Upserted:
    columns = ", ".join(("exchange", "symbol", "timeframe", *_STAGED))
    with engine.begin() as connection, _cursor(connection) as cursor:
        _copy_in(cursor, f"market.bars ({columns})", _image(rows, timeframe_ms(series[2]), series))
    return Upserted(int(rows.ts.size), 0)


def _merge(engine: Engine, series: tuple[str, str, str], rows: BarRows, cause: str) -> Upserted:
    with engine.begin() as connection, _cursor(connection) as cursor:
        cursor.execute(_STAGE)
        _copy_in(cursor, f"incoming_bars ({', '.join(_STAGED)})", _image(rows, timeframe_ms(series[2]), ()))
        # One statement sees one snapshot: rows and values that were stored before it.
        values = dict(zip(("exchange", "symbol", "timeframe"), series, strict=True))
        cursor.execute(_MERGE, {**values, "cause": cause})
        written, met = cursor.fetchone() or (0, 0)
    inserted = int(rows.ts.size) - int(met)
    return Upserted(inserted, int(written) - inserted)


def _cursor(connection: Connection, *, binary: bool = False) -> Cursor[Any]:
    driver: Any = connection.connection.driver_connection
    cursor: Cursor[Any] = driver.cursor(binary=binary)
    return cursor


def _copy_in(cursor: Cursor[Any], target: str, image: bytes) -> None:
    view = memoryview(image)
    with cursor.copy(f"copy {target} from stdin (format binary)") as copy:
        for start in range(0, len(view), _COPY_CHUNK):
            copy.write(view[start : start + _COPY_CHUNK])


def _image(rows: BarRows, step_ms: int, constants: tuple[str, ...]) -> bytes:
    """Binary COPY image of the rows, with constant text columns in front, built without a Python loop."""
    texts = [value.encode() for value in constants]
    fields: list[tuple[str, str]] = [("n_fields", ">i2")]
    for position, value in enumerate(texts):
        fields += [(f"length_{position}", ">i4"), (f"text_{position}", f"S{len(value)}")]
    for name in _STAGED:
        kind = ">i8" if name in ("ts", "trades", "available_at") else ">f8"
        fields += [(f"length_{name}", ">i4"), (name, kind)]
    image = np.empty(rows.ts.size, dtype=np.dtype(fields))
    image["n_fields"] = len(texts) + len(_STAGED)
    for position, value in enumerate(texts):
        image[f"length_{position}"], image[f"text_{position}"] = len(value), value
    for name in _STAGED:
        image[f"length_{name}"] = 8
    image["ts"] = (rows.ts - _POSTGRES_EPOCH_MS) * 1000
    image["available_at"] = image["ts"] + step_ms * 1000
    for name in _VALUES:
        image[name] = getattr(rows, name)
    return _COPY_HEADER + image.tobytes() + b"\xff\xff"


def _read(
    engine: Engine,
    series: tuple[str, str, str],
    names: tuple[str, ...],
    start_ms: int,
    end_ms: int,
) -> dict[str, np.ndarray]:
    """Columns as one binary value each: the server packs them, so no row is touched in Python."""
    senders = ["timestamptz_send(ts)"]
    senders += [f"{'int8send' if name == 'trades' else 'float8send'}({name})" for name in names]
    packed = ", ".join(f"string_agg({sender}, ''::bytea order by ts)" for sender in senders)
    query = f"select {packed} from market.bars {_ONE_SERIES}"  # noqa: S608 - column names of this module
    with engine.connect() as connection, _cursor(connection, binary=True) as cursor:
        window = (from_ms(start_ms), from_ms(end_ms))
        values = cursor.execute(query, (*series, *window)).fetchone() or ()
    columns = {
        name: np.frombuffer(value or b"", ">i8" if name in ("ts", "trades") else ">f8")
        for name, value in zip(("ts", *names), values, strict=True)
    }
    columns = {name: column.astype(column.dtype.newbyteorder("=")) for name, column in columns.items()}
    columns["ts"] = columns["ts"] // 1000 + _POSTGRES_EPOCH_MS
    return columns


def _months(start_ms: int, end_ms: int) -> list[tuple[date, date]]:
    month, last = from_ms(start_ms).date().replace(day=1), from_ms(end_ms).date()
    months = []
    while month <= last:
        following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        months.append((month, following))
        month = following
    return months


def _missing(connection: Connection, months: list[tuple[date, date]]) -> list[tuple[date, date]]:
    query = text(
        "select relname from pg_class c join pg_namespace n on n.oid = relnamespace "
        "where nspname = 'market' and relispartition"
    )
    known = {f"market.{name}" for name in connection.execute(query).scalars()}
    return [month for month in months if _partition(month[0]) not in known]


def _partition(month: date) -> str:
    return f"market.bars_{month:%Y_%m}"
