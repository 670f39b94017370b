"""Signs of life of the services, and what a person should look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.core.severities import Severity
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import alerts, heartbeats

if TYPE_CHECKING:
    from quant_pipelines.trading.breaker import Event, Trip


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Latest sign of life of one service.

    Parameters
    ----------
    service
        Name of the process, such as ``live_runner``.
    state
        ACTIVE, REDUCING, FROZEN, HALTED or STANDBY for the runner; ``healthy`` or a complaint elsewhere.
    at
        When it was written.
    detail
        Whatever the service wants to show; JSON.
    """

    service: str
    state: str
    at: datetime
    detail: dict[str, Any]


def write_heartbeat(engine: Engine, heartbeat: Heartbeat) -> None:
    """Replace the service's row."""
    with transaction(engine) as connection:
        put_heartbeat(connection, heartbeat)


def put_heartbeat(connection: Connection, heartbeat: Heartbeat) -> None:
    """Replace the service's row in the caller's transaction."""
    values = {
        "service": heartbeat.service,
        "state": heartbeat.state,
        "at": heartbeat.at,
        "detail": heartbeat.detail,
    }
    query = upsert(heartbeats).values(values)
    connection.execute(query.on_conflict_do_update(index_elements=["service"], set_=values))


def read_heartbeats(connection: Connection) -> dict[str, Heartbeat]:
    """Latest sign of life of every service by its name."""
    rows = connection.execute(select(heartbeats).order_by(heartbeats.c.service))
    return {row.service: Heartbeat(row.service, row.state, row.at, row.detail) for row in rows}


class Alert(NamedTuple):
    """Something that a person should look at.

    Parameters
    ----------
    severity
        ``halt``: the source does not trade until a person resolves it.
    source
        What it is about, such as ``deployment:3``.
    message
        One sentence.
    at
        When it happened.
    detail
        What helps to understand it; JSON.
    """

    severity: Severity
    source: str
    message: str
    at: datetime
    detail: Mapping[str, Any] = MappingProxyType({})


def write_alert(engine: Engine, alert: Alert) -> None:
    """Store an alert."""
    with transaction(engine) as connection:
        add_alert(connection, alert)


def add_alert(connection: Connection, alert: Alert) -> int:
    """Store an alert in the caller's transaction; returns its id."""
    values = alert._asdict() | {"detail": dict(alert.detail)}
    return int(connection.execute(insert(alerts).values(values).returning(alerts.c.id)).scalar_one())


def alerted_since(connection: Connection, source: str, since: datetime) -> bool:
    """Whether there is an alert about a source that is no older."""
    found = select(alerts.c.id).where(alerts.c.source == source, alerts.c.at >= since)
    return connection.execute(found.limit(1)).first() is not None


def read_halts(engine: Engine) -> "dict[str, tuple[Trip, ...]]":
    """Events that a person must lift, oldest first, by source; they outlive the process that tripped."""
    halts: dict[str, tuple[Trip, ...]] = {}
    with transaction(engine) as connection:
        for row in standing_halts(connection):
            halts[row["source"]] = (*halts.get(row["source"], ()), trip_of(row))
    return halts


def trip_of(halt: Mapping[str, Any]) -> "Trip":
    """Event that a stored halt stands for; one that names none (or one unknown here) has failed."""
    from quant_pipelines.trading.breaker import ROWS, Trip  # noqa: PLC0415 - its package compiles

    detail = halt["detail"]
    event = detail.get("event")
    if event not in ROWS and "operator" in detail:
        event = "flattened" if detail.get("action") == "flatten" else "frozen"
    known: Event = event if event in ROWS else "failed"
    return Trip(known, halt["message"], int(detail.get("cools_until_ms", 0)))


def halt_alert(source: str, trip: "Trip", at: datetime) -> Alert:
    """Alert that stores an event which a person must lift."""
    detail: dict[str, Any] = {"event": trip.event}
    if trip.cools_until_ms:
        detail["cools_until_ms"] = trip.cools_until_ms
    return Alert("halt", source, trip.reason, at, detail)


def write_halt(engine: Engine, source: str, trip: "Trip", at: datetime) -> None:
    """Store an event that a person must lift, unless it stands for the same reason already."""
    with transaction(engine) as connection:
        halt_once(connection, source, trip, at)


def halt_once(connection: Connection, source: str, trip: "Trip", at: datetime) -> None:
    """Store an event in the caller's transaction, unless it stands for the same reason already.

    One that cools down stands once, whatever its newest figures are.
    """

    def is_same(row: dict[str, Any]) -> bool:
        is_cooling = trip.cools_until_ms > 0 and row["detail"].get("event") == trip.event
        return is_cooling or bool(row["message"] == trip.reason)

    if not any(is_same(row) for row in standing_halts(connection, source)):
        add_halt(connection, source, trip, at)


def add_halt(
    connection: Connection, source: str, trip: "Trip", at: datetime, *, operator: str | None = None
) -> int:
    """Store an event that a person must lift in the caller's transaction; returns the id of the alert."""
    alert = halt_alert(source, trip, at)
    signed = {} if operator is None else {"operator": operator}
    return add_alert(connection, alert._replace(detail={**alert.detail, **signed}))


def standing_halts(connection: Connection, source: str | None = None) -> list[dict[str, Any]]:
    """Unresolved halts, of one source or of all, oldest first."""
    query = (
        select(alerts)
        .where(alerts.c.severity == "halt", alerts.c.resolved_at.is_(None))
        .order_by(alerts.c.id)
    )
    if source is not None:
        query = query.where(alerts.c.source == source)
    return [dict(row) for row in connection.execute(query).mappings()]


def resolve_halts(connection: Connection, source: str, at: datetime) -> None:
    """Resolve every standing halt of a source."""
    standing = (alerts.c.severity == "halt") & (alerts.c.source == source) & alerts.c.resolved_at.is_(None)
    connection.execute(update(alerts).where(standing).values(resolved_at=at))
