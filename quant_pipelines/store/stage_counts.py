"""What deployments did in their stages: held, halted, refused; read for many by a statement each."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, get_args

from sqlalchemy import Connection, Select, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from quant_pipelines.core.time_away import Needed, TimeAway
from quant_pipelines.store.asked_once import is_among
from quant_pipelines.store.outages import OUTAGE
from quant_pipelines.store.tables import (
    alerts,
    deployments,
    intents,
    orders,
    performance_metrics,
    positions,
    trigger_states,
)

_OUTAGES: Final = tuple(f"{OUTAGE}:{what}" for what in get_args(Needed))


class StageCounts:
    """Counts of deployments since each entered its stage.

    Parameters
    ----------
    connection
        Open transaction.
    since
        When each deployment entered its stage.
    books
        Ids of the books of each: of a set its legs.
    """

    def __init__(
        self, connection: Connection, since: Mapping[int, datetime], books: Mapping[int, list[int]]
    ) -> None:
        self._books = books
        self._since = since
        owners = {book: owner for owner, own in books.items() for book in own}
        asked = {"owners": [*owners], "ids": [*since]}
        self._held = {row.deployment_id: row.held for row in connection.execute(_held(), asked)}
        self._behind = {row.deployment_id for row in connection.execute(_scored(), asked) if row.is_behind}
        sources = {f"deployment:{one}" for one in (*since, *owners)}
        told = {"own": [*sources], "sources": [*sources, *_OUTAGES], "first": min(since.values())}
        rows = connection.execute(_told(), told).all()
        self._halts = [row for row in rows if not row.is_away]
        self._away = [TimeAway(row.source, row.at, row.resolved_at) for row in rows if row.is_away]
        self._refused = Counter[int]()
        for row in connection.execute(_refused(), asked):
            self._refused[owners[row.deployment_id]] += row.n
        self._triggers = connection.execute(_standing(), asked).all()

    def position(self, deployment_id: int) -> Decimal:
        """Signed quantity; of several books, the sum without their signs."""
        held = [self._held.get(book, Decimal(0)) for book in self._books[deployment_id]]
        return held[0] if len(held) == 1 else sum(map(abs, held), Decimal(0))

    def is_behind(self, deployment_id: int) -> bool:
        """Whether its newest scorecard falls behind its verdict."""
        return deployment_id in self._behind

    def halts(self, deployment_id: int) -> int:
        """Halts of it and of its books."""
        since = self._since[deployment_id]
        own = {f"deployment:{one}" for one in (deployment_id, *self._books[deployment_id])}
        return sum(row.source in own and (row.at >= since or row.resolved_at is None) for row in self._halts)

    def outages(self, deployment_id: int) -> tuple[TimeAway, ...]:
        """Outages that its stage has seen, oldest first."""
        since = self._since[deployment_id]
        return tuple(one for one in self._away if one.until is None or one.until > since)

    def refused_orders(self, deployment_id: int) -> int:
        """Orders that the venue refused, or whose outcome is not known."""
        return self._refused[deployment_id]

    def active_triggers(self, deployment_id: int) -> tuple[str, ...]:
        """Name the performance triggers that stand."""
        return tuple(row.name for row in self._triggers if row.deployment_id == deployment_id)


@cache
def _held() -> Select[Any]:
    own = positions.c.deployment_id
    return (
        select(own, func.sum(positions.c.quantity).label("held")).where(is_among(own, "owners")).group_by(own)
    )


@cache
def _scored() -> Select[Any]:
    """Whether the newest scorecard of each falls behind its verdict."""
    metrics = performance_metrics.c
    is_behind = metrics.metrics["is_behind"].as_boolean().label("is_behind")
    newest = select(metrics.deployment_id, is_behind).where(is_among(metrics.deployment_id, "ids"))
    newest = newest.ext(distinct_on(metrics.deployment_id))
    return newest.order_by(metrics.deployment_id, metrics.scored_at.desc())


@cache
def _told() -> Select[Any]:
    first = bindparam("first", type_=alerts.c.at.type)
    own = (alerts.c.severity == "halt") & is_among(alerts.c.source, "own")
    away = alerts.c.source.in_(_OUTAGES)
    told = select(alerts.c.source, alerts.c.at, alerts.c.resolved_at, away.label("is_away"))
    told = told.where(is_among(alerts.c.source, "sources"))
    # A halt that began before the stage and still stands counts too, and what an outage has of the stage.
    began = (alerts.c.at >= first) | alerts.c.resolved_at.is_(None)
    told = told.where(or_(own & began, away & (began | (alerts.c.resolved_at > first))))
    return told.order_by(alerts.c.id)


@cache
def _refused() -> Select[Any]:
    owner = func.coalesce(deployments.c.set_id, deployments.c.id)
    entered = deployments.alias("entered")
    return (
        select(intents.c.deployment_id, func.count().label("n"))
        .join(orders, orders.c.client_order_id == intents.c.client_order_id)
        .join(deployments, deployments.c.id == intents.c.deployment_id)
        .join(entered, entered.c.id == owner)
        .where(is_among(intents.c.deployment_id, "owners"))
        .where(intents.c.committed_at >= entered.c.stage_changed_at)
        .where(orders.c.status.in_(("REJECTED", "UNKNOWN")))
        .group_by(intents.c.deployment_id)
    )


@cache
def _standing() -> Select[Any]:
    states = trigger_states.c
    standing = is_among(states.deployment_id, "ids") & states.is_active
    return select(states.deployment_id, states.name).where(standing).order_by(states.name)
