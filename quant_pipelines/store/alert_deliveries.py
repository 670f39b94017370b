"""Where alerts go: planned once for each alert, claimed before a message leaves, and what became of each.

A delivery that is claimed and never recorded (its process died meanwhile) is due again after its lease: what
must be told is rather told twice than lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, exists, func, insert, select, update

from quant_pipelines.core.severities import Severity, severity_of
from quant_pipelines.store.tables import alert_deliveries, alerts
from quant_pipelines.store.tables.ops import DeliveryState

_MOST_AT_ONCE = 500
_SAID = ("delivered", "sending", "waiting", "failed")


class NewAlert(NamedTuple):
    """An alert whose deliveries are not planned yet."""

    id: int
    severity: Severity
    source: str
    message: str
    at: datetime


class DueDelivery(NamedTuple):
    """A claimed delivery with the alert that it tells."""

    id: int
    alert_id: int
    channel: str
    tries: int
    severity: Severity
    source: str
    message: str
    at: datetime
    resolved_at: datetime | None


def unrouted(connection: Connection, since: datetime) -> list[NewAlert]:
    """Alerts that nobody planned yet and that stand, or began since a time; oldest first.

    They are locked, and none that another process plans now is among them.
    """
    query = (
        select(*(alerts.c[name] for name in NewAlert._fields))
        .where(alerts.c.routed_at.is_(None), alerts.c.resolved_at.is_(None) | (alerts.c.at >= since))
        .order_by(alerts.c.id)
        .limit(_MOST_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    found = (NewAlert(*row) for row in connection.execute(query))
    return [alert._replace(severity=severity_of(alert.severity)) for alert in found]


def was_said(connection: Connection, alert: NewAlert, since: datetime) -> bool:
    """Whether an earlier alert of the same source and message is told, or will be, since a time."""
    said = alert_deliveries.c.state.in_(_SAID) & (alert_deliveries.c.alert_id == alerts.c.id)
    query = select(alerts.c.id).where(
        alerts.c.source == alert.source,
        alerts.c.message == alert.message,
        alerts.c.id < alert.id,
        alerts.c.at >= since,
        exists().where(said),
    )
    return connection.execute(query.limit(1)).first() is not None


def plan(
    connection: Connection,
    alert_id: int,
    rows: Iterable[Mapping[str, Any]],
    state: DeliveryState,
    at: datetime,
) -> None:
    """Store an alert's deliveries: ``channel``, ``wait_minutes``, ``due_at`` of each; it is planned then."""
    shared = {"alert_id": alert_id, "state": state, "tries": 0, "error": ""}
    if values := [dict(row) | shared for row in rows]:
        connection.execute(insert(alert_deliveries), values)
    connection.execute(update(alerts).where(alerts.c.id == alert_id).values(routed_at=at))


def end_known(connection: Connection) -> None:
    """Leave out what nobody has to be told any more: acknowledged, or over while it waited for that."""
    known = alerts.c.acknowledged_at.is_not(None) | (
        alerts.c.resolved_at.is_not(None) & (alert_deliveries.c.wait_minutes > 0)
    )
    is_known = exists().where(alerts.c.id == alert_deliveries.c.alert_id, known)
    waiting = update(alert_deliveries).where(alert_deliveries.c.state == "waiting", is_known)
    connection.execute(waiting.values(state="over"))


def claim(
    connection: Connection, channels: Sequence[str], now: datetime, lease_until: datetime
) -> list[DueDelivery]:
    """Take what is due for these channels, oldest alert first; nobody else takes it until the lease ends."""
    rows = alert_deliveries.c
    due = (
        select(rows.id)
        .where(rows.channel.in_(channels), rows.state.in_(("waiting", "sending")), rows.due_at <= now)
        .order_by(rows.alert_id)
        .limit(_MOST_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.execute(due).scalars())
    if not ids:
        return []
    taken = update(alert_deliveries).where(rows.id.in_(ids))
    connection.execute(taken.values(state="sending", due_at=lease_until, tries=rows.tries + 1))
    return _claimed(connection, ids)


def _claimed(connection: Connection, ids: list[int]) -> list[DueDelivery]:
    rows = alert_deliveries.c
    told = (alerts.c[name] for name in ("severity", "source", "message", "at", "resolved_at"))
    query = (
        select(rows.id, rows.alert_id, rows.channel, rows.tries, *told)
        .join(alerts, alerts.c.id == rows.alert_id)
        .where(rows.id.in_(ids))
        .order_by(rows.alert_id)
    )
    found = (DueDelivery(*row) for row in connection.execute(query))
    return [due._replace(severity=severity_of(due.severity)) for due in found]


def record_delivered(connection: Connection, ids: Sequence[int], at: datetime) -> None:
    """Note that these arrived."""
    arrived = update(alert_deliveries).where(alert_deliveries.c.id.in_(ids))
    connection.execute(arrived.values(state="delivered", delivered_at=at, error=""))


def record_test(connection: Connection, alert_id: int, outcomes: Mapping[str, str], at: datetime) -> None:
    """Note how a test went, by channel; what failed is not tried again, and the alert is over."""
    mine = alert_deliveries.c.alert_id == alert_id
    for channel, error in outcomes.items():
        went = {"state": "failed"} if error else {"state": "delivered", "delivered_at": at}
        one = update(alert_deliveries).where(mine, alert_deliveries.c.channel == channel)
        connection.execute(one.values(error=error, tries=1, **went))
    connection.execute(update(alerts).where(alerts.c.id == alert_id).values(resolved_at=at))


def record_failed(connection: Connection, delivery_id: int, error: str, again_at: datetime | None) -> None:
    """Note that this did not arrive, and when it is tried again; None gives it up."""
    state: DeliveryState = "failed" if again_at is None else "waiting"
    values: dict[str, Any] = {"state": state, "error": error}
    if again_at is not None:
        values["due_at"] = again_at
    connection.execute(update(alert_deliveries).where(alert_deliveries.c.id == delivery_id).values(values))


def hurry(connection: Connection, alert_ids: Sequence[int], now: datetime) -> None:
    """Let the channels that wait for an acknowledgement go on at once: an earlier one told nobody."""
    rows = alert_deliveries.c
    waits = update(alert_deliveries).where(
        rows.alert_id.in_(alert_ids), rows.state == "waiting", rows.wait_minutes > 0, rows.tries == 0
    )
    connection.execute(waits.values(due_at=func.least(rows.due_at, now)))


def acknowledge(connection: Connection, alert_id: int, operator: str, at: datetime) -> dict[str, Any] | None:
    """Note that a person knows an alert; None if there is none, else its row as it was before."""
    query = select(alerts).where(alerts.c.id == alert_id).with_for_update()
    found = connection.execute(query).mappings().one_or_none()
    if found is not None and found["acknowledged_at"] is None:
        known = update(alerts).where(alerts.c.id == alert_id)
        connection.execute(known.values(acknowledged_at=at, acknowledged_by=operator))
        end_known(connection)
    return None if found is None else dict(found)


def read_alerts(connection: Connection, *, limit: int, only_open: bool) -> list[dict[str, Any]]:
    """Newest alerts first, with where each went: ``deliveries`` [channel, state, tries, due_at, error]."""
    query = select(alerts).order_by(alerts.c.id.desc()).limit(limit)
    if only_open:
        query = query.where(is_open())
    found = [dict(row) for row in connection.execute(query).mappings()]
    ids = [row["id"] for row in found]
    went: dict[int, list[dict[str, Any]]] = {alert_id: [] for alert_id in ids}
    names = ("channel", "state", "tries", "due_at", "delivered_at", "error")
    for row in connection.execute(
        select(alert_deliveries).where(alert_deliveries.c.alert_id.in_(ids)).order_by(alert_deliveries.c.id)
    ).mappings():
        went[row["alert_id"]].append({name: row[name] for name in names})
    return [row | {"deliveries": went[row["id"]]} for row in found]


def open_alerts(connection: Connection) -> dict[str, Any]:
    """Count what is open, under ``open``; ``newest`` is the newest of them in words, None without one."""
    count = connection.execute(select(func.count()).select_from(alerts).where(is_open())).scalar_one()
    newest = select(alerts.c.severity, alerts.c.source, alerts.c.message).where(is_open())
    row = connection.execute(newest.order_by(alerts.c.id.desc()).limit(1)).one_or_none()
    return {"open": count, "newest": None if row is None else f"{row.severity} {row.source}: {row.message}"}


def is_open() -> Any:
    """Condition of alerts that are neither over nor known to a person."""
    return alerts.c.resolved_at.is_(None) & alerts.c.acknowledged_at.is_(None)
