"""The chain behind an order, read back: signal, intent, order, fills, and what stood in the way."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from quant_pipelines.store.tables import (
    alerts,
    deployments,
    equity,
    fills,
    intents,
    orders,
    signals,
    verdicts,
)

Row = dict[str, Any]


def find_intent(connection: Connection, client_order_id: str) -> Row | None:
    """Read an intent with the state of its order; None for an unknown id."""
    state = (orders.c.status, orders.c.filled_quantity, orders.c.reason, orders.c.venue_order_id)
    query = (
        select(intents, *state)
        .outerjoin(orders, orders.c.client_order_id == intents.c.client_order_id)
        .where(intents.c.client_order_id == client_order_id)
    )
    return _one(connection, query)


def find_fill(connection: Connection, trade_id: str) -> Row | None:
    """Read a fill by its trade id, the newest one where venues repeat ids; None for an unknown id."""
    query = select(fills).where(fills.c.trade_id == trade_id).order_by(fills.c.booked_at.desc()).limit(1)
    return _one(connection, query)


def fills_of(connection: Connection, client_order_id: str) -> list[Row]:
    """Read the fills of an order, oldest first."""
    query = select(fills).where(fills.c.client_order_id == client_order_id).order_by(fills.c.ts)
    return [dict(row) for row in connection.execute(query).mappings()]


def orders_at(connection: Connection, deployment_id: int, bar_close: datetime) -> list[Row]:
    """Read the orders that a deployment's decision on a bar led to: name, status and its reason."""
    query = (
        select(intents.c.client_order_id, orders.c.status, orders.c.reason)
        .outerjoin(orders, orders.c.client_order_id == intents.c.client_order_id)
        .where(intents.c.deployment_id == deployment_id, intents.c.bar_close == bar_close)
        .order_by(intents.c.client_order_id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def signal_at(connection: Connection, deployment_id: int, bar_close: datetime) -> Row | None:
    """Read the decision on exactly this bar; None if there was none."""
    mine = (signals.c.deployment_id == deployment_id) & (signals.c.bar_close == bar_close)
    return _one(connection, select(signals).where(mine))


def newest_signal(connection: Connection, deployment_id: int, after: datetime, until: datetime) -> Row | None:
    """Read the newest decision on a bar that closed in ``(after, until]``; None if there was none."""
    query = (
        select(signals)
        .where(signals.c.deployment_id == deployment_id)
        .where(signals.c.bar_close > after, signals.c.bar_close <= until)
        .order_by(signals.c.bar_close.desc())
        .limit(1)
    )
    return _one(connection, query)


def has_equity(connection: Connection, deployment_id: int, after: datetime, until: datetime) -> bool:
    """Whether an execution bar that closed in ``(after, until]`` was booked."""
    query = (
        select(equity.c.ts)
        .where(equity.c.deployment_id == deployment_id, equity.c.ts > after, equity.c.ts <= until)
        .limit(1)
    )
    return _one(connection, query) is not None


def halt_at(connection: Connection, sources: list[str], at: datetime) -> Row | None:
    """Read the oldest halt of one of the sources that stood at a time; None if none did."""
    query = (
        select(alerts)
        .where(alerts.c.severity == "halt", alerts.c.source.in_(sources), alerts.c.at <= at)
        .where(or_(alerts.c.resolved_at.is_(None), alerts.c.resolved_at > at))
        .order_by(alerts.c.id)
        .limit(1)
    )
    return _one(connection, query)


def read_deployment(connection: Connection, deployment_id: int) -> Row:
    """Read a deployment that is known to exist."""
    return dict(connection.execute(_deployed().where(deployments.c.id == deployment_id)).mappings().one())


def _deployed() -> Select[Any]:
    """Select deployments; a leg has the stage and the verdict of its set."""
    sets = deployments.alias("sets")
    of_set = ("stage", "stage_changed_at", "verdict_id")
    own = [column for column in deployments.c if column.name not in of_set]
    both = [func.coalesce(sets.c[name], deployments.c[name]).label(name) for name in of_set]
    return select(*own, *both).outerjoin(sets, sets.c.id == deployments.c.set_id)


def deployments_of(connection: Connection, exchange: str, symbol: str) -> list[Row]:
    """Read every deployment of a symbol, oldest first, whatever its stage is now."""
    query = (
        _deployed()
        .where(deployments.c.exchange == exchange, deployments.c.symbol == symbol)
        .order_by(deployments.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def verdicts_until(connection: Connection, exchange: str, symbol: str, at: datetime) -> list[Row]:
    """Read the newest verdict of each strategy and timeframe on a symbol up to a time."""
    key = (verdicts.c.strategy, verdicts.c.timeframe)
    here = (verdicts.c.exchange == exchange) & (verdicts.c.symbol == symbol) & (verdicts.c.created_at <= at)
    newest = select(func.max(verdicts.c.id)).where(here).group_by(*key)
    query = select(verdicts).where(verdicts.c.id.in_(newest)).order_by(*key)
    return [dict(row) for row in connection.execute(query).mappings()]


def read_verdict(connection: Connection, verdict_id: int | None) -> Row | None:
    """Read a verdict; None without one."""
    return _one(connection, select(verdicts).where(verdicts.c.id == verdict_id))


def shown(row: Mapping[str, Any], *names: str) -> Row:
    """Pick columns of a row."""
    return {name: row[name] for name in names}


def _one(connection: Connection, query: Select[Any]) -> Row | None:
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)
