"""The composed cache: both ports, and the watch that switches them between Redis and what stands in."""

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Engine

from quant_pipelines.cache.ports import EventBus, LiveState
from quant_pipelines.cache.postgres import PostgresBus, PostgresState
from quant_pipelines.cache.switching_bus import SwitchingBus
from quant_pipelines.cache.switching_state import SwitchingState
from quant_pipelines.core.clock import Clock, system_clock_ms
from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.live_state import forget_live_state

if TYPE_CHECKING:
    from quant_pipelines.cache.redis_link import RedisLink

_PROBE_SECONDS = 1.0
_FORGET_SECONDS = 3_600.0
_FORGET_AGE = timedelta(days=1)

_log = logging.getLogger(__name__)


class Cache:
    """Live state and events of one process; an asynchronous context manager.

    Parameters
    ----------
    redis_url
        Address of Redis; empty does without.
    engine
        Product database.
    database_url
        Its address, for the connection that listens.
    clock
        Milliseconds UTC.
    probe_seconds
        How often Redis is looked after: the longest that it may be back without being used.

    Raises
    ------
    ConfigurationError
        If the address is not a Redis URL.
    """

    def __init__(
        self,
        redis_url: str,
        engine: Engine,
        database_url: str,
        *,
        clock: Clock = system_clock_ms,
        probe_seconds: float = _PROBE_SECONDS,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._probe_seconds = probe_seconds
        self._postgres_bus = PostgresBus(engine, database_url)
        link, state, bus = _redis(redis_url) if redis_url else (None, None, None)
        self._link: RedisLink | None = link
        self.state = SwitchingState(link, state, PostgresState(engine), clock)
        self.bus = SwitchingBus(link, bus, self._postgres_bus)
        self._switches = 0
        self._was_up = False
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._link is not None:
            await self._look_after(self._link)
            if not self._link.is_up:
                _log.warning("Redis %s does not answer; PostgreSQL stands in", self._link.address)
        self._switches = 0
        self._watching = asyncio.create_task(self._watch(), name="cache")
        self._watching.add_done_callback(_report)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self.bus.settle()
        await self._postgres_bus.close()
        if self._link is not None:
            await self._link.close()

    def health(self) -> dict[str, Any]:
        """Return what serves, how often that changed, and how many events wait for a server."""
        redis = "not configured" if self._link is None else "up" if self._link.is_up else "away"
        serves = "redis" if redis == "up" else "postgres"
        return {"serves": serves, "redis": redis, "switches": self._switches, "events_waiting": self.bus.owed}

    async def _watch(self) -> None:
        forgotten = 0.0
        while True:
            await asyncio.sleep(self._probe_seconds)
            if self._link is not None:
                await self._look_after(self._link)
            await self.bus.settle()
            await self.state.settle()
            forgotten += self._probe_seconds
            if forgotten >= _FORGET_SECONDS:
                forgotten = 0.0
                await self._forget()

    async def _look_after(self, link: "RedisLink") -> None:
        """Notice that Redis was lost, or bring one that came back up to date and use it."""
        try:
            await link.probe()
            if not link.is_up:
                await self.bus.settle()
                await self.state.settle()
                await self.state.restore()
                await link.begin_session()
                _log.info("Redis %s is used", link.address)
        except StoreError as error:
            if self._was_up:
                _log.warning("%s; PostgreSQL stands in", error)
        if link.is_up != self._was_up:
            self._switches += 1
        self._was_up = link.is_up

    async def _forget(self) -> None:
        try:
            await asyncio.to_thread(forget_live_state, self._engine, self._clock(), _FORGET_AGE)
        except StoreError as error:
            _log.warning("old live state was not deleted: %s", error)


def _redis(url: str) -> "tuple[RedisLink, LiveState, EventBus]":
    # Who has no Redis pays neither time nor memory for its client.
    from quant_pipelines.cache.redis_link import RedisLink  # noqa: PLC0415
    from quant_pipelines.cache.redis_ports import RedisBus, RedisState  # noqa: PLC0415

    link = RedisLink(url)
    return link, RedisState(link), RedisBus(link)


def _report(watching: "asyncio.Task[None]") -> None:
    """Log what ended the watch: without it nothing is switched any more."""
    if not watching.cancelled() and (error := watching.exception()) is not None:
        _log.error("the cache is not looked after any more", exc_info=error)
