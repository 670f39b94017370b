"""Steps of decision chains that were committed in a span of time, for who traces them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Select, select

from quant_pipelines.core.orders import OrderKind, OrderStatus, Side
from quant_pipelines.store.tables import deployments, fills, intents, orders, signals
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.purposes import Purpose

_Row = TypeVar("_Row", "TracedDecision", "TracedOrder", "TracedFill")
_LATE = timedelta(days=1)
"""So long after its bar's close a decision may come; the key of signals is the close."""


class TracedDecision(NamedTuple):
    """A decision of a deployment on a bar."""

    deployment_id: int
    strategy: str
    symbol: str
    timeframe: str
    bar_close: datetime
    decided_at: datetime
    target: float
    price: float
    decision: dict[str, Any]


class TracedOrder(NamedTuple):
    """An order that has ended, and whether a decision on a bar led to it."""

    client_order_id: str
    deployment_id: int
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderKind
    purpose: Purpose
    committed_at: datetime
    updated_at: datetime
    status: OrderStatus
    reason: str
    is_decided: bool


class TracedFill(NamedTuple):
    """A fill that was booked."""

    venue: str
    symbol: str
    trade_id: str
    part: int
    client_order_id: str | None
    deployment_id: int
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    reason: str
    ts: datetime
    booked_at: datetime


class TracedRows(NamedTuple):
    """What was committed in a span of time."""

    decisions: list[TracedDecision]
    orders: list[TracedOrder]
    fills: list[TracedFill]


def read_traced(connection: Connection, after: datetime, until: datetime) -> TracedRows:
    """Read what was decided, ended and booked in ``(after, until]``, oldest first."""
    return TracedRows(
        _rows(connection, _decisions(after, until), TracedDecision),
        _rows(connection, _orders(after, until), TracedOrder),
        _rows(connection, _fills(after, until), TracedFill),
    )


def _decisions(after: datetime, until: datetime) -> Select[Any]:
    own = ("strategy", "symbol", "timeframe")
    shown = ("bar_close", "decided_at", "target", "price", "decision")
    return (
        select(
            signals.c.deployment_id,
            *(deployments.c[name] for name in own),
            *(signals.c[name] for name in shown),
        )
        .join(deployments, deployments.c.id == signals.c.deployment_id)
        .where(signals.c.bar_close > after - _LATE, signals.c.bar_close <= until)
        .where(signals.c.decided_at > after, signals.c.decided_at <= until)
        .order_by(signals.c.decided_at)
    )


def _orders(after: datetime, until: datetime) -> Select[Any]:
    decided = (
        select(signals.c.bar_close)
        .where(signals.c.deployment_id == intents.c.deployment_id)
        .where(signals.c.bar_close == intents.c.bar_close)
    )
    meant = ("client_order_id", "deployment_id", "symbol", "side", "quantity", "order_type", "purpose")
    return (
        select(
            *(intents.c[name] for name in (*meant, "committed_at")),
            orders.c.updated_at,
            orders.c.status,
            orders.c.reason,
            decided.exists().label("is_decided"),
        )
        .join(orders, orders.c.client_order_id == intents.c.client_order_id)
        .where(orders.c.updated_at > after, orders.c.updated_at <= until, orders.c.status.in_(FINAL))
        .order_by(orders.c.updated_at)
    )


def _fills(after: datetime, until: datetime) -> Select[Any]:
    shown = [fills.c[name] for name in TracedFill._fields]
    query = select(*shown).where(fills.c.booked_at > after, fills.c.booked_at <= until)
    return query.order_by(fills.c.booked_at)


def _rows(connection: Connection, query: Select[Any], kind: type[_Row]) -> list[_Row]:
    return [kind(**row) for row in connection.execute(query).mappings()]
