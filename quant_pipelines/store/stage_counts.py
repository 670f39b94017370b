"""What deployments did in their stages: held, halted, refused; read for many by a statement each."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, get_args

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from quant_pipelines.core.time_away import Needed, TimeAway
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
        quantity = select(positions.c.deployment_id, func.sum(positions.c.quantity).label("held"))
        quantity = quantity.where(positions.c.deployment_id.in_(owners)).group_by(positions.c.deployment_id)
        self._held = {row.deployment_id: row.held for row in connection.execute(quantity)}
        metrics = performance_metrics.c
        newest = select(metrics.deployment_id, metrics.metrics).where(metrics.deployment_id.in_(since))
        newest = newest.ext(distinct_on(metrics.deployment_id))
        newest = newest.order_by(metrics.deployment_id, metrics.scored_at.desc())
        self._metrics = {row.deployment_id: row.metrics for row in connection.execute(newest)}
        sources = {f"deployment:{one}" for one in (*since, *owners)}
        first = min(since.values())
        own = (alerts.c.severity == "halt") & alerts.c.source.in_(sources)
        away = alerts.c.source.in_(_OUTAGES)
        told = select(alerts.c.source, alerts.c.at, alerts.c.resolved_at, away.label("is_away"))
        told = told.where(alerts.c.source.in_({*sources, *_OUTAGES}))
        # A halt that began before the stage and still stands counts too, and what an outage has of the stage.
        began = (alerts.c.at >= first) | alerts.c.resolved_at.is_(None)
        told = told.where(or_(own & began, away & (began | (alerts.c.resolved_at > first))))
        rows = connection.execute(told.order_by(alerts.c.id)).all()
        self._halts = [row for row in rows if not row.is_away]
        self._away = [TimeAway(row.source, row.at, row.resolved_at) for row in rows if row.is_away]
        self._refused = Counter[int]()
        owner = func.coalesce(deployments.c.set_id, deployments.c.id)
        entered = deployments.alias("entered")
        refused = (
            select(intents.c.deployment_id, func.count().label("n"))
            .join(orders, orders.c.client_order_id == intents.c.client_order_id)
            .join(deployments, deployments.c.id == intents.c.deployment_id)
            .join(entered, entered.c.id == owner)
            .where(intents.c.deployment_id.in_(owners), intents.c.committed_at >= entered.c.stage_changed_at)
            .where(orders.c.status.in_(("REJECTED", "UNKNOWN")))
            .group_by(intents.c.deployment_id)
        )
        for row in connection.execute(refused):
            self._refused[owners[row.deployment_id]] += row.n
        states = trigger_states.c
        standing = states.deployment_id.in_(since) & states.is_active
        triggers = select(states.deployment_id, states.name).where(standing).order_by(states.name)
        self._triggers = connection.execute(triggers).all()

    def position(self, deployment_id: int) -> Decimal:
        """Signed quantity; of several books, the sum without their signs."""
        held = [self._held.get(book, Decimal(0)) for book in self._books[deployment_id]]
        return held[0] if len(held) == 1 else sum(map(abs, held), Decimal(0))

    def is_behind(self, deployment_id: int) -> bool:
        """Whether its newest scorecard falls behind its verdict."""
        return bool((self._metrics.get(deployment_id) or {}).get("is_behind"))

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
