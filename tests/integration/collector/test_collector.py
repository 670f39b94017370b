"""The collector in a computed market: real Redis, real PostgreSQL, no patches."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, text

from live_runner.collector.collector import Collector, Surroundings
from quant_pipelines.cache import SERVICE_KEY, Cache, book_key, follow, funding_key, tick_key
from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.settings import MarketSettings, Settings
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.store.bars import read_bar_rows, upsert_bars
from quant_pipelines.store.market import seed_symbols
from tests.integration.collector.market import (
    BTC,
    ETH,
    START_MS,
    ComputedMarket,
    MarketClock,
    computed_bars,
)
from tests.integration.redis_server import RedisServer, redis_server

pytestmark = pytest.mark.postgres

EXCHANGE = "binanceusdm"
DEADLINE = 120.0
SETTINGS = Settings(
    market=MarketSettings(universe=(BTC,), whitelist=(BTC,)),
    runner=RunnerSettings(heartbeat_seconds=0.1, bar_grace_seconds=0.0),
)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@dataclass
class World:
    """A running collector and what it talks to."""

    engine: Engine
    time: MarketClock
    market: ComputedMarket
    cache: Cache

    async def until(self, what: Callable[[], Any]) -> Any:
        """First true answer; fails after the deadline."""
        async with asyncio.timeout(DEADLINE):
            while not (answer := await asyncio.to_thread(what)):  # noqa: ASYNC110 - servers are waited for
                await asyncio.sleep(0.05)
        return answer

    async def close_minutes(self, count: int) -> None:
        """Let minutes pass, one after the other; the next one when the last one is stored."""
        await self.until(lambda: self.stored(BTC))  # the minute that had closed at the start
        for _ in range(count):
            close_ms = self.time.now_ms() // MINUTE_MS * MINUTE_MS + MINUTE_MS
            self.time.move_to(close_ms)
            await self.until(lambda: self.stored(BTC)[-1:] == [close_ms - MINUTE_MS])  # noqa: B023

    def stored(self, symbol: str) -> list[int]:
        """Open times of the stored minutes."""
        rows = read_bar_rows(self.engine, Series(EXCHANGE, symbol, "1m"), Window(0, START_MS * 2))
        return [int(ts) for ts in rows.ts]

    def heartbeat(self) -> dict[str, Any] | None:
        query = "select state, detail from ops.heartbeats where service = 'collector'"
        with self.engine.connect() as connection:
            row = connection.execute(text(query)).one_or_none()
        return None if row is None else {"state": row.state, **row.detail}


@asynccontextmanager
async def world(
    engine: Engine, database_url: str, redis_url: str = "", *, start_ms: int = START_MS
) -> AsyncIterator[World]:
    time = MarketClock(start_ms)
    market = ComputedMarket(time)
    async with Cache(redis_url, engine, database_url, probe_seconds=0.1) as cache:
        around = Surroundings(engine, SETTINGS, market, time, cache, "collector:test:1")
        stopping = asyncio.Event()
        running = asyncio.create_task(Collector(around).run(stopping))
        try:
            yield World(engine, time, market, cache)
        finally:
            stopping.set()
            await asyncio.wait_for(running, DEADLINE)


def minutes(first: int, last: int) -> list[int]:
    """Open times of the minutes with these numbers, both included."""
    return [START_MS + number * MINUTE_MS for number in range(first, last + 1)]


@pytest.mark.parametrize("with_redis", [True, False])
def test_what_the_streams_say_is_readable_under_its_keys(
    request: pytest.FixtureRequest, engine: Engine, database_url: str, with_redis: bool
) -> None:
    url = request.getfixturevalue("redis").url if with_redis else ""

    async def play() -> dict[str, Any]:
        async with (
            world(engine, database_url, url) as running,
            Cache(url, engine, database_url) as other,
        ):
            keys = [tick_key(BTC), book_key(BTC), funding_key(BTC), SERVICE_KEY]
            async with asyncio.timeout(DEADLINE):
                found = await other.state.read(keys)
                while len(found) < 4 or len(found[keys[0]].value) < 9:
                    await asyncio.sleep(0.02)
                    found = await other.state.read(keys)
            await running.until(running.heartbeat)
            return {key: entry.value for key, entry in found.items()}

    found = asyncio.run(play())
    tick = found[tick_key(BTC)]
    assert (tick["price"], tick["quantity"], tick["bar"]["high"]) == (100.25, 0.5, 2.0)
    assert (found[book_key(BTC)]["bid"], found[book_key(BTC)]["ask"]) == (100.2, 100.3)
    assert (found[funding_key(BTC)]["mark_price"], found[funding_key(BTC)]["funding_rate"]) == (
        100.25,
        0.0001,
    )


def test_each_closed_minute_is_stored_to_the_bit_and_told(engine: Engine, database_url: str) -> None:
    async def play() -> list[dict[str, Any]]:
        async with world(engine, database_url) as running:
            await running.close_minutes(3)
            return await told(running.cache, 4)

    bodies = asyncio.run(play())
    stored = read_bar_rows(engine, Series(EXCHANGE, BTC, "1m"), Window(0, START_MS * 2))
    expected = computed_bars(BTC, np.array(minutes(-1, 2)))
    for name in ("ts", "open", "high", "low", "close", "volume", "quote_volume", "trades"):
        assert getattr(stored, name).tolist() == getattr(expected, name).tolist()
        assert [body[name] for body in bodies] == getattr(expected, name).tolist()


async def told(cache: Cache, count: int) -> list[dict[str, Any]]:
    """Documents of the first closed bars on the bus, each minute once."""
    found: dict[int, dict[str, Any]] = {}
    async with asyncio.timeout(DEADLINE):
        async for delivered in follow(cache.bus, "market", ""):
            found[delivered.event.body["ts"]] = dict(delivered.event.body)
            if len(found) == count:
                break
    return [found[ts] for ts in sorted(found)]


def test_a_start_fills_the_gap_after_the_newest_stored_minute(engine: Engine, database_url: str) -> None:
    upsert_bars(engine, Series(EXCHANGE, BTC, "1m"), computed_bars(BTC, np.array(minutes(0, 9))))

    async def play() -> list[int]:
        async with world(engine, database_url, start_ms=START_MS + 60 * MINUTE_MS) as running:
            return await running.until(lambda: running.stored(BTC) if len(running.stored(BTC)) > 10 else [])

    assert asyncio.run(play()) == minutes(0, 59)


def test_minutes_that_closed_while_the_exchange_was_away_follow_when_it_is_back(
    engine: Engine, database_url: str
) -> None:
    async def play() -> list[int]:
        async with world(engine, database_url) as running:
            await running.close_minutes(2)
            running.market.is_away = True
            asked = running.market.asked_bars
            running.time.move_to(START_MS + 5 * MINUTE_MS)
            await running.until(lambda: running.market.asked_bars > asked)
            running.market.is_away = False
            running.time.move_to(START_MS + 7 * MINUTE_MS)
            return await running.until(
                lambda: running.stored(BTC) if running.stored(BTC)[-1] == minutes(6, 6)[0] else []
            )

    assert asyncio.run(play()) == minutes(-1, 6)


@pytest.mark.timeout(600)
def test_no_closed_minute_is_lost_while_redis_dies_and_comes_back(
    redis: RedisServer, engine: Engine, database_url: str
) -> None:
    async def play() -> tuple[list[int], list[int], list[str]]:
        served = []
        async with world(engine, database_url, redis.url) as running:
            for act, state in ((None, "up"), (redis.kill, "away"), (redis.start, "up"), (redis.kill, "away")):
                if act is not None:
                    await asyncio.to_thread(act)
                await running.until(lambda: running.cache.health()["redis"] == state)  # noqa: B023
                served.append(running.cache.health()["serves"])
                await running.close_minutes(3)
            bodies = await told(running.cache, 13)
            return [body["ts"] for body in bodies], running.stored(BTC), served

    events, stored, served = asyncio.run(play())
    assert events == stored == minutes(-1, 11)
    assert served == ["redis", "postgres", "redis", "postgres"]


def test_a_symbol_that_is_added_is_followed_without_a_restart(engine: Engine, database_url: str) -> None:
    async def play() -> dict[str, Any]:
        async with world(engine, database_url) as running:
            await running.until(lambda: (BTC,) in running.market.watched)
            seed_symbols(engine, EXCHANGE, (BTC, ETH), (BTC,), utc_now())
            await running.until(lambda: (BTC, ETH) in running.market.watched)
            await running.close_minutes(1)
            await running.until(lambda: running.stored(ETH))
            return await running.until(
                lambda: found if ETH in (found := running.heartbeat() or {}).get("symbols", []) else None
            )

    assert set(asyncio.run(play())["data_age_seconds"]) == {BTC, ETH}


def test_the_heartbeat_tells_rates_ages_memory_and_a_clean_stop(engine: Engine, database_url: str) -> None:
    async def play() -> tuple[dict[str, Any], World]:
        async with world(engine, database_url) as running:
            beat = await running.until(
                lambda: (
                    found
                    if (found := running.heartbeat() or {}).get("events_per_second", {}).get("trades")
                    else None
                )
            )
        return beat, running

    beat, running = asyncio.run(play())
    assert beat["events_per_second"]["book_tops"] > 0
    assert 0 <= beat["data_age_seconds"][BTC] < DEADLINE
    assert beat["memory_mb"] > 10
    assert beat["cache"]["serves"] == "postgres"
    assert (running.heartbeat() or {})["state"] == "stopped"
