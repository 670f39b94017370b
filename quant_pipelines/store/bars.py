"""Bars in PostgreSQL: written by binary COPY, read as packed columns.

A writer reads what is stored first: bars that are there already cost no write, new ones are copied straight
into their month's partition, and only those that differ go through a staging table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, Engine

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import BarRows, Bars, bars_from_columns
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import from_ms, timeframe_ms
from quant_pipelines.store.bar_copy import KEY, PRICES, STAGED, VALUES, copy_in, cursor, read_packed
from quant_pipelines.store.bar_partitions import (
    ensure_partitions,
    following_month,
    is_partitioned,
    month_start_ms,
    months_between,
    partition_of,
)
from quant_pipelines.store.engine import Database, transaction
from quant_pipelines.store.tables.market import RevisionCause

__all__ = [
    "Upserted",
    "count_by_day",
    "ensure_partitions",
    "extent_of_bars",
    "newest_bar_ms",
    "newest_by_symbol",
    "oldest_bar_ms",
    "read_bar_rows",
    "read_bars",
    "read_closes",
    "stored_spans",
    "upsert_bars",
]

_BULK_ROWS = 1000
_STAGE = """
create temp table if not exists incoming_bars on commit delete rows as
select ts, open, high, low, close, volume, quote_volume, trades, available_at from market.bars with no data
"""


def _document(source: str) -> str:
    return "jsonb_build_object(" + ", ".join(f"'{name}', {source}.{name}" for name in PRICES) + ")"


_CHANGED = " or ".join(
    # Sums of volumes differ in their last digits: that is no revision.
    f"abs(stored.{name} - incoming.{name}) > 1e-9 * abs(stored.{name})"
    for name in PRICES
)
_MERGE = f"""
with written as (
    insert into market.bars as stored (exchange, symbol, timeframe, {", ".join(STAGED)})
    select %(exchange)s, %(symbol)s, %(timeframe)s, {", ".join(STAGED)} from incoming_bars order by ts
    on conflict (exchange, symbol, timeframe, ts)
    do update set {", ".join(f"{name} = excluded.{name}" for name in VALUES)}
    where ({", ".join(f"stored.{name}" for name in VALUES)})
        is distinct from ({", ".join(f"excluded.{name}" for name in VALUES)})
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
_NOTE = """
insert into market.bar_versions (exchange, symbol, timeframe, month, version)
values (%s, %s, %s, %s, gen_random_uuid())
on conflict (exchange, symbol, timeframe, month) do update set version = excluded.version
"""


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


def upsert_bars(
    database: Database,
    series: Series,
    rows: BarRows,
    *,
    cause: RevisionCause = "venue",
) -> Upserted:
    """Store bars; a bar that is stored already is rewritten only where it changed, and kept as a revision.

    Parameters
    ----------
    database
        Product database, or a transaction that is joined.
    series
        Whose; its timeframe is one of 1m, 5m, 15m, 1h, 4h, 1d.
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
    ordered = _ascending(rows)
    ensure_partitions(database, int(ordered.ts[0]), int(ordered.ts[-1]))
    try:
        return _write(database, series, ordered, cause)
    except UniqueViolation:  # somebody wrote the same bars by other means: merge with theirs
        return _write(database, series, ordered, cause, can_copy=False)


def read_bars(
    engine: Engine,
    series: Series,
    window: Window,
) -> Bars:
    """Read the bars whose open time lies in a window, oldest first; empty if there are none."""
    with transaction(engine) as connection:
        columns = read_packed(connection, series, PRICES, window)
    return bars_from_columns(series.symbol, series.timeframe, columns)


def read_closes(engine: Engine, series: Series, ts: IntArray) -> FloatArray:
    """Read the closes of the bars that end at these times, shape (n_times,); NaN where none is stored."""
    query = (
        "select ts, close from market.bars where exchange = %s and symbol = %s and timeframe = %s "
        "and ts = any(%s)"
    )
    step_ms = timeframe_ms(series.timeframe)
    opens = [from_ms(int(one) - step_ms) for one in ts]
    with transaction(engine) as connection:
        known = {row.ts: row.close for row in connection.exec_driver_sql(query, (*series, opens))}
    return np.array([known.get(when, np.nan) for when in opens], dtype=np.float64)


def read_bar_rows(
    database: Database,
    series: Series,
    window: Window,
) -> BarRows:
    """Like `read_bars`, with quote volume and number of trades."""
    with transaction(database) as connection:
        return BarRows(**read_packed(connection, series, VALUES, window))


def newest_bar_ms(connection: Connection, series: Series) -> int | None:
    """Open time of the newest stored bar, milliseconds UTC; None without bars."""
    return _edge(connection, "max", series)


def oldest_bar_ms(connection: Connection, series: Series) -> int | None:
    """Open time of the oldest stored bar, milliseconds UTC; None without bars."""
    return _edge(connection, "min", series)


def extent_of_bars(engine: Engine, series: Series, window: Window) -> tuple[int, int, int]:
    """First and last open time in a window, milliseconds UTC, and the number of bars; zeros without bars."""
    query = (
        "select coalesce(extract(epoch from min(ts)) * 1000, 0)::bigint,"
        " coalesce(extract(epoch from max(ts)) * 1000, 0)::bigint, count(*) from market.bars"
        " where exchange = %s and symbol = %s and timeframe = %s and ts >= %s and ts < %s"
    )
    with transaction(engine) as connection:
        values = (*series, from_ms(window.start_ms), from_ms(window.end_ms))
        first, last, count = connection.exec_driver_sql(query, values).one()
    return int(first), int(last), int(count)


def count_by_day(engine: Engine, exchange: str, timeframe: str, window: Window) -> dict[str, int]:
    """Count the stored bars of all symbols by UTC day (``YYYY-MM-DD``) in a window."""
    query = (
        "select (ts at time zone 'UTC')::date, count(*) from market.bars "
        "where exchange = %s and timeframe = %s and ts >= %s and ts < %s group by 1"
    )
    with transaction(engine) as connection:
        bounds = (from_ms(window.start_ms), from_ms(window.end_ms))
        rows = connection.exec_driver_sql(query, (exchange, timeframe, *bounds))
        return {day.isoformat(): count for day, count in rows}


def newest_by_symbol(connection: Connection, exchange: str, timeframe: str, since_ms: int) -> dict[str, int]:
    """Open time (ms) of each symbol's newest bar since a time; older partitions are not touched."""
    query = (
        "select symbol, (extract(epoch from max(ts)) * 1000)::bigint from market.bars "
        "where exchange = %s and timeframe = %s and ts >= %s group by 1"
    )
    rows = connection.exec_driver_sql(query, (exchange, timeframe, from_ms(since_ms)))
    return {symbol: int(ts) for symbol, ts in rows}


def stored_spans(engine: Engine, exchange: str, symbols: Sequence[str] = ()) -> list[dict[str, Any]]:
    """``symbol``, ``timeframe``, ``first``, ``last`` (open times) and number of ``bars`` of what is stored.

    Empty ``symbols`` mean all.
    """
    query = (
        "select symbol, timeframe, min(ts) as first, max(ts) as last, count(*) as bars from market.bars "
        "where exchange = %s and (%s or symbol = any(%s)) group by 1, 2"
    )
    with transaction(engine) as connection:
        rows = connection.exec_driver_sql(query, (exchange, not symbols, list(symbols)))
        return [dict(row) for row in rows.mappings()]


def _edge(connection: Connection, aggregate: str, series: Series) -> int | None:
    query = (
        f"select (extract(epoch from {aggregate}(ts)) * 1000)::bigint from market.bars "  # noqa: S608
        "where exchange = %s and symbol = %s and timeframe = %s"
    )
    value = connection.exec_driver_sql(query, series).scalar_one()
    return None if value is None else int(value)


def _write(
    database: Database, series: Series, rows: BarRows, cause: RevisionCause, *, can_copy: bool = True
) -> Upserted:
    """Write what differs from the stored bars; writers of one series wait for each other."""
    with transaction(database) as connection:
        if len(rows) >= _BULK_ROWS:
            # A crash of the server may cost the last moments of a load that the exchange can repeat; it never
            # tears, and the next commit of anybody makes it safe.
            connection.exec_driver_sql("set local synchronous_commit = off")
        connection.exec_driver_sql(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))", ("bars " + " ".join(series),)
        )
        window = Window(int(rows.ts[0]), int(rows.ts[-1]) + 1)
        is_new, is_changed = _compare(rows, read_packed(connection, series, VALUES, window))
        if not can_copy:
            return _merge(connection, series, _taken(rows, is_new | is_changed), cause)
        written = Upserted(int(is_new.sum()), 0)
        if written.inserted:
            _copy_new(connection, series, _taken(rows, is_new))
        if is_changed.any():
            written += _merge(connection, series, _taken(rows, is_changed), cause)
        return written


def _compare(rows: BarRows, stored: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are not stored, and which are stored with other bits."""
    is_new = np.ones(len(rows), dtype=bool)
    is_changed = np.zeros(len(rows), dtype=bool)
    if not stored["ts"].size:
        return is_new, is_changed
    place = np.minimum(np.searchsorted(stored["ts"], rows.ts), stored["ts"].size - 1)
    is_new = stored["ts"][place] != rows.ts
    in_step = rows.ts.size == stored["ts"].size and not is_new.any()
    for name in VALUES:
        found = stored[name] if in_step else stored[name][place]
        is_changed |= getattr(rows, name).view(np.int64) != found.view(np.int64)
    return is_new, is_changed & ~is_new


def _copy_new(connection: Connection, series: Series, rows: BarRows) -> None:
    """Copy into the partitions themselves, which spares the routing and the triggers of each row."""
    with cursor(connection) as into:
        if not is_partitioned(connection):
            copy_in(into, "market.bars", series, rows, has_key=True)
            return
        months = list(_by_month(rows))
        for month, part in months:
            copy_in(into, partition_of(month), series, part, has_key=True)
        into.executemany(_NOTE, [(*series, month) for month, _ in months])


def _merge(connection: Connection, series: Series, rows: BarRows, cause: RevisionCause) -> Upserted:
    with cursor(connection) as into:
        into.execute(_STAGE)
        copy_in(into, "incoming_bars", series, rows, has_key=False)
        into.execute("analyze incoming_bars")  # else the planner takes it for a few rows, and loops
        # One statement sees one snapshot: "met" counts the rows that were stored before it.
        into.execute(_MERGE, {**dict(zip(KEY, series, strict=True)), "cause": cause})
        written, met = into.fetchone() or (0, 0)
    inserted = len(rows) - int(met)
    return Upserted(inserted, int(written) - inserted)


def _ascending(rows: BarRows) -> BarRows:
    """Rows by time, in the types that are stored."""
    order = slice(None) if (np.diff(rows.ts) > 0).all() else np.argsort(rows.ts, kind="stable")
    columns: dict[str, Any] = {}
    for name in ("ts", *VALUES):
        kind = np.int64 if name in ("ts", "trades") else np.float64
        columns[name] = np.ascontiguousarray(getattr(rows, name)[order], kind)
    return BarRows(**columns)


def _taken(rows: BarRows, chosen: np.ndarray) -> BarRows:
    if chosen.all():
        return rows
    return BarRows(**{name: getattr(rows, name)[chosen] for name in ("ts", *VALUES)})


def _by_month(rows: BarRows) -> Iterator[tuple[date, BarRows]]:
    for month in months_between(int(rows.ts[0]), int(rows.ts[-1])):
        edges = [month_start_ms(month), month_start_ms(following_month(month))]
        first, last = np.searchsorted(rows.ts, edges)
        if last > first:
            yield month, BarRows(**{name: getattr(rows, name)[first:last] for name in ("ts", *VALUES)})
