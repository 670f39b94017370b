"""Live state in Redis while it answers, in memory and PostgreSQL while it does not."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from quant_pipelines.cache.memory import MemoryState
from quant_pipelines.cache.ports import Entry, LiveState
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import StoreError

_FRESH_SECONDS = 2.0
"""A value in Redis that is older may have been written elsewhere since, by a process that lost Redis."""

if TYPE_CHECKING:
    from quant_pipelines.cache.redis_link import RedisLink

_log = logging.getLogger(__name__)


class SwitchingState:
    """`LiveState` that outlives its servers; nothing is raised.

    Parameters
    ----------
    link
        Connection to Redis; None does without.
    redis, postgres
        Where values are kept for other processes.
    clock
        Milliseconds UTC.
    """

    def __init__(
        self, link: "RedisLink | None", redis: LiveState | None, postgres: LiveState, clock: Clock
    ) -> None:
        self._link = link
        self._redis = redis
        self._postgres = postgres
        self._clock = clock
        self._own = MemoryState()
        self._is_postgres_away = False
        self._is_in_redis_only = False

    async def write(self, entries: Sequence[Entry]) -> None:
        """Replace the values of these keys; without any server they are this process's own."""
        self._own.put(entries)
        if self._redis is not None and self._link is not None and self._link.is_up:
            try:
                await self._redis.write(entries)
            except StoreError as error:
                _log.warning("%s; live state goes on in PostgreSQL", error)
            else:
                self._is_in_redis_only = True
                return
        await self._stand_in(entries)

    async def read(self, keys: Sequence[str]) -> dict[str, Entry]:
        """Newest values of those keys that have one, wherever they were written."""
        found = await self._own.read(keys)
        if self._redis is not None and self._link is not None and self._link.is_up:
            try:
                _keep_newest(found, await self._redis.read(keys))
            except StoreError as error:
                _log.warning("%s; live state is read from PostgreSQL", error)
        now_ms = self._clock()
        doubtful = [
            key for key in keys if key not in found or found[key].age_seconds(now_ms) > _FRESH_SECONDS
        ]
        if doubtful:
            try:
                _keep_newest(found, await self._postgres.read(doubtful))
                self._is_postgres_away = False
            except StoreError as error:
                self._complain(error)
        return found

    async def settle(self) -> None:
        """Write to PostgreSQL what a lost Redis has lost."""
        is_lost = self._link is None or not self._link.is_up
        if is_lost and self._is_in_redis_only:
            await self._stand_in(())

    async def restore(self) -> None:
        """Write everything that this process knows into a Redis that came back.

        Raises
        ------
        StoreError
            If it is away again.
        """
        if self._redis is not None:
            await self._redis.write(self._own.entries())

    async def _stand_in(self, entries: Sequence[Entry]) -> None:
        """Write to PostgreSQL; the first time after a loss, all that this process knows."""
        try:
            await self._postgres.write(self._own.entries() if self._is_in_redis_only else entries)
        except StoreError as error:
            self._complain(error)
        else:
            self._is_postgres_away = self._is_in_redis_only = False

    def _complain(self, error: StoreError) -> None:
        if not self._is_postgres_away:
            _log.warning("%s; live state is kept in memory", error)
        self._is_postgres_away = True


def _keep_newest(found: dict[str, Entry], others: dict[str, Entry]) -> None:
    for key, entry in others.items():
        if key not in found or found[key].at_ms < entry.at_ms:
            found[key] = entry
