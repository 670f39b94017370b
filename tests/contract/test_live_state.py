"""One suite over every implementation of live state, one over every implementation of the event bus."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.cache import (
    TOPICS,
    Cache,
    Delivered,
    Entry,
    Event,
    EventBus,
    EventIds,
    LiveState,
    follow,
    tick_key,
)
from quant_pipelines.cache.memory import MemoryState
from quant_pipelines.cache.postgres import PostgresBus, PostgresState
from quant_pipelines.cache.redis_link import RedisLink
from quant_pipelines.cache.redis_ports import RedisBus, RedisState
from tests.integration.redis_server import RedisServer, redis_server
from tests.memory_bus import MemoryBus

pytestmark = pytest.mark.postgres

IMPLEMENTATIONS = ("memory", "postgres", "redis", "switching", "switching without redis")
AT_MS = 1_767_225_600_123
BTC, ETH = tick_key("BTC/USDT:USDT"), tick_key("ETH/USDT:USDT")

Ports = tuple[LiveState, EventBus]
Play = Callable[[Callable[[LiveState, EventBus], Coroutine[Any, Any, None]]], None]


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(params=IMPLEMENTATIONS)
def play(request: pytest.FixtureRequest, engine: Engine, database_url: str) -> Play:
    """Run a test's coroutine with both ports of one implementation, on fresh servers."""
    name: str = request.param
    url = request.getfixturevalue("redis").url if name in ("redis", "switching") else ""

    def run(test: Callable[[LiveState, EventBus], Coroutine[Any, Any, None]]) -> None:
        async def opened() -> None:
            async with ports_of(name, url, engine, database_url) as ports:
                await asyncio.wait_for(test(*ports), 120)

        asyncio.run(opened())

    return run


@asynccontextmanager
async def ports_of(name: str, url: str, engine: Engine, database_url: str) -> AsyncIterator[Ports]:
    async with AsyncExitStack() as stack:
        if url:
            link = RedisLink(url)
            stack.push_async_callback(link.close)
            await link.client.flushall()
            await link.begin_session()
        if name == "memory":
            yield MemoryState(), MemoryBus()
        elif name == "postgres":
            bus = PostgresBus(engine, database_url)
            stack.push_async_callback(bus.close)
            yield PostgresState(engine), bus
        elif name == "redis":
            yield RedisState(link), RedisBus(link)
        else:
            cache = await stack.enter_async_context(Cache(url, engine, database_url))
            yield cache.state, cache.bus


def events(topic: str, *numbers: int) -> list[Event]:
    """Events whose ids sort like their numbers."""
    return [Event(f"{number:06d}", topic, "numbered", {"number": number}) for number in numbers]


def numbers(delivered: Sequence[Delivered]) -> list[int]:
    return [one.event.body["number"] for one in delivered]


def test_a_value_is_read_as_it_was_written(play: Play) -> None:
    async def test(state: LiveState, _bus: EventBus) -> None:
        value = {"price": 0.1 + 0.2, "bar": {"ts": AT_MS, "open": 64_321.05}, "side": None, "name": 'é/"x'}
        await state.write([Entry(BTC, value, AT_MS)])
        assert await state.read([BTC]) == {BTC: Entry(BTC, value, AT_MS)}

    play(test)


def test_the_last_write_of_a_key_wins(play: Play) -> None:
    async def test(state: LiveState, _bus: EventBus) -> None:
        await state.write([Entry(BTC, {"price": 1.0}, AT_MS), Entry(ETH, {"price": 9.0}, AT_MS)])
        await state.write([Entry(BTC, {"price": 2.0}, AT_MS + 1), Entry(BTC, {"price": 3.0}, AT_MS + 2)])
        found = await state.read([BTC, ETH])
        assert {key: entry.value["price"] for key, entry in found.items()} == {BTC: 3.0, ETH: 9.0}
        assert found[BTC].age_seconds(AT_MS + 1_002) == 1.0

    play(test)


def test_a_key_without_a_value_is_left_out(play: Play) -> None:
    async def test(state: LiveState, _bus: EventBus) -> None:
        await state.write([Entry(BTC, {}, AT_MS)])
        assert set(await state.read([ETH, BTC])) == {BTC}
        assert await state.read([]) == {}

    play(test)


def test_events_come_in_the_order_of_publication(play: Play) -> None:
    async def test(_state: LiveState, bus: EventBus) -> None:
        for start in range(0, 60, 20):
            await bus.publish(events("market", *range(start, start + 20)))
        delivered = await bus.read("market", "")
        assert numbers(delivered) == list(range(60))
        assert delivered[7].event == events("market", 7)[0]

    play(test)


def test_a_reader_goes_on_after_its_position(play: Play) -> None:
    async def test(_state: LiveState, bus: EventBus) -> None:
        await bus.publish(events("orders", 1, 2, 3, 4, 5))
        first = await bus.read("orders", "", limit=2)
        second = await bus.read("orders", first[-1].position, limit=2)
        third = await bus.read("orders", second[-1].position)
        assert [numbers(part) for part in (first, second, third)] == [[1, 2], [3, 4], [5]]
        assert await bus.read("orders", third[-1].position) == []

    play(test)


def test_topics_do_not_mix(play: Play) -> None:
    async def test(_state: LiveState, bus: EventBus) -> None:
        await bus.publish([event for number, topic in enumerate(TOPICS) for event in events(topic, number)])
        assert [numbers(await bus.read(topic, "")) for topic in TOPICS] == [[0], [1], [2], [3], [4]]

    play(test)


def test_the_end_leaves_out_what_was_published_before(play: Play) -> None:
    async def test(_state: LiveState, bus: EventBus) -> None:
        assert await bus.read("risk", await bus.end("risk")) == []
        await bus.publish(events("risk", 1))
        end = await bus.end("risk")
        await bus.publish(events("risk", 2))
        assert numbers(await bus.read("risk", end)) == [2]

    play(test)


def test_a_waiting_reader_is_woken_by_an_event(play: Play) -> None:
    async def test(_state: LiveState, bus: EventBus) -> None:
        reading = asyncio.create_task(first_of(bus))
        await asyncio.sleep(0.05)
        await bus.publish(events("system", 1))
        assert await reading == 1

    play(test)


async def first_of(bus: EventBus) -> int:
    async for delivered in follow(bus, "system", ""):
        return int(delivered.event.body["number"])
    raise AssertionError("a reader never ends")


def test_waiting_ends_without_an_event(play: Play) -> None:
    async def test(_state: LiveState, bus: EventBus) -> None:
        await bus.wait("system", await bus.end("system"), 0.05)
        assert await bus.read("system", "") == []

    play(test)


CALLS: tuple[Callable[[LiveState, EventBus], Awaitable[object]], ...] = (
    lambda state, _bus: state.write([Entry(BTC, {"price": 1.0}, AT_MS)]),
    lambda state, _bus: state.read([BTC]),
    lambda _state, bus: bus.publish(events("risk", 1)),
    lambda _state, bus: bus.read("market", ""),
    lambda _state, bus: bus.wait("market", "", 0.02),
    lambda _state, bus: bus.end("market"),
)


def test_a_canceled_call_never_returns_as_if_nothing_had_happened(play: Play) -> None:
    async def test(state: LiveState, bus: EventBus) -> None:
        for call in CALLS:
            await call(state, bus)  # connections are open from here on
            for steps in range(1, 16):
                await canceled_after(steps, partial(call, state, bus))

    play(test)


async def canceled_after(steps: int, call: Callable[[], Awaitable[object]]) -> None:
    """Cancel a task that calls for ever, after so many steps of the loop; fails if it does not notice."""
    is_canceled = False

    async def call_for_ever() -> None:
        while not is_canceled:
            await call()
            await asyncio.sleep(0)

    task = asyncio.create_task(call_for_ever())
    for _ in range(steps):
        await asyncio.sleep(0)
    is_canceled = task.cancel()
    await asyncio.wait([task])
    assert task.cancelled(), f"the cancellation after {steps} steps was lost"


def test_ids_of_a_publisher_rise_although_its_clock_falls() -> None:
    times = iter((2_000, 1_000, 3_000))
    ids = EventIds("test:1", lambda: next(times))
    made = [ids.event("system", "tick", {}).event_id for _ in range(3)]
    assert made == sorted(set(made))
