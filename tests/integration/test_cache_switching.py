"""A real Redis is killed and brought back while events and values are written: nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.cache import Cache, Delivered, Entry, Event, EventIds, follow, tick_key
from quant_pipelines.cache.redis_link import RedisLink
from quant_pipelines.cache.switching_bus import SwitchingBus
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.errors import ConfigurationError, StoreError
from quant_pipelines.stack.ports import free_port
from quant_pipelines.store.bus_events import announced_topics
from tests.contract.test_live_state import canceled_after
from tests.integration.redis_server import RedisServer, redis_server
from tests.memory_bus import MemoryBus

pytestmark = pytest.mark.postgres

DEADLINE = 120.0
KEY = tick_key("BTC/USDT:USDT")


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@asynccontextmanager
async def cache_of(url: str, engine: Engine, database_url: str) -> AsyncIterator[Cache]:
    async with Cache(url, engine, database_url, probe_seconds=0.1) as cache:
        yield cache


async def until(what: Callable[[], Any]) -> None:
    """Wait until something is true; fails after the deadline."""
    async with asyncio.timeout(DEADLINE):
        while not what():  # noqa: ASYNC110 - what is waited for happens in servers
            await asyncio.sleep(0.02)


class Publisher:
    """Publishes numbered events one after the other until it is told to stop."""

    def __init__(self, cache: Cache, name: str) -> None:
        self._cache = cache
        self._ids = EventIds(name, system_clock_ms)
        self._name = name
        self.is_done = False
        self.published = 0

    async def run(self) -> None:
        while not self.is_done:
            body = {"by": self._name, "number": self.published}
            await self._cache.bus.publish([self._ids.event("market", "numbered", body)])
            self.published += 1
            await asyncio.sleep(0.01)


class Reader:
    """Follows a topic and remembers what came."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self.numbers: dict[str, list[int]] = {}

    async def run(self) -> None:
        async for delivered in follow(self._cache.bus, "market", ""):
            body = delivered.event.body
            self.numbers.setdefault(body["by"], []).append(body["number"])


@pytest.mark.timeout(600)
def test_no_event_is_lost_repeated_or_reordered_while_redis_dies_and_comes_back(
    redis: RedisServer, engine: Engine, database_url: str
) -> None:
    async def play() -> tuple[dict[str, list[int]], dict[str, int]]:
        async with (
            cache_of(redis.url, engine, database_url) as first,
            cache_of(redis.url, engine, database_url) as second,
            cache_of(redis.url, engine, database_url) as listener,
        ):
            publishers = [Publisher(first, "a"), Publisher(second, "b")]
            reader = Reader(listener)
            running = [asyncio.create_task(one.run()) for one in (*publishers, reader)]
            caches = (first, second, listener)
            for _ in range(3):
                await more_events(publishers)
                redis.kill()
                await until(lambda: all(cache.health()["redis"] == "away" for cache in caches))
                await more_events(publishers)
                await asyncio.to_thread(redis.start)
                await until(lambda: all(cache.health()["redis"] == "up" for cache in caches))
            await more_events(publishers)
            for publisher in publishers:
                publisher.is_done = True
            await asyncio.gather(*running[:2])
            expected = {name: one.published for name, one in zip("ab", publishers, strict=True)}
            with suppress(TimeoutError):  # what is missing then shows in the comparison
                await until(lambda: {by: len(found) for by, found in reader.numbers.items()} == expected)
            if running[2].done():
                running[2].result()
            running[2].cancel()
            await asyncio.gather(*running, return_exceptions=True)
            return reader.numbers, expected

    found, expected = asyncio.run(play())
    assert found == {name: list(range(count)) for name, count in expected.items()}


async def more_events(publishers: list[Publisher], count: int = 40) -> None:
    goals = [publisher.published + count for publisher in publishers]
    await until(lambda: all(one.published >= goal for one, goal in zip(publishers, goals, strict=True)))


def test_what_a_killed_redis_had_acknowledged_is_read_by_a_reader_that_comes_later(
    redis: RedisServer, engine: Engine, database_url: str
) -> None:
    async def play() -> list[int]:
        async with cache_of(redis.url, engine, database_url) as cache:
            publisher = Publisher(cache, "a")
            running = asyncio.create_task(publisher.run())
            await more_events([publisher])
            publisher.is_done = True
            await running
            redis.kill()
            await asyncio.to_thread(redis.start)  # empty, and sooner than anybody may have noticed
            async with asyncio.timeout(DEADLINE):
                while len(found := await cache.bus.read("market", "")) < publisher.published:  # noqa: ASYNC110 - servers
                    await asyncio.sleep(0.02)
            return [one.event.body["number"] for one in found][: publisher.published]

    found = asyncio.run(play())
    assert len(found) >= 40
    assert found == list(range(len(found)))


def test_events_wait_in_memory_while_no_server_answers(
    redis: RedisServer, engine: Engine, database_url: str
) -> None:
    async def play() -> tuple[int, int]:
        nowhere = f"postgresql://quant@127.0.0.1:{free_port()}/quant"
        async with cache_of(redis.url, engine, nowhere) as cache:
            ids = EventIds("a", system_clock_ms)
            redis.kill()
            await cache.bus.publish([ids.event("market", "numbered", {"number": 1})])
            return cache.health()["events_waiting"], len(await cache.bus.read("market", ""))

    # The engine is the real one: only the connection that listens has no server.
    assert asyncio.run(play()) == (0, 1)


class AwayBus(MemoryBus):
    """A PostgreSQL that does not answer."""

    async def read(self, topic: str, after: str, *, limit: int = 1000) -> list[Delivered]:
        raise StoreError("the database does not answer")


def test_no_later_event_is_delivered_while_an_earlier_one_can_not_be_read() -> None:
    async def play() -> None:
        link, redis = RedisLink(f"redis://127.0.0.1:{free_port()}/0"), MemoryBus()
        link.is_up = True
        await redis.publish([Event("2", "market", "numbered", {"number": 2})])
        with pytest.raises(StoreError, match="does not answer"):
            await SwitchingBus(link, redis, AwayBus()).read("market", "")

    asyncio.run(play())


def test_values_are_kept_while_redis_dies_and_comes_back(
    redis: RedisServer, engine: Engine, database_url: str
) -> None:
    async def play() -> list[float]:
        async with (
            cache_of(redis.url, engine, database_url) as writer,
            cache_of(redis.url, engine, database_url) as reader,
        ):
            caches = (writer, reader)
            await writer.state.write([Entry(KEY, {"price": 1.0}, system_clock_ms())])
            found = [await price(reader)]
            redis.kill()
            await until(lambda: all(cache.health()["redis"] == "away" for cache in caches))
            await writer.state.settle()
            found.append(await price(reader))
            await writer.state.write([Entry(KEY, {"price": 2.0}, system_clock_ms())])
            found.append(await price(reader))
            await asyncio.to_thread(redis.start)
            await until(lambda: all(cache.health()["redis"] == "up" for cache in caches))
            found.append(await price(reader))
            return found

    assert asyncio.run(play()) == [1.0, 1.0, 2.0, 2.0]


async def price(cache: Cache) -> float:
    entries = await cache.state.read([KEY])
    return float(entries[KEY].value["price"])


def test_a_redis_that_is_dead_at_the_start_costs_one_warning(
    engine: Engine, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> dict[str, Any]:
        async with cache_of(f"redis://127.0.0.1:{free_port()}/0", engine, database_url) as cache:
            for number in range(20):
                await cache.state.write([Entry(KEY, {"price": number}, system_clock_ms())])
            await asyncio.sleep(0.5)
            return cache.health()

    health = asyncio.run(play())
    assert (health["serves"], health["redis"]) == ("postgres", "away")
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "PostgreSQL stands in" in warnings[0].getMessage()


def test_a_probe_that_is_canceled_ends_at_whatever_step(redis: RedisServer) -> None:
    async def play() -> None:
        link = RedisLink(redis.url)
        await link.begin_session()
        for steps in range(1, 24):
            await canceled_after(steps, link.probe)
        await link.close()

    asyncio.run(play())


def test_listening_that_is_canceled_while_it_connects_leaves_no_half_open_connection(
    engine: Engine, database_url: str
) -> None:
    async def play() -> None:
        for steps in range(1, 40):
            listening = asyncio.ensure_future(anext(announced_topics(database_url)))
            for _ in range(steps):
                await asyncio.sleep(0)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    asyncio.run(play())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("set statement_timeout = '30s'")  # such a connection holds it up for 60 s
        connection.exec_driver_sql("create database half_open")
        connection.exec_driver_sql("drop database half_open with (force)")


def test_an_address_that_is_none_is_refused(engine: Engine, database_url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a Redis URL; expected redis://host:port/database"):
        Cache("http://127.0.0.1:6379", engine, database_url)
