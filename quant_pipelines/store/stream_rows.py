"""Rows as they come: what a reader has not seen yet, by a number that only grows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.store.tables import alerts, bars, deployments, equity, fills, signals

PAGE = 500
"""Rows that are read at once; more where the last number has more, so that no page cuts one in two."""
_EPOCH = from_ms(0)
_US = timedelta(microseconds=1)


class NumberedRow(NamedTuple):
    """A row with the number that it is resumed by."""

    number: int
    row: dict[str, Any]


def alerts_after(connection: Connection, after: int, up_to: int) -> list[NumberedRow]:
    """Read alerts above an id and up to another one, by id."""
    query = select(alerts).where(alerts.c.id > after, alerts.c.id <= up_to).order_by(alerts.c.id)
    found = connection.execute(query.limit(PAGE)).mappings()
    shown = ("id", "at", "severity", "source", "message", "detail", "resolved_at", "acknowledged_by")
    return [NumberedRow(row["id"], {name: row[name] for name in shown}) for row in found]


def alert_ids_after(connection: Connection, after: int) -> list[int]:
    """Read ids of alerts above an id, in order."""
    query = select(alerts.c.id).where(alerts.c.id > after).order_by(alerts.c.id).limit(PAGE)
    return list(connection.execute(query).scalars())


def newest_alert_id(connection: Connection) -> int:
    """Id of the newest alert; 0 before the first."""
    return int(connection.execute(select(func.max(alerts.c.id))).scalar() or 0)


def bars_after(connection: Connection, exchange: str, symbol: str, after: int) -> list[NumberedRow]:
    """Read closed 1-minute bars that opened after a time in ms, by that time."""
    shown = ("ts", "open", "high", "low", "close", "volume", "quote_volume", "trades")
    query = (
        select(*(bars.c[name] for name in shown))
        .where(bars.c.exchange == exchange, bars.c.symbol == symbol, bars.c.timeframe == "1m")
        .where(bars.c.ts > from_ms(after))
        .order_by(bars.c.ts)
        .limit(PAGE)
    )
    return [NumberedRow(to_ms(row["ts"]), dict(row)) for row in connection.execute(query).mappings()]


def newest_bar(connection: Connection, exchange: str, symbol: str) -> int:
    """Time at which the newest stored minute opened, ms; 0 without one."""
    query = select(func.max(bars.c.ts)).where(
        bars.c.exchange == exchange, bars.c.symbol == symbol, bars.c.timeframe == "1m"
    )
    newest = connection.execute(query).scalar()
    return to_ms(newest) if newest else 0


def books_after(connection: Connection, ids: Sequence[int], after: int) -> list[NumberedRow]:
    """Read what deployments booked at bars that closed after a time in ms, with what they decided there."""
    decided = (signals.c.deployment_id == equity.c.deployment_id) & (signals.c.bar_close == equity.c.ts)
    shown = ("deployment_id", "ts", "equity", "cash", "position", "price", "stop_price")
    query = (
        select(*(equity.c[name] for name in shown), signals.c.target, signals.c.decision)
        .outerjoin(signals, decided)
        .where(equity.c.deployment_id.in_(ids), equity.c.ts > from_ms(after))
        .order_by(equity.c.ts)
        .fetch(PAGE, with_ties=True)
    )
    rows = [NumberedRow(to_ms(row["ts"]), dict(row)) for row in connection.execute(query).mappings()]
    return sorted(rows, key=lambda one: (one.number, one.row["deployment_id"]))


def newest_book(connection: Connection, ids: Sequence[int]) -> int:
    """Close of the newest bar that deployments booked, ms; 0 without one."""
    newest = connection.execute(select(func.max(equity.c.ts)).where(equity.c.deployment_id.in_(ids))).scalar()
    return to_ms(newest) if newest else 0


def fills_after(connection: Connection, ids: Sequence[int], after: int) -> list[NumberedRow]:
    """Read fills of deployments that were booked after a time in microseconds, by that time."""
    query = (
        select(fills)
        .where(fills.c.deployment_id.in_(ids), fills.c.booked_at > _EPOCH + after * _US)
        .order_by(fills.c.booked_at)
        .fetch(PAGE, with_ties=True)
    )
    rows = [NumberedRow(_us(row["booked_at"]), dict(row)) for row in connection.execute(query).mappings()]
    names = ("venue", "symbol", "trade_id", "part")
    return sorted(rows, key=lambda one: (one.number, *(one.row[name] for name in names)))


def newest_fill(connection: Connection, ids: Sequence[int]) -> int:
    """When the newest fill of deployments was booked, microseconds; 0 without one."""
    query = select(func.max(fills.c.booked_at)).where(fills.c.deployment_id.in_(ids))
    newest = connection.execute(query).scalar()
    return _us(newest) if newest else 0


def with_legs(connection: Connection, deployment_id: int) -> list[int]:
    """Ids of a deployment and its legs; empty where there is none."""
    own = (deployments.c.id == deployment_id) | (deployments.c.set_id == deployment_id)
    return list(connection.execute(select(deployments.c.id).where(own).order_by(deployments.c.id)).scalars())


def _us(at: datetime) -> int:
    return (at - _EPOCH) // _US
