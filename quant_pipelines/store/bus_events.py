"""Events in PostgreSQL: the stream that stands in where Redis is away.

Ids become visible in their order, so a reader that goes on after the newest id it saw misses nothing.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine

from quant_pipelines.store.engine import listening, transaction

CHANNEL = "bus_events"
_PUBLISH_LOCK = 0x42555345

_PUBLISH = """
with added as (
    insert into ops.bus_events (event_id, topic, kind, body)
    select event_id, topic, kind, body
    from unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[])
        with ordinality as published (event_id, topic, kind, body, position)
    order by position
    on conflict (event_id) do nothing
    returning topic
)
select pg_notify('bus_events', topic) from (select distinct topic from added) as topics
"""
_READ = (
    "select id, event_id, kind, body from ops.bus_events where topic = %s and id > %s order by id limit %s"
)
_END = "select coalesce(max(id), 0) from ops.bus_events where topic = %s"
_TRIM = """
delete from ops.bus_events where topic = %s and id <= (
    select id from ops.bus_events where topic = %s order by id desc offset %s limit 1
)
"""


class EventRow(NamedTuple):
    """An event to append; its body is JSON text."""

    event_id: str
    topic: str
    kind: str
    body: str


class StoredEvent(NamedTuple):
    """A row: its id (the position), the event's own id, kind and document."""

    id: int
    event_id: str
    kind: str
    body: dict[str, Any]


def publish_events(engine: Engine, rows: Sequence[EventRow]) -> None:
    """Append events; one whose id is stored already is left out.

    Parameters
    ----------
    engine
        Product database.
    rows
        In the order of publication.
    """
    columns = tuple(list(column) for column in zip(*rows, strict=True))
    with transaction(engine) as connection:
        # Without the lock a later id could be committed, and read, before an earlier one.
        connection.exec_driver_sql("select pg_advisory_xact_lock(%s)", (_PUBLISH_LOCK,))
        connection.exec_driver_sql(_PUBLISH, columns)


def read_events(engine: Engine, topic: str, after: int, limit: int) -> list[StoredEvent]:
    """Events after an id, oldest first."""
    with transaction(engine) as connection:
        rows = connection.exec_driver_sql(_READ, (topic, after, limit))
        return [StoredEvent(*row) for row in rows]


def newest_event_id(engine: Engine, topic: str) -> int:
    """Id of the newest event; 0 without one."""
    with transaction(engine) as connection:
        return int(connection.exec_driver_sql(_END, (topic,)).scalar_one())


def trim_events(engine: Engine, topic: str, kept: int) -> int:
    """Delete all but the newest events of a topic; returns how many."""
    with transaction(engine) as connection:
        return connection.exec_driver_sql(_TRIM, (topic, topic, kept)).rowcount


async def announced_topics(database_url: str) -> AsyncIterator[str]:
    """Topics that got an event, as it is announced; an empty one says that listening has begun.

    Raises
    ------
    StoreError
        If the database does not answer, or the connection breaks.
    """
    async with listening(database_url, CHANNEL) as listener:
        yield ""
        async for topic in listener.notices():
            yield topic
