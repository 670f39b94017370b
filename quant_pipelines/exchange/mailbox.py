"""What a stream delivered and its consumer has not taken yet, bounded."""

import asyncio
import logging
from collections.abc import Callable, Hashable
from typing import Any

logger = logging.getLogger(__name__)


class Mailbox:
    """Values that wait for a consumer.

    Parameters
    ----------
    key_of
        Of values with the same key only the newest waits, in its first one's place; None keeps them all.
    most_waiting
        More than this are never kept: the oldest goes, and a warning tells that the consumer is too slow.
    """

    def __init__(self, key_of: Callable[[Any], Hashable] | None = None, *, most_waiting: int = 1000) -> None:
        self._key_of = key_of
        self._most_waiting = most_waiting
        self._waiting: dict[Hashable, Any] = {}
        self._arrived = asyncio.Event()
        self._count = 0
        self.dropped = 0

    def put(self, value: Any) -> None:
        """Take a value."""
        self._count += 1
        self._waiting[self._key_of(value) if self._key_of else self._count] = value
        if len(self._waiting) > self._most_waiting:
            del self._waiting[next(iter(self._waiting))]
            if self.dropped % self._most_waiting == 0:
                logger.warning("stream consumer is %d values behind; the oldest go", self._most_waiting)
            self.dropped += 1
        self._arrived.set()

    def wake(self) -> None:
        """Let the consumer look up although nothing arrived."""
        self._arrived.set()

    async def take(self) -> list[Any]:
        """Wait for news and return what waits, oldest first."""
        await self._arrived.wait()
        self._arrived.clear()
        values, self._waiting = list(self._waiting.values()), {}
        return values
