"""Milliseconds from a tick that reaches the runner's own stop to its exit order at the venue, beside others.

    PYTHONPATH=. python benchmarks/tick_to_exit.py [ticks]

Two books at one symbol, so that the runner watches their stops itself. The tick is handed to the feed where
the stream's message is decoded; the time ends when the venue's process has the whole order request. The rows
are PostgreSQL's, with its fsync, on the loop that the runner has in production: "commit excluded" is the same
tick without the time that the intent's commit took. Then ccxt as it comes, its rate limiter on, and a
hand-written client send an order, each after as long a quiet: what has not run for a while runs several times
slower where others use the processor's caches. Each of the three sends over a warm connection.

The venue is the simulator in a process of its own: it stamps a request before it looks at it, so what it does
with an order is not measured. Ticks come at random moments of the runner's own comparisons with the venue.
"""

import argparse
import asyncio
import hashlib
import hmac
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import aiohttp
import numpy as np
from aiohttp import web
from sqlalchemy import Engine, text

from live_runner.book.approval import Relations
from live_runner.book.decision import Decided
from live_runner.book.plan import plan_of
from live_runner.book.tick import Tick
from live_runner.book.trader import Trader
from live_runner.feed.feed import Feed
from live_runner.feed.series import BarSeries
from live_runner.ports.market_time import ExchangeTime
from live_runner.process.accounts import Accounts
from live_runner.venue.broker import VenueBroker
from live_runner.venue.link import Station, VenueLink
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.settings import ExchangeSettings, RunnerSettings
from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms
from quant_pipelines.exchange import CcxtSource, LiveBar
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.exchange.ccxt_reads import DEMO_KEY
from quant_pipelines.exchange.client import connect as connect_ccxt
from quant_pipelines.simulator.server import Trading, build_application, open_market
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.deployments import Deployment, read_deployments
from quant_pipelines.store.engine import connect
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.migrate import migrate
from quant_pipelines.store.postgres_journal import PostgresJournal
from quant_pipelines.store.trading import Booking, Intent, Signal
from tests.in_process import in_process
from tests.integration.runner.conftest import insert_deployment_at
from tests.integration.runner.venue_world import HOLD, SYMBOL, deploy_canary

NEAR = HOLD.replace("Float(0.05", "Float(0.01")
QUANTITIES = (Decimal("0.05"), Decimal("0.02"))
PEERS_QUANTITY = Decimal("0.01")
TICK_SHARE = 0.98
"""Beyond the first book's stop at 0.99 of its entry; the other's, and that over both, are further away."""
QUIET_SECONDS = (0.15, 0.65)
LOOK_AWAY_SECONDS = 0.03
"""How long nobody asks after a tick whether the book is flat, which takes the book while it is asked."""
WARM = 5

Arrivals = dict[str, int]
Client = Callable[[str], Awaitable[None]]


async def serve(home: Path) -> None:
    """Be the venue: stamp each order's request, and tell the stamps."""
    arrivals: Arrivals = {}

    @web.middleware
    async def stamp(request: web.Request, handler: Any) -> Any:
        if request.path == "/arrivals":
            return web.json_response(arrivals)
        if request.method == "POST" and request.path == "/fapi/v1/order":
            sent = parse_qs(await request.text() or request.query_string)
            arrivals[sent["newClientOrderId"][0]] = time.monotonic_ns()
        return await handler(request)

    played = open_market(home, seed=None, clock=system_clock_ms)
    application = build_application(played, clock=system_clock_ms, trading=Trading(home))
    application.middlewares.append(stamp)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


@contextmanager
def venue_process(home: Path) -> Iterator[str]:
    """Address of a venue in a process of its own, which ends with the block."""
    home.mkdir()
    command = [sys.executable, __file__, "--serve", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def arrivals_at(address: str) -> Arrivals:
    """When each order's request was there, nanoseconds of the machine's monotonic clock."""
    async with aiohttp.ClientSession() as session, session.get(f"{address}/arrivals") as answer:
        return dict(await answer.json())


class TimedJournal:
    """Rows, and how long the commit of each intent has taken, nanoseconds by its name."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self.taken = journal, dict[str, int]()

    def add_order(self, epoch: int, deployment: Deployment, intent: Intent, at: Any) -> None:
        begun = time.monotonic_ns()
        self._journal.add_order(epoch, deployment, intent, at)
        self.taken[intent.client_order_id] = time.monotonic_ns() - begun

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


class Rig:
    """Two books of a link, and a feed that tells it prices."""

    def __init__(
        self, journal: Journal, deployments: list[Deployment], venue: CcxtOrders, feed: Feed
    ) -> None:
        self.venue, self.feed, self._journal = venue, feed, journal
        self._epoch = journal.open_epoch("benchmark:1", from_ms(system_clock_ms()))
        settings = RunnerSettings()
        station = Station(journal, venue, settings, self._epoch, system_clock_ms, prices=feed.prices)
        self.link = VenueLink(station)
        accounts = Accounts(journal, settings, feed.prices, system_clock_ms)
        accounts.follow(journal.read_controls())
        self.traders = [self._trader(one, accounts) for one in deployments]
        feed.tell(SYMBOL, lambda _symbol, price: self.link.hear(price))

    def _trader(self, deployment: Deployment, accounts: Accounts) -> Trader:
        series = BarSeries(SYMBOL, "1m", 0)
        gate, opened = accounts.of(deployment), self.link.open_broker
        trader = Trader(
            self._journal,
            plan_of(deployment, in_process),
            series,
            epoch=self._epoch,
            open_broker=opened,
            relations=Relations(gate=gate),
        )
        self.link.add(trader)
        return trader

    def book_bar(self, price: float) -> None:
        """Have each book know a bar, too old to be decided upon."""
        now_ms = system_clock_ms()
        ts = np.array([now_ms // MINUTE_MS * MINUTE_MS - 2 * MINUTE_MS])
        one, nothing = np.full(1, price), np.zeros(1)
        bars = BarRows(ts, one, one, one, one, nothing, nothing, nothing.astype(np.int64))
        for trader in self.traders:
            trader.advance(Tick(bars, (), None, now_ms, 0.0))

    def enter(self, trader: Trader, quantity: Decimal, price: float) -> None:
        """Commit a decision to buy, and hand it to the link, as at a bar's close."""
        self.tick(price)
        now_ms, whose = system_clock_ms(), trader.plan.deployment
        at = from_ms(now_ms)
        intent = Intent(f"q{self._epoch}-{whose.id}-{now_ms:x}-t", "buy", quantity, "target", at)
        signal = Signal(at, 1.0, price, {"target_side": 1.0})

        def decide(broker: Any) -> None:
            assert isinstance(broker, VenueBroker)
            row = (whose.id, whose.venue, SYMBOL, at)
            booking = Booking(*row, broker.checkpoint(), broker.position(), signal=signal, intent=intent)
            self._journal.book(self._epoch, booking, at)
            broker.take(Decided(signal, intent, float(quantity), 1.0, None), now_ms)

        trader.with_broker(decide)

    def is_watched(self) -> bool:
        """Whether both hold something, and the link knows at which price each leaves."""
        covers = self.link._covers  # noqa: SLF001 - nobody else is told
        watched = covers._watched.values() if covers else ()  # noqa: SLF001
        return sum(one.stop is not None for one in watched) == len(self.traders)

    def tick(self, price: float) -> int:
        """Hand the feed a price; returns when."""
        now_ms = system_clock_ms()
        bar = LiveBar(SYMBOL, now_ms // MINUTE_MS * MINUTE_MS, price, price, price, price, 1.0, now_ms)
        begun = time.monotonic_ns()
        self.feed.heard(bar)
        return begun

    def exits(self) -> list[str]:
        """Names of the exits of the first book."""

        def named(broker: Any) -> list[str]:
            return [name for name, order in broker.orders.items() if order.intent.purpose == "exit"]

        return self.traders[0].with_broker(named)

    def is_flat(self) -> bool:
        """Whether the first book holds nothing, and nothing of it works."""
        is_out = self.traders[0].with_broker(lambda broker: not broker.position().quantity)
        return is_out and not self.traders[0].with_broker(lambda broker: broker.waits_for)


@asynccontextmanager
async def rig_at(address: str, journal: Journal, deployments: list[Deployment]) -> AsyncIterator[Rig]:
    """A link that talks, whose books are open."""
    settings = ExchangeSettings(base_url=address)
    async with CcxtOrders(settings, "", "") as venue, CcxtSource(settings) as source:
        rig = Rig(journal, deployments, venue, Feed(source, ExchangeTime()))
        talking = asyncio.create_task(rig.link.run())
        try:
            await until(lambda: all(seat.has_begun for seat in rig.link.place.seats.values()), talking)
            yield rig
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)


async def until(what: Callable[[], Any], talking: "asyncio.Future[None] | None" = None) -> None:
    """Return once something is so."""
    async with asyncio.timeout(60):
        while not what():
            if talking is not None and talking.done():
                talking.result()
            await asyncio.sleep(0.02)


class ByCcxt:
    """ccxt as it comes, but for the address: its rate limiter is on."""

    def __init__(self, address: str) -> None:
        self._client = connect_ccxt(ExchangeSettings(base_url=address))
        self._client.enableRateLimit = True
        self._client.apiKey = self._client.secret = DEMO_KEY

    async def __call__(self, name: str) -> None:
        await self._client.create_order(
            SYMBOL, "market", _side(name), float(PEERS_QUANTITY), None, {"newClientOrderId": name}
        )

    async def close(self) -> None:
        await self._client.close()


class ByHand:
    """A signed request over one aiohttp session, and nothing else."""

    def __init__(self, address: str) -> None:
        self._address, self._session = address, aiohttp.ClientSession(headers={"X-MBX-APIKEY": DEMO_KEY})

    async def __call__(self, name: str) -> None:
        wanted = {
            "symbol": "BTCUSDT",
            "side": _side(name).upper(),
            "type": "MARKET",
            "newClientOrderId": name,
        }
        query = urlencode({**wanted, "quantity": str(PEERS_QUANTITY), "timestamp": system_clock_ms()})
        signed = hmac.new(DEMO_KEY.encode(), query.encode(), hashlib.sha256).hexdigest()
        async with self._session.post(f"{self._address}/fapi/v1/order?{query}&signature={signed}") as answer:
            assert answer.status == 200, await answer.text()

    async def close(self) -> None:
        await self._session.close()


def _side(name: str) -> str:
    return "sell" if int(name.rsplit("-", 1)[1]) % 2 else "buy"


async def measured(
    rig: Rig, n_ticks: int, chance: random.Random, peers: dict[str, Client]
) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """When each order's tick was handed over."""
    price = float((await rig.venue.touch(SYMBOL)).bid)
    rig.book_bar(price)
    rig.enter(rig.traders[1], QUANTITIES[1], price)
    ours: dict[str, int] = {}
    theirs: dict[str, dict[str, int]] = {name: {} for name in peers}
    for number in range(n_ticks + WARM):
        price = float((await rig.venue.touch(SYMBOL)).bid)
        rig.enter(rig.traders[0], QUANTITIES[0], price)
        await until(rig.is_watched)
        await asyncio.sleep(chance.uniform(*QUIET_SECONDS))
        n_before, begun = len(rig.exits()), rig.tick(price * TICK_SHARE)
        await asyncio.sleep(LOOK_AWAY_SECONDS)
        await until(rig.is_flat)
        names = rig.exits()
        assert len(names) > n_before, "nothing was sent"
        ours[names[n_before]] = begun
        for name, send in peers.items():
            await asyncio.sleep(chance.uniform(*QUIET_SECONDS))
            order = f"{name}-{number}"
            theirs[name][order] = time.monotonic_ns()
            await send(order)
    return dict(list(ours.items())[WARM:]), {
        name: dict(list(begun.items())[WARM:]) for name, begun in theirs.items()
    }


def say(what: str, begun: dict[str, int], arrived: Arrivals) -> None:
    taken = [(arrived[name] - at) / 1e6 for name, at in begun.items()]
    p50, p90, p99 = np.percentile(taken, (50, 90, 99))
    load = os.getloadavg()[0]
    sys.stdout.write(
        f"{what:<36} p50 {p50:7.2f}  p90 {p90:7.2f}  p99 {p99:7.2f}  {len(taken)} ticks  load {load:.1f}\n"
    )
    sys.stdout.flush()


@contextmanager
def deployed(home: Path) -> Iterator[tuple[Engine, list[Deployment]]]:
    """PostgreSQL with two deployments of one account."""
    with ExitStack() as stack:
        stack.callback(remove_place, home)
        server = stack.enter_context(EmbeddedPostgres(home, free_port()))
        create_database(server.url("postgres"), "quant")
        engine = connect(server.url())
        migrate(engine)
        for source in (NEAR, HOLD):
            deploy_canary(lambda text, **more: insert_deployment_at(engine, text, more), source)
        query = (
            "update trading.deployments set account_id = (select min(account_id) from trading.deployments)"
        )
        with engine.begin() as connection:
            connection.execute(text(query))
        yield engine, read_deployments(engine, ORDER_STAGES)
        engine.dispose()


async def compare(
    addresses: tuple[str, str], journal: Journal, deployments: list[Deployment], n_ticks: int
) -> None:
    """Measure the runner, and the peers beside it."""
    address, peers_address = addresses
    timed: Any = TimedJournal(journal)
    async with rig_at(address, timed, deployments) as rig, AsyncExitStack() as stack:
        by_ccxt, by_hand = ByCcxt(peers_address), ByHand(peers_address)
        stack.push_async_callback(by_ccxt.close)
        stack.push_async_callback(by_hand.close)
        peers: dict[str, Client] = {"ccxt": by_ccxt, "hand": by_hand}
        ours, theirs = await measured(rig, n_ticks, random.Random(7), peers)  # noqa: S311 - moments
    arrived, at_ours = await arrivals_at(peers_address), await arrivals_at(address)
    before = {name: begun + timed.taken[name] for name, begun in ours.items()}
    say("runner, commit excluded", before, at_ours)
    say("runner, commit included", ours, at_ours)
    say("ccxt, rate limiter on", theirs["ccxt"], arrived)
    say("hand-written client", theirs["hand"], arrived)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ticks", type=int, nargs="?", default=200)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        asyncio.run(serve(given.serve))
        return
    logging.disable(logging.WARNING)
    sys.stdout.write(f"milliseconds from tick to order request; {os.cpu_count()} processors\n")
    with tempfile.TemporaryDirectory() as folder, deployed(Path(folder)) as (engine, deployments):
        place = Path(folder)
        with venue_process(place / "venue") as address, venue_process(place / "peers") as peers_address:
            journal = PostgresJournal(engine)
            asyncio.run(compare((address, peers_address), journal, deployments, given.ticks))


if __name__ == "__main__":
    main()
