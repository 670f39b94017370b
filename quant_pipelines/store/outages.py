"""What keeps a runner from deciding, as alerts: one row for each outage or wait, with its end."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, insert, or_, select, update

from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.tables import alerts

OUTAGE = "outage"
"""Scope of what is away; an alert's source names it behind a colon."""
_WAIT = "wait"


def wait_of(source: str) -> str:
    """Scope of the decisions that a deployment could not take."""
    return f"{_WAIT}:{source}"


def follow_standing(engine: Engine, scope: str, found: Iterable[Alert], at: datetime) -> None:
    """Write an alert for each outage of a scope that begins, and the end of each that is over.

    Parameters
    ----------
    engine
        Product database.
    scope
        The alerts' source, or its begin.
    found
        Every outage that stands now; one that is written already stays as it is.
    at
        When.
    """
    now = {alert.source: alert for alert in found}
    stands = _within(scope) & alerts.c.resolved_at.is_(None)
    with transaction(engine) as connection:
        known = set(connection.execute(select(alerts.c.source).where(stands)).scalars())
        for alert in now.values():
            if alert.source not in known:
                row = alert._asdict() | {"detail": dict(alert.detail)}
                connection.execute(insert(alerts).values(row))
        over = stands & alerts.c.source.not_in(list(now))
        connection.execute(update(alerts).where(over).values(resolved_at=at))


def outages_at(connection: Connection, at: datetime, scope: str = OUTAGE) -> list[dict[str, Any]]:
    """Read what stood of a scope at a time, oldest first: source, message, begin and end."""
    query = (
        select(alerts.c.source, alerts.c.message, alerts.c.at, alerts.c.resolved_at)
        .where(_within(scope), alerts.c.at <= at)
        .where(or_(alerts.c.resolved_at.is_(None), alerts.c.resolved_at > at))
        .order_by(alerts.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _within(scope: str) -> ColumnElement[bool]:
    return or_(alerts.c.source == scope, alerts.c.source.startswith(f"{scope}:", autoescape=True))
