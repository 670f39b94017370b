"""Market data that is not bars: instruments, funding, open interest, hot list and symbol sets."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, Table, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.asof import OPEN_INTEREST_KNOWN_AFTER_MS
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.points import FundingRate, OpenInterest, PricePoint
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.store.engine import Database, transaction
from quant_pipelines.store.tables import (
    funding_rates,
    hot_exclusions,
    hotlist,
    index_prices,
    instruments,
    mark_prices,
    open_interest,
    universe,
    whitelist,
)

_SCANNED: Final = (hotlist, hot_exclusions)
"""Where a scan leaves rows: of each symbol in one of them."""
SEEDED_BY: Final = "settings"
"""Who put a symbol on the whitelist that the settings named."""
_VALUES = {
    mark_prices: ("price",),
    index_prices: ("price",),
    funding_rates: ("rate", "mark_price"),
    open_interest: ("open_interest",),
}


def save_instruments(engine: Engine, found: Iterable[Instrument], at: datetime) -> int:
    """Store specifications as of a time; a symbol whose specification did not change gets no new row.

    Returns
    -------
    int
        Rows written.
    """
    known = set(read_instruments(engine))
    changed = [one for one in found if one not in known]
    if changed:
        with transaction(engine) as connection:
            add_instruments(connection, changed, at)
    return len(changed)


def add_instruments(connection: Connection, changed: Iterable[Instrument], at: datetime) -> None:
    """Store specifications that have changed."""
    rows = [{**asdict(one), "valid_from": at} for one in changed]
    connection.execute(insert(instruments).on_conflict_do_nothing(), rows)


def read_instruments(engine: Engine, exchange: str | None = None) -> list[Instrument]:
    """Read the newest specification of each symbol of one exchange, or of all, in order of the symbols."""
    with transaction(engine) as connection:
        return _newest_instruments(connection, exchange)


def newest_instruments(connection: Connection, exchange: str) -> dict[str, Instrument]:
    """Read the newest specification of each symbol of one exchange, by symbol."""
    return {one.symbol: one for one in _newest_instruments(connection, exchange)}


def _newest_instruments(connection: Connection, exchange: str | None) -> list[Instrument]:
    key = (instruments.c.exchange, instruments.c.symbol)
    newest = select(*key, func.max(instruments.c.valid_from)).group_by(*key)
    query = (
        select(*(instruments.c[name] for name in Instrument.__dataclass_fields__))
        .where(tuple_(*key, instruments.c.valid_from).in_(newest))
        .order_by(*key)
    )
    if exchange is not None:
        query = query.where(instruments.c.exchange == exchange)
    return [Instrument(**row) for row in connection.execute(query).mappings()]


def save_funding(database: Database, exchange: str, symbol: str, rates: Sequence[FundingRate]) -> int:
    """Store payments; one becomes known at its slot.

    Returns
    -------
    int
        Rows added or changed.
    """
    values: dict[str, list[float | None]] = {
        "rate": [rate for _, rate, _ in rates],
        "mark_price": [mark for _, _, mark in rates],
    }
    return _upsert(database, funding_rates, exchange, symbol, _Rows([ts for ts, _, _ in rates], values))


def save_open_interest(database: Database, exchange: str, symbol: str, points: Sequence[OpenInterest]) -> int:
    """Store open interest; a value becomes known 5 minutes after its time.

    Returns
    -------
    int
        Rows added or changed.
    """
    values = {"open_interest": [value for _, value in points]}
    rows = _Rows([ts for ts, _ in points], values, OPEN_INTEREST_KNOWN_AFTER_MS)
    return _upsert(database, open_interest, exchange, symbol, rows)


def save_mark_prices(engine: Engine, exchange: str, symbol: str, points: Sequence[PricePoint]) -> int:
    """Store mark prices; a price is known at its time.

    Returns
    -------
    int
        Rows added or changed.
    """
    return _upsert(engine, mark_prices, exchange, symbol, _prices(points))


def save_index_prices(engine: Engine, exchange: str, symbol: str, points: Sequence[PricePoint]) -> int:
    """Store index prices; a price is known at its time.

    Returns
    -------
    int
        Rows added or changed.
    """
    return _upsert(engine, index_prices, exchange, symbol, _prices(points))


def read_mark_prices(
    engine: Engine, exchange: str, symbol: str, window: Window
) -> tuple[IntArray, FloatArray]:
    """Read times (ms) and mark prices in a window."""
    columns = _read_series(engine, mark_prices, exchange, symbol, window)
    return columns[0].astype(np.int64), columns[1]


def read_index_prices(
    engine: Engine, exchange: str, symbol: str, window: Window
) -> tuple[IntArray, FloatArray]:
    """Read times (ms) and index prices in a window."""
    columns = _read_series(engine, index_prices, exchange, symbol, window)
    return columns[0].astype(np.int64), columns[1]


def read_funding(
    database: Database, exchange: str, symbol: str, window: Window
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Read slots (ms), rates (fractions) and mark prices (NaN where missing) in a window."""
    columns = _read_series(database, funding_rates, exchange, symbol, window)
    return columns[0].astype(np.int64), columns[1], columns[2]


def read_open_interest(
    database: Database, exchange: str, symbol: str, window: Window
) -> tuple[IntArray, FloatArray]:
    """Read times (ms) and open interest (base units) in a window."""
    columns = _read_series(database, open_interest, exchange, symbol, window)
    return columns[0].astype(np.int64), columns[1]


def newest_ms(engine: Engine, table: Table, exchange: str) -> dict[str, int]:
    """Newest stored time of each symbol, milliseconds UTC."""
    query = (
        select(table.c.symbol, func.max(table.c.ts))
        .where(table.c.exchange == exchange)
        .group_by(table.c.symbol)
    )
    with transaction(engine) as connection:
        return {symbol: to_ms(ts) for symbol, ts in connection.execute(query)}


def save_hotlist(engine: Engine, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store one scan: a row for each symbol that was scored.

    Scores are kept as they were told: a scan of the same minute, repeated later, changes nothing.
    """
    if rows:
        with transaction(engine) as connection:
            connection.execute(insert(hotlist).on_conflict_do_nothing(), list(rows))


def read_hotlist(engine: Engine, exchange: str, top_n: int | None = None) -> list[dict[str, Any]]:
    """Rows of the newest scan, best first; all of them without ``top_n``, none if filters left nobody."""
    query = (
        select(hotlist)
        .where(hotlist.c.exchange == exchange, hotlist.c.scored_at == _newest_scan(exchange))
        .order_by(hotlist.c.rank)
        .limit(top_n)
    )
    with transaction(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def newest_scan_at(connection: Connection, exchange: str) -> datetime | None:
    """Time of the newest scan, also of one that left nobody; None before the first."""
    found: datetime | None = connection.execute(select(_newest_scan(exchange))).scalar_one()
    return found


def _newest_scan(exchange: str) -> Any:
    scans = (select(func.max(table.c.scored_at)).where(table.c.exchange == exchange) for table in _SCANNED)
    return func.greatest(*(scan.scalar_subquery() for scan in scans))


def save_labels(engine: Engine, row: Mapping[str, Any], labels: Mapping[str, Any]) -> None:
    """Attach risk labels to one row of a scan; those that it has stay."""
    key = (hotlist.c[name] == row[name] for name in ("scored_at", "exchange", "symbol"))
    with transaction(engine) as connection:
        labeled = update(hotlist).where(*key, hotlist.c.labels == {}).values(labels=dict(labels))
        connection.execute(labeled)


def seed_symbols(
    engine: Engine, exchange: str, scanned: Iterable[str], traded: Iterable[str], at: datetime
) -> None:
    """Fill universe and whitelist from the settings once; tables that have rows are left to the operators."""
    shared = {"exchange": exchange, "added_at": at}
    seeds = (
        (universe, [{**shared, "symbol": symbol} for symbol in scanned]),
        (whitelist, [{**shared, "symbol": symbol, "added_by": SEEDED_BY} for symbol in traded]),
    )
    with transaction(engine) as connection:
        for table, rows in seeds:
            here = select(func.count()).select_from(table).where(table.c.exchange == exchange)
            if rows and connection.execute(here).scalar_one() == 0:
                connection.execute(insert(table).on_conflict_do_nothing(), rows)


def add_to_whitelist(connection: Connection, exchange: str, symbol: str, added: Mapping[str, Any]) -> bool:
    """Put a symbol on the whitelist (``added_at``, ``added_by``, ``reason``); False if it was there."""
    made = insert(whitelist).values(exchange=exchange, symbol=symbol, **added).on_conflict_do_nothing()
    return connection.execute(made.returning(whitelist.c.symbol)).scalar_one_or_none() is not None


def read_universe(engine: Engine, exchange: str) -> list[str]:
    """Symbols that are scanned and scored, in alphabetical order."""
    return _symbols(engine, universe, exchange)


def read_whitelist(engine: Engine, exchange: str) -> list[str]:
    """Symbols that are optimized and traded, in alphabetical order."""
    return _symbols(engine, whitelist, exchange)


def listed_from_ms(connection: Connection, exchange: str, symbols: Collection[str]) -> int | None:
    """Since when all of these are on the whitelist, milliseconds UTC; None where one of them is not.

    What the settings named at the first start was chosen by no score and counts as listed ever since. So does
    everything while the table is empty, where they stand for it.
    """
    own = whitelist.c.exchange == exchange
    rows = {row.symbol: row for row in connection.execute(select(whitelist).where(own))}
    if not rows:
        return 0
    if any(symbol not in rows for symbol in symbols):
        return None
    chosen = (rows[symbol] for symbol in symbols)
    return max(0 if row.added_by == SEEDED_BY else to_ms(row.added_at) for row in chosen)


def _symbols(engine: Engine, table: Table, exchange: str) -> list[str]:
    query = select(table.c.symbol).where(table.c.exchange == exchange).order_by(table.c.symbol)
    with transaction(engine) as connection:
        return list(connection.execute(query).scalars())


class _Rows(NamedTuple):
    """Times (ms), columns of values by name, and how long after its time a row becomes known (ms)."""

    ts: Sequence[int]
    values: Mapping[str, Sequence[float | None]]
    known_after_ms: int = 0


def _prices(points: Sequence[PricePoint]) -> _Rows:
    return _Rows([ts for ts, _ in points], {"price": [price for _, price in points]})


def _upsert(database: Database, table: Table, exchange: str, symbol: str, rows: _Rows) -> int:
    """Write one symbol's rows in one statement of arrays; those that did not change are left alone."""
    names = list(rows.values)
    columns = ", ".join(names)
    query = (
        f"insert into {table.fullname} as stored (exchange, symbol, ts, available_at, {columns}) "  # noqa: S608
        f"select %s, %s, ts, ts + {rows.known_after_ms} * interval '1 millisecond', {columns} "
        f"from unnest(%s::timestamptz[]{', %s::float8[]' * len(names)}) as incoming (ts, {columns}) "
        f"on conflict (exchange, symbol, ts) do update set "
        f"{', '.join(f'{name} = excluded.{name}' for name in names)} "
        f"where ({', '.join(f'stored.{name}' for name in names)}) "
        f"is distinct from ({', '.join(f'excluded.{name}' for name in names)})"
    )
    columns_of_rows = ([from_ms(ts) for ts in rows.ts], *(list(column) for column in rows.values.values()))
    with transaction(database) as connection:
        return connection.exec_driver_sql(query, (exchange, symbol, *columns_of_rows)).rowcount


def _read_series(
    database: Database, table: Table, exchange: str, symbol: str, window: Window
) -> list[FloatArray]:
    """Read the times (ms) and values of a table, oldest first."""
    names = _VALUES[table]
    query = (
        select((func.extract("epoch", table.c.ts) * 1000).label("ms"), *(table.c[name] for name in names))
        .where(table.c.exchange == exchange, table.c.symbol == symbol)
        .where(table.c.ts >= from_ms(window.start_ms), table.c.ts < from_ms(window.end_ms))
        .order_by(table.c.ts)
    )
    with transaction(database) as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), 1 + len(names))
    return [np.ascontiguousarray(columns[:, position]) for position in range(1 + len(names))]
