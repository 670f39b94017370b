"""Events through Redis while it answers, through PostgreSQL while it does not; readers read both.

What Redis acknowledged is remembered for a while. When Redis is lost, what it may have lost with it is
written to PostgreSQL under the same ids, and only then what comes next: readers get every event at least
once, and know a repeated one by its id.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from quant_pipelines.cache.ports import Delivered, Event, EventBus
from quant_pipelines.core.errors import StoreError

_REMEMBERED = 5_000
_MOST_OWED = 50_000

if TYPE_CHECKING:
    from quant_pipelines.cache.redis_link import RedisLink

_log = logging.getLogger(__name__)


class SwitchingBus:
    """`EventBus` over two.

    Parameters
    ----------
    link
        Connection to Redis; None does without.
    redis, postgres
        The two.
    """

    def __init__(self, link: "RedisLink | None", redis: EventBus | None, postgres: EventBus) -> None:
        self._link = link
        self._redis = redis
        self._postgres = postgres
        self._recent: deque[Event] = deque(maxlen=_REMEMBERED)
        self._owed: deque[Event] = deque(maxlen=_MOST_OWED)
        self._publishing = asyncio.Lock()
        self._is_postgres_away = False

    @property
    def owed(self) -> int:
        """Events that wait for a server."""
        return len(self._owed)

    async def publish(self, events: Sequence[Event]) -> None:
        """Append events; what no server takes now waits in memory and is tried again, nothing is raised."""
        async with self._publishing:
            if self._redis is not None and self._is_redis_up() and not self._owed:
                try:
                    await self._redis.publish(events)
                except StoreError as error:
                    _log.warning("%s; events go on in PostgreSQL", error)
                else:
                    self._recent.extend(events)
                    return
            await self._settle(events)

    async def settle(self) -> None:
        """Write what is owed, and what a lost Redis may have lost, to PostgreSQL."""
        async with self._publishing:
            await self._settle(())

    async def read(self, topic: str, after: str, *, limit: int = 1000) -> list[Delivered]:
        """Events after a position, those of one publisher in order.

        Raises
        ------
        StoreError
            If PostgreSQL does not answer: events in Redis may come after those that are stored there.
        """
        redis_after, postgres_after = _parts(after)
        # Redis first: what was published to it after a stay in PostgreSQL is then read after that stay.
        first: list[Delivered] = []
        if self._redis is not None and self._is_redis_up():
            with suppress(StoreError):
                first = await self._redis.read(topic, redis_after, limit=limit)
        second = await self._postgres.read(topic, postgres_after, limit=limit)
        return _merged(first, second, after, limit)

    async def wait(self, topic: str, after: str, seconds: float) -> None:
        """Return when there may be something after the position in either, or after ``seconds``."""
        redis_after, postgres_after = _parts(after)
        waits = [asyncio.ensure_future(self._postgres.wait(topic, postgres_after, seconds))]
        if self._redis is not None and self._is_redis_up():
            waits.append(asyncio.ensure_future(self._redis.wait(topic, redis_after, seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def end(self, topic: str) -> str:
        """Position after the newest event of both."""
        redis_end = ""
        if self._redis is not None and self._is_redis_up():
            with suppress(StoreError):
                redis_end = await self._redis.end(topic)
        return f"{redis_end}|{await self._postgres.end(topic)}"

    def _is_redis_up(self) -> bool:
        return self._link is not None and self._link.is_up

    async def _settle(self, events: Sequence[Event]) -> None:
        if not self._is_redis_up():
            self._owed.extend(self._recent)
            self._recent.clear()
        self._owed.extend(events)
        if not self._owed:
            return
        try:
            await self._postgres.publish(list(self._owed))
        except StoreError as error:
            if not self._is_postgres_away:
                _log.warning("%s; events wait in memory", error)
            self._is_postgres_away = True
            return
        self._is_postgres_away = False
        self._owed.clear()


def _parts(position: str) -> tuple[str, str]:
    redis_after, _, postgres_after = position.partition("|")
    return redis_after, postgres_after


def _merged(first: list[Delivered], second: list[Delivered], after: str, limit: int) -> list[Delivered]:
    """Both lists in the order of the events' ids, each in its own order.

    A list that is as long as the limit may go on: past its end the other one has to wait for the rest.
    """
    lists, taken, positions = (first, second), [0, 0], list(_parts(after))
    merged: list[Delivered] = []
    while True:
        heads = [
            (lists[side][taken[side]].event.event_id, side)
            for side in (0, 1)
            if taken[side] < len(lists[side])
        ]
        is_cut = any(len(lists[side]) == limit == taken[side] for side in (0, 1))
        if not heads or is_cut:
            return merged
        side = min(heads)[1]
        delivered = lists[side][taken[side]]
        taken[side] += 1
        positions[side] = delivered.position
        merged.append(Delivered(delivered.event, "|".join(positions)))
