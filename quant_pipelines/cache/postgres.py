"""Both ports over PostgreSQL: slower than Redis, and there wherever the platform is."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import orjson
from sqlalchemy import Engine

from quant_pipelines.cache.ports import TOPICS, Delivered, Entry, Event
from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.bus_events import (
    EventRow,
    announced_topics,
    newest_event_id,
    publish_events,
    read_events,
    trim_events,
)
from quant_pipelines.store.live_state import StateRow, read_live_state, write_live_state

_TRIM_EVERY = 500
_POLL_SECONDS = 0.5
"""How often events are looked for while nobody announces them: the listening connection is new or lost."""

_log = logging.getLogger(__name__)


class PostgresState:
    """`LiveState` in an unlogged table.

    Parameters
    ----------
    engine
        Product database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def write(self, entries: Sequence[Entry]) -> None:
        """Replace the values of these keys."""
        newest = {entry.key: entry for entry in entries}
        rows = [
            StateRow(key, entry.at_ms, orjson.dumps(entry.value).decode()) for key, entry in newest.items()
        ]
        if rows:
            await asyncio.to_thread(write_live_state, self._engine, rows)

    async def read(self, keys: Sequence[str]) -> dict[str, Entry]:
        """Values of those keys that have one."""
        rows = await asyncio.to_thread(read_live_state, self._engine, keys)
        return {key: Entry(key, value, at_ms) for key, at_ms, value in rows}


class PostgresBus:
    """`EventBus` in a table, announced by NOTIFY.

    Parameters
    ----------
    engine
        Product database.
    database_url
        Its address, for the connection that listens.
    kept
        Events that each topic keeps, at least.
    """

    def __init__(self, engine: Engine, database_url: str, kept: int = 10_000) -> None:
        self._engine = engine
        self._url = database_url
        self._kept = kept
        self._published: Counter[str] = Counter()
        self._arrived = {topic: asyncio.Event() for topic in TOPICS}
        self._listening: asyncio.Task[None] | None = None
        self._is_listening = False
        self._is_known_away = False

    async def publish(self, events: Sequence[Event]) -> None:
        """Append events, each to its topic."""
        rows = [
            EventRow(event.event_id, event.topic, event.kind, orjson.dumps(event.body).decode())
            for event in events
        ]
        if not rows:
            return
        await asyncio.to_thread(publish_events, self._engine, rows)
        self._published.update(event.topic for event in events)
        for topic in [topic for topic, number in self._published.items() if number >= _TRIM_EVERY]:
            del self._published[topic]
            await asyncio.to_thread(trim_events, self._engine, topic, self._kept)

    async def read(self, topic: str, after: str, *, limit: int = 1000) -> list[Delivered]:
        """Events after a position, oldest first."""
        self._arrived[topic].clear()  # before the read: what is announced from now on is not in it
        rows = await asyncio.to_thread(read_events, self._engine, topic, int(after or 0), limit)
        return [Delivered(Event(row.event_id, topic, row.kind, row.body), str(row.id)) for row in rows]

    async def wait(self, topic: str, after: str, seconds: float) -> None:
        """Return when something was announced since the last read, at the latest after ``seconds``."""
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen(), name="events of the database")
        longest = seconds if self._is_listening else min(seconds, _POLL_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._arrived[topic].wait()

    async def end(self, topic: str) -> str:
        """Position after the newest event."""
        return str(await asyncio.to_thread(newest_event_id, self._engine, topic))

    async def close(self) -> None:
        """End the connection that listens."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self) -> None:
        try:
            async for topic in announced_topics(self._url):
                self._is_listening, self._is_known_away = True, False
                for one in self._arrived if topic == "" else (topic,):
                    self._arrived[one].set()
        except StoreError as error:
            if not self._is_known_away:
                _log.warning("%s; polling meanwhile", error)
            self._is_known_away = True
            await asyncio.sleep(_POLL_SECONDS)
        finally:
            self._is_listening = False
