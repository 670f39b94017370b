"""Findings of the quality checks, what the exchange confirmed of them, and revisions of closed bars."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    case,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.instrument_sets import symbols_of
from quant_pipelines.core.price_factors import PRICE_SCALE
from quant_pipelines.core.series import Days, Series, Window
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.store.engine import Database, transaction
from quant_pipelines.store.tables import bar_confirmations, bar_revisions, bars, data_findings
from quant_pipelines.store.tables.market import Confirmation

MISSING: Final = "missing"
AS_STORED: Final = "as_stored"
GONE, REPAIRED, NEVER_EXISTED, CONFIRMED = "gone", "repaired", "never existed", "confirmed"


@dataclass(frozen=True, slots=True)
class Revision:
    """Change of a closed bar.

    Parameters
    ----------
    ts_ms
        Open time of the bar, milliseconds UTC.
    old, new
        Prices and volume before and after.
    """

    ts_ms: int
    old: Mapping[str, float]
    new: Mapping[str, float]


def save_findings(engine: Engine, scope: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> int:
    """Store the findings of one check run and resolve what it did not find again.

    Parameters
    ----------
    engine
        Product database.
    scope
        What was checked: ``exchange``, ``symbols``, ``timeframe``, ``days``, ``checks``, and when: ``at``.
    findings
        Rows with ``symbol``, ``day``, ``check_name``, ``severity``, ``count`` and ``detail``.

    Returns
    -------
    int
        Findings that were resolved.
    """
    shared = {"exchange": scope["exchange"], "timeframe": scope["timeframe"]}
    rows = [{**shared, **finding, "found_at": scope["at"], "resolved_at": None} for finding in findings]
    standing = [(row["symbol"], row["day"], row["check_name"]) for row in rows]
    columns = data_findings.c
    stale = (
        update(data_findings)
        .where(columns.exchange == scope["exchange"], columns.timeframe == scope["timeframe"])
        .where(columns.symbol.in_(scope["symbols"]), columns.day.in_(scope["days"]))
        .where(columns.check_name.in_(scope["checks"]), columns.resolved_at.is_(None))
        .where(tuple_(columns.symbol, columns.day, columns.check_name).not_in(standing))
        .values(resolved_at=scope["at"], resolution=GONE)
    )
    statement = insert(data_findings)
    changes: dict[str, Any] = {name: statement.excluded[name] for name in ("severity", "count", "detail")}
    # A fault that was gone and is back is a new one.
    for name, renewed in (("attempts", 0), ("found_at", statement.excluded.found_at), ("accepted_at", None)):
        changes[name] = case((columns.resolved_at.is_(None), columns[name]), else_=renewed)
    changes |= {"resolved_at": None, "resolution": None}
    key = ("exchange", "symbol", "timeframe", "day", "check_name")
    with transaction(engine) as connection:
        if rows:
            connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changes), rows)
        return connection.execute(stale).rowcount


def open_findings(
    engine: Engine,
    exchange: str,
    *,
    symbols: Sequence[str] = (),
    days: Days | None = None,
    checks: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Read the findings that stand, newest day first.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id.
    symbols, checks
        Only these; empty means all.
    days
        First and last day, both included; None means all.
    """
    columns = data_findings.c
    query = (
        select(data_findings)
        .where(columns.exchange == exchange, columns.resolved_at.is_(None))
        .order_by(columns.day.desc(), columns.symbol, columns.timeframe, columns.check_name)
    )
    if symbols:
        query = query.where(columns.symbol.in_(symbols))
    if checks:
        query = query.where(columns.check_name.in_(checks))
    if days:
        query = query.where(columns.day.between(*days))
    with transaction(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def blocking_findings(
    connection: Connection,
    exchange: str,
    symbol: str,
    days: Days,
    *,
    timeframes: Collection[str] | None = None,
) -> tuple[str, ...]:
    """Read the unresolved blocking faults of a symbol's bars, a sentence each, oldest day first.

    Parameters
    ----------
    connection
        Open transaction.
    exchange, symbol
        Whose bars; of a set, those of each of its symbols.
    days
        Which days.
    timeframes
        Only these; None means all.
    """
    rows = data_findings.c
    query = _blocking(exchange, days.first).where(rows.symbol.in_(symbols_of(symbol)), rows.day <= days.last)
    if timeframes is not None:
        query = query.where(rows.timeframe.in_(timeframes))
    return _sentences(connection, query)


def blocking_now(connection: Connection, exchange: str, symbol: str, first: date) -> tuple[str, ...]:
    """Like `blocking_findings`, of what keeps a deployment from more money: its data from a day on.

    A change of the price's scale stays, however old it is: history before it is read in a wrong unit until
    its factor is recorded or a person has accepted it.
    """
    rows = data_findings.c
    query = _blocking(exchange).where(rows.symbol.in_(symbols_of(symbol)))
    return _sentences(connection, query.where((rows.day >= first) | (rows.check_name == PRICE_SCALE)))


def blocking_values(
    connection: Connection, exchange: str, symbol: str, days: Days, checks: Collection[str]
) -> tuple[str, ...]:
    """Like `blocking_findings`, of some checks, and of funding and open interest as well."""
    rows = data_findings.c
    query = _blocking(exchange, days.first).where(rows.symbol == symbol, rows.day <= days.last)
    return _sentences(connection, query.where(rows.check_name.in_(checks)))


def blocked_days(connection: Connection, exchange: str, first: date) -> list[str]:
    """Symbol, day and check of what blocks an exchange's bars from a day on."""
    rows = data_findings.c
    query = _blocking(exchange, first).order_by(rows.symbol, rows.day)
    return [f"{row.symbol} {row.day} {row.check_name}" for row in connection.execute(query)]


def accept_findings(connection: Connection, exchange: str, symbol: str, check_name: str, at: datetime) -> int:
    """Let the standing blocking findings of one check block no more; how many there were.

    A fault that goes and comes back, and one of another day, blocks again.
    """
    rows = data_findings.c
    query = (
        update(data_findings)
        .where(rows.exchange == exchange, rows.symbol == symbol, rows.check_name == check_name)
        .where(rows.severity == "block", rows.resolved_at.is_(None), rows.accepted_at.is_(None))
    )
    return connection.execute(query.values(accepted_at=at)).rowcount


def note_attempt(engine: Engine, outcomes: Mapping[int, str]) -> tuple[int, int]:
    """Count a repair of findings; those that are gone since were ended by it, in the way that is given.

    Parameters
    ----------
    engine
        Product database.
    outcomes
        Id of each finding, and how it ended if it did.

    Returns
    -------
    tuple of int
        Findings that the repair ended, and those that stand.
    """
    columns = data_findings.c
    stands = columns.resolved_at.is_(None)
    tried = update(data_findings).where(columns.id.in_(outcomes), stands)
    ended = 0
    with transaction(engine) as connection:
        for resolution in sorted(set(outcomes.values())):
            ids = [number for number, outcome in outcomes.items() if outcome == resolution]
            query = update(data_findings).where(columns.id.in_(ids), ~stands).values(resolution=resolution)
            ended += connection.execute(query).rowcount
        return ended, connection.execute(tried.values(attempts=columns.attempts + 1)).rowcount


def confirm_bars(
    database: Database, series: Series, kind: Confirmation, times: Iterable[int], at: datetime
) -> None:
    """Store that the exchange confirmed these bars: that they never existed, or that they are as stored."""
    rows = [{**series._asdict(), "ts": from_ms(ts), "kind": kind, "confirmed_at": at} for ts in times]
    if rows:
        with transaction(database) as connection:
            connection.execute(insert(bar_confirmations).on_conflict_do_nothing(), rows)


def read_confirmed(engine: Engine, series: Series, kind: Confirmation) -> IntArray:
    """Open times (ms) of the bars of which the exchange confirmed this; shape (n_bars,), increasing."""
    query = (
        select((func.extract("epoch", bar_confirmations.c.ts) * 1000).label("ms"))
        .where(*_of_series(bar_confirmations, series), bar_confirmations.c.kind == kind)
        .order_by(bar_confirmations.c.ts)
    )
    with transaction(engine) as connection:
        return np.array([int(ms) for ms in connection.execute(query).scalars()], dtype=np.int64)


def read_revisions(engine: Engine, series: Series, window: Window, since: datetime) -> list[Revision]:
    """Read what the exchange changed since a time of the bars in a window, oldest first."""
    rows = bar_revisions.c
    query = (
        select(rows.ts, rows.old, rows.new)
        .where(*_of_series(bar_revisions, series), rows.cause == "venue", rows.revised_at >= since)
        .where(rows.ts >= from_ms(window.start_ms), rows.ts < from_ms(window.end_ms))
        .order_by(rows.ts, rows.id)
    )
    with transaction(engine) as connection:
        return [Revision(to_ms(ts), old, new) for ts, old, new in connection.execute(query)]


def delete_impossible_bars(engine: Engine, series: Series, window: Window, now_ms: int) -> int:
    """Delete bars beside the grid of their timeframe, and bars that have not closed.

    Returns
    -------
    int
        Bars that were deleted; asking the exchange again brings back what is true of them.
    """
    step = bars.c.available_at - bars.c.ts
    is_off_grid = func.mod(func.extract("epoch", bars.c.ts), func.extract("epoch", step)) != 0
    query = (
        delete(bars)
        .where(
            *_of_series(bars, series),
            bars.c.ts >= from_ms(window.start_ms),
            bars.c.ts < from_ms(window.end_ms),
        )
        .where(or_(is_off_grid, bars.c.available_at > from_ms(now_ms)))
    )
    with transaction(engine) as connection:
        return connection.execute(query).rowcount


def _blocking(exchange: str, first: date = date.min) -> Select[Any]:
    rows = data_findings.c
    query = select(data_findings).where(
        rows.exchange == exchange,
        rows.severity == "block",
        rows.resolved_at.is_(None),
        rows.accepted_at.is_(None),
    )
    return query if first == date.min else query.where(rows.day >= first)


def _sentences(connection: Connection, query: Select[Any]) -> tuple[str, ...]:
    rows = data_findings.c
    found = connection.execute(query.order_by(rows.day, rows.timeframe, rows.check_name))
    return tuple(
        f"{row['count']} x {row['check_name']} in {row['timeframe']} bars of {row['symbol']} on {row['day']}"
        for row in found.mappings()
    )


def _of_series(table: Any, series: Series) -> tuple[ColumnElement[bool], ...]:
    return tuple(table.c[name] == value for name, value in series._asdict().items())
