"""Events in the memory of one process, for tests without a server."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from quant_pipelines.cache import TOPICS, Delivered, Event


class MemoryBus:
    """`EventBus` of one process.

    Parameters
    ----------
    kept
        Events that each topic keeps.
    """

    def __init__(self, kept: int = 10_000) -> None:
        self._events: dict[str, deque[tuple[int, Event]]] = {topic: deque(maxlen=kept) for topic in TOPICS}
        self._arrived: dict[str, asyncio.Event] = {topic: asyncio.Event() for topic in TOPICS}
        self._number = 0

    async def publish(self, events: Sequence[Event]) -> None:
        """Append events, each to its topic."""
        for event in events:
            self._number += 1
            self._events[event.topic].append((self._number, event))
            arrived, self._arrived[event.topic] = self._arrived[event.topic], asyncio.Event()
            arrived.set()

    async def read(self, topic: str, after: str, *, limit: int = 1000) -> list[Delivered]:
        """Events after a position, oldest first."""
        first = int(after or 0)
        found = [Delivered(event, str(number)) for number, event in self._events[topic] if number > first]
        return found[:limit]

    async def wait(self, topic: str, after: str, seconds: float) -> None:
        """Return when there is something after the position, at the latest after ``seconds``."""
        arrived = self._arrived[topic]
        if await self.read(topic, after, limit=1):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await arrived.wait()

    async def end(self, topic: str) -> str:
        """Position after the newest event."""
        events = self._events[topic]
        return str(events[-1][0]) if events else ""
