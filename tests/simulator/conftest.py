"""A venue on a socket and the real client, on prices that the test sets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.core.timeframes import DAY_MS, floor_ms
from quant_pipelines.exchange.client import connect
from quant_pipelines.simulator.anchor import Anchor
from quant_pipelines.simulator.budget import Budget
from quant_pipelines.simulator.connections import Connections
from quant_pipelines.simulator.contracts import exchange_info
from quant_pipelines.simulator.derivatives import Derivatives
from quant_pipelines.simulator.market import SyntheticMarket
from quant_pipelines.simulator.rest import RestAnswers
from quant_pipelines.simulator.socket_api import SocketApi
from quant_pipelines.simulator.venue.credentials import DEMO_KEYS
from quant_pipelines.simulator.venue.play import DueFunding
from quant_pipelines.simulator.venue.service import Front, VenueService, open_venue
from quant_pipelines.simulator.venue.state import MarketDepth, Quote

BTC = "BTC/USDT:USDT"
TICK = Decimal("0.1")


@lru_cache
def market() -> SyntheticMarket:
    return SyntheticMarket(Anchor(floor_ms(system_clock_ms(), DAY_MS), 7, history_days=3))


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - what is waited for happens in another library
            await asyncio.sleep(0.01)


class World:
    """A client, a venue, and a market that stands still until the test moves it."""

    def __init__(self, home: Path) -> None:
        self.price = Decimal(60_000)
        self.ahead_ms = 0
        self.due = Decimal(0)
        self.raw: list[dict[str, Any]] = []
        self.client: Any = None
        self.settings = ExchangeSettings()
        listed = exchange_info(market(), self.clock())
        self.venue = open_venue(home, self, listed, now_ms=self.clock())
        self.budget, self.connections = Budget(), Connections()
        self.service = VenueService(self.venue, self, Front(self.clock, self.budget, self.connections))

    def clock(self) -> int:
        return system_clock_ms() + self.ahead_ms

    def quote(self, _symbol: str, ts_ms: int) -> Quote:
        return Quote(ts_ms, self.price, self.price)

    def depth(self, _symbol: str, _ts_ms: int) -> MarketDepth:
        return MarketDepth([(self.price - TICK, Decimal(100))], [(self.price + TICK, Decimal(100))])

    def funding(self, symbol: str, _ts_ms: int) -> DueFunding | None:
        due, self.due = (self.due, Decimal(0)) if symbol == "BTCUSDT" else (Decimal(0), self.due)
        return DueFunding(due, self.price) if due else None

    def move(self, price: float) -> None:
        """Let the next second come, with this price."""
        self.price = Decimal(str(price))
        self.ahead_ms += 1000
        self.service.advance()

    async def buy(self, client_id: str = "entry", amount: float = 0.01) -> Any:
        """Market order, long."""
        return await self.client.create_order(
            BTC, "market", "buy", amount, None, {"newClientOrderId": client_id}
        )

    async def stop(self, client_id: str = "guard", price: float = 58_000, **more: Any) -> Any:
        """Protective stop of the usual quantity."""
        params = {"stopLossPrice": price, "reduceOnly": True, "clientOrderId": client_id} | more
        return await self.client.create_order(BTC, "market", "sell", 0.01, None, params)

    async def until_listened(self) -> None:
        """Wait until the client listens to its stream."""
        await until(lambda: any("@" not in name for name in self.connections.names))

    async def told(self, event: str, field: str, count: int) -> list[Any]:
        """Field of the first ``count`` events of a kind, waited for."""

        def found() -> list[Any]:
            return [message["o"][field] for message in self.raw if message.get("e") == event]

        await until(lambda: len(found()) >= count)
        return found()


@asynccontextmanager
async def world_at(home: Path) -> AsyncIterator[World]:
    world = World(home)
    application = web.Application()
    world.service.attach(application)
    rest = RestAnswers(market(), Derivatives(market()), world.clock, world.budget)
    world.connections.attach(application)
    SocketApi(world.service, rest).attach(application)
    application.router.add_route("*", "/{path:.*}", rest.answer)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    world.settings = ExchangeSettings(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    world.client = connect(world.settings)
    world.client.apiKey, world.client.secret = next(iter(DEMO_KEYS.items()))
    world.client.raw_taps.append(world.raw.append)
    try:
        await world.client.load_markets()
        yield world
    finally:
        await world.client.close()
        await runner.cleanup()


Scenario = Callable[[World], Awaitable[None]]
Play = Callable[[Scenario], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    def played(scenario: Scenario) -> None:
        async def run() -> None:
            async with world_at(tmp_path) as world:
                await scenario(world)

        asyncio.run(run())

    return played
