"""The runner's side: the collector's word while it lives, the exchange itself as soon as it does not."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest

from live_runner.collector.closing import bar_documents
from live_runner.feed.feed import Feed
from live_runner.feed.relay import Relay
from quant_pipelines.cache import SERVICE_KEY, Entry, EventIds, funding_key, tick_key
from quant_pipelines.cache.memory import MemoryState
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.exchange import BarRows
from tests.integration.collector.market import BTC, ETH, START_MS, ComputedMarket, MarketClock, computed_bars
from tests.memory_bus import MemoryBus

EXCHANGE = "binanceusdm"
DEADLINE = 60.0


class World:
    """A feed whose relay reads what the test writes in the collector's place."""

    def __init__(self) -> None:
        self.time = MarketClock(START_MS + 10 * MINUTE_MS)
        self.market = ComputedMarket(self.time)
        self.state, self.bus = MemoryState(), MemoryBus()
        self.relay = Relay(self.state, self.bus, EXCHANGE, system_clock_ms)
        self.feed = Feed(self.market, self.time, self.relay)
        self.ids = EventIds("collector", system_clock_ms)

    async def live(self, age_ms: int = 0, exchange: str = EXCHANGE) -> None:
        """Say that the collector lives and that its stream spoke of BTC so long ago."""
        now_ms = system_clock_ms()
        sign = Entry(SERVICE_KEY, {"exchange": exchange}, now_ms - age_ms)
        tick = Entry(tick_key(BTC), {"bar_received_ms": now_ms - age_ms}, now_ms)
        await self.state.write([sign, tick])
        await self.relay.look()

    async def keep_alive(self) -> None:
        while True:
            await self.live()
            await asyncio.sleep(0.1)

    def tell(self, first: int, last: int, exchange: str = EXCHANGE) -> BarRows:
        """Tell closed minutes with these numbers, both included."""
        ts = START_MS + MINUTE_MS * np.arange(first, last + 1)
        rows = computed_bars(BTC, ts)
        for body in bar_documents(exchange, BTC, rows):
            self.relay.take("bar_closed", body)
        return rows

    async def minutes(self, first: int, last: int) -> BarRows:
        return await self.feed.closed_bars(
            BTC, "1m", Window(START_MS + first * MINUTE_MS, START_MS + (last + 1) * MINUTE_MS)
        )


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    made = World()
    made.relay.watch([BTC])
    running = asyncio.create_task(made.relay.run())
    try:
        async with asyncio.timeout(DEADLINE):
            yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_told_minutes_are_used_to_the_bit_without_asking_the_exchange() -> None:
    async def play() -> tuple[BarRows, BarRows, int]:
        async with world() as made:
            told = made.tell(2, 9)
            return told, await made.minutes(5, 9), made.market.asked_bars

    told, found, asked = asyncio.run(play())
    assert asked == 0
    for name in ("ts", "open", "high", "low", "close", "volume", "quote_volume", "trades"):
        assert getattr(found, name).tolist() == getattr(told, name)[3:].tolist()
        assert getattr(found, name).dtype == getattr(told, name).dtype


@pytest.mark.parametrize("told", [(3, 9), (0, 6)])
def test_a_minute_that_was_not_told_is_asked_of_the_exchange(told: tuple[int, int]) -> None:
    async def play() -> tuple[list[int], int]:
        async with world() as made:
            made.tell(*told)
            rows = await made.minutes(0, 9)
            return rows.ts.tolist(), made.market.asked_bars

    assert asyncio.run(play()) == ([START_MS + n * MINUTE_MS for n in range(10)], 1)


def test_the_newest_minute_is_waited_for_while_the_collector_lives() -> None:
    async def play() -> int:
        async with world() as made:
            made.tell(0, 8)
            await made.live()
            waiting = asyncio.create_task(made.minutes(7, 9))
            await asyncio.sleep(0)
            made.tell(9, 9)
            assert (await waiting).ts.size == 3
            return made.market.asked_bars

    assert asyncio.run(play()) == 0


def test_a_collector_that_lives_but_does_not_tell_holds_nobody_up() -> None:
    async def play() -> tuple[int, int]:
        async with world() as made:
            made.tell(0, 8)
            await made.live()
            rows = await made.minutes(7, 9)
            return int(rows.ts.size), made.market.asked_bars

    assert asyncio.run(play()) == (3, 1)


def test_bars_of_another_exchange_are_none_of_ours() -> None:
    async def play() -> int:
        async with world() as made:
            made.tell(0, 9, exchange="okx")
            await made.minutes(0, 9)
            return made.market.asked_bars

    assert asyncio.run(play()) == 1


def test_the_age_is_the_collectors_while_our_own_stream_is_silent() -> None:
    async def play() -> tuple[float, float, float]:
        async with world() as made:
            before = made.feed.age_seconds(BTC)
            await made.live(age_ms=2_000)
            return before, made.feed.age_seconds(BTC), made.feed.age_seconds(ETH)

    before, with_word, other = asyncio.run(play())
    assert before == other == math.inf
    assert 2.0 <= with_word < 2.0 + DEADLINE


@pytest.mark.parametrize(
    ("age_ms", "exchange", "is_serving"),
    [(0, EXCHANGE, True), (60_000, EXCHANGE, False), (0, "okx", False)],
)
def test_a_collector_serves_while_it_lives_and_is_of_our_exchange(
    age_ms: int, exchange: str, is_serving: bool
) -> None:
    async def play() -> bool:
        async with world() as made:
            await made.live(age_ms, exchange)
            return made.relay.is_serving

    assert asyncio.run(play()) == is_serving


def test_our_own_stream_is_closed_when_the_collector_serves_and_opened_again_when_it_dies() -> None:
    async def play() -> int:
        async with world() as made:
            following = asyncio.create_task(made.feed.follow([BTC]))
            living = asyncio.create_task(made.keep_alive())
            await until(lambda: len(made.market.watched) == 1)
            await until(lambda: made.market.listening == 0)
            living.cancel()  # kill -9 of the collector: nothing is said any more
            await until(lambda: made.market.listening == 1)
            following.cancel()
            await asyncio.gather(following, living, return_exceptions=True)
            return len(made.market.watched)

    assert asyncio.run(play()) == 2


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not what():  # noqa: ASYNC110 - time passes, nobody signals
            await asyncio.sleep(0.02)


def test_what_is_no_bar_of_the_collector_stops_nobody() -> None:
    async def play() -> tuple[int, int]:
        async with world() as made:
            await made.bus.publish([made.ids.event("market", "bar_closed", {"exchange": EXCHANGE})])
            await made.state.write([Entry(SERVICE_KEY, {}, system_clock_ms())])
            rows = await made.minutes(0, 9)
            return int(rows.ts.size), made.market.asked_bars

    assert asyncio.run(play()) == (10, 1)


@pytest.mark.parametrize(("age_ms", "is_known"), [(0, True), (25_000, False)])
def test_mark_and_last_price_are_the_collectors_while_they_are_fresh(*, age_ms: int, is_known: bool) -> None:
    async def scenario() -> None:
        world = World()
        world.relay.watch([BTC])
        await world.live()
        now_ms = system_clock_ms()
        tick = {"bar_received_ms": now_ms - age_ms, "bar": {"close": 101.0}}
        mark = {"received_ms": now_ms - age_ms, "mark_price": 100.0}
        await world.state.write([Entry(tick_key(BTC), tick, now_ms), Entry(funding_key(BTC), mark, now_ms)])
        await world.relay.look()
        told = world.feed.prices(BTC)
        assert (told.mark == 100.0, told.last == 101.0) == (is_known, is_known)
        assert math.isnan(world.feed.prices(ETH).mark)

    asyncio.run(scenario())
