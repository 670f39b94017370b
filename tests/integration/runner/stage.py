"""A venue in this process whose prices and funding the test moves; the runner meets it by HTTP."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from quant_pipelines.core.clock import Clock, system_clock_ms
from quant_pipelines.core.timeframes import DAY_MS, floor_ms
from quant_pipelines.simulator.anchor import Anchor
from quant_pipelines.simulator.budget import Budget
from quant_pipelines.simulator.connections import Connections
from quant_pipelines.simulator.contracts import exchange_info
from quant_pipelines.simulator.derivatives import Derivatives
from quant_pipelines.simulator.market import SyntheticMarket
from quant_pipelines.simulator.rest import RestAnswers
from quant_pipelines.simulator.streams import MarketStreams
from quant_pipelines.simulator.venue.play import DueFunding
from quant_pipelines.simulator.venue.played import SimulatedMarket
from quant_pipelines.simulator.venue.service import Front, VenueService, open_venue
from quant_pipelines.simulator.venue.state import MarketDepth, Quote
from tests.integration.runner.skipped_time import SkippedTime

MARKET_SYMBOL = "BTCUSDT"
TICK = Decimal("0.1")
_FOR_EVER_MS = 2**60


@lru_cache
def synthetic_market() -> SyntheticMarket:
    today = floor_ms(system_clock_ms(), DAY_MS)
    market = SyntheticMarket(Anchor(today, 7, history_days=3))
    market.prepare(market.day_number(today + 2 * DAY_MS))
    return market


class Stage:
    """A venue that stands still at one price until the test moves it.

    Candles are the synthetic market's; the venue's own prices begin there, and only they move.
    """

    def __init__(self, home: Path, *, wallet: int = 100_000, clock: Clock | None = None) -> None:
        self.clock = clock = clock or SkippedTime()
        self.market = market = copy(synthetic_market())
        market.ends = {}
        self._quotes = SimulatedMarket(market, Derivatives(market))
        self.home = home
        self.price = self._quotes.quote(MARKET_SYMBOL, floor_ms(clock(), 1000)).last
        self._due: list[Decimal] = []
        self.n_dials = 0
        self.address = ""
        listed = exchange_info(market, clock())
        self.venue = open_venue(home, self, listed, wallet=Decimal(wallet), now_ms=clock())
        self.budget = Budget()
        self.connections = Connections()
        self.service = VenueService(self.venue, self, Front(clock, self.budget, self.connections))

    def quote(self, symbol: str, ts_ms: int) -> Quote:
        if symbol != MARKET_SYMBOL:
            return self._quotes.quote(symbol, ts_ms)
        return Quote(ts_ms, self.price, self.price)

    def depth(self, symbol: str, ts_ms: int) -> MarketDepth:
        if symbol != MARKET_SYMBOL:
            return self._quotes.depth(symbol, ts_ms)
        return MarketDepth([(self.price - TICK, Decimal(100))], [(self.price + TICK, Decimal(100))])

    def funding(self, symbol: str, _ts_ms: int) -> DueFunding | None:
        if symbol != MARKET_SYMBOL or not self._due:
            return None
        return DueFunding(self._due.pop(), self.price)

    def pay(self, rate: str) -> None:
        """Let the next second be a funding slot."""
        self._due.append(Decimal(rate))

    def move(self, share: float) -> None:
        """Let the price jump by a share of itself; the next second and the next request see it."""
        self.price = (self.price * Decimal(str(1 + share))).quantize(TICK)

    def jump(self, share: float) -> None:
        """Let the price jump in the second that is."""
        self.move(share)
        quote = self.quote(MARKET_SYMBOL, self.venue.ledger.played_ms)
        self.venue.set_quote(MARKET_SYMBOL, quote)

    def delist(self, at_ms: int) -> None:
        """Let the exchange announce that the contract is settled then."""
        self.market.ends[MARKET_SYMBOL] = at_ms
        known = self.venue.contracts
        self.venue.contracts = {**known, MARKET_SYMBOL: replace(known[MARKET_SYMBOL], ends_ms=at_ms)}

    def fill_disk(self) -> None:
        """Let the ledger's file grow no more, and leave no room for another order in it."""
        disk = self.venue.ledger.store.connection
        [(pages,)] = disk.execute("pragma page_count").fetchall()
        disk.execute(f"pragma max_page_count = {pages}")
        names = [row[1] for row in disk.execute("pragma table_info(orders)")]
        marks = ", ".join("?" * len(names))
        with suppress(sqlite3.OperationalError):
            for number in range(1, 100_000):
                row = [-number if name == "number" else "x" for name in names]
                disk.execute(f"insert into orders values ({marks})", row)  # noqa: S608 - marks only

    def free_disk(self) -> None:
        """Make room again."""
        disk = self.venue.ledger.store.connection
        disk.execute("pragma max_page_count = 1000000")
        disk.execute("delete from orders where number < 0")

    def application(self) -> web.Application:
        """Order side, candles and streams."""
        market, derivatives = self.market, Derivatives(self.market)

        @web.middleware
        async def count_dials(request: web.Request, handler: Any) -> Any:
            self.n_dials += request.path.startswith("/private/ws")
            return await handler(request)

        application = web.Application(middlewares=[count_dials])
        self.service.attach(application)
        MarketStreams(market, derivatives, self.clock, self.connections).attach(application)
        self.connections.attach(application)
        rest = RestAnswers(market, derivatives, self.clock, self.budget)
        application.router.add_route("*", "/{path:.*}", rest.answer)
        return application


AnyStage = TypeVar("AnyStage", bound=Stage)


@asynccontextmanager
async def stage_at(home: Path, **options: Any) -> AsyncIterator[Stage]:
    async with served(Stage(home, **options)) as stage:
        yield stage


@asynccontextmanager
async def served(stage: AnyStage) -> AsyncIterator[AnyStage]:
    """Serve a stage by HTTP."""
    runner = web.AppRunner(stage.application(), shutdown_timeout=1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stage.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield stage
    finally:
        await runner.cleanup()


def play(home: Path, scenario: Callable[[Stage], Any], **options: Any) -> None:
    """Run a scenario on a fresh stage."""

    async def run() -> None:
        async with stage_at(home, **options) as stage:
            await scenario(stage)

    asyncio.run(run())


@dataclass(frozen=True)
class Span:
    """A stop from its acceptance to its end, in the venue's milliseconds."""

    start_ms: int
    end_ms: int
    side: str
    quantity: Decimal | None

    def covers(self, position: Decimal) -> bool:
        is_whole = self.quantity is None or self.quantity >= abs(position)
        return is_whole and self.side == ("SELL" if position > 0 else "BUY")


def naked_ms(file: sqlite3.Connection) -> int:
    """Longest time in which the venue's books show a position and no stop that covers it (I6).

    Counted from the moment at which the first stop stands: how long that takes depends on the machine.
    """
    stops = [
        Span(
            start,
            _FOR_EVER_MS if status == "NEW" else triggered or updated,
            side,
            None if closes else Decimal(quantity),
        )
        for start, updated, triggered, status, side, quantity, closes in file.execute(
            "select created_ms, updated_ms, triggered_ms, status, side, quantity, close_position "
            "from algo_orders where kind = 'STOP_MARKET' and client_id not like '%-o%'"
        )
    ]
    fills = list(file.execute("select ts_ms, side, quantity from fills order by number"))
    edges = sorted(
        {_FOR_EVER_MS}
        | {ts for ts, *_ in fills}
        | {edge for stop in stops for edge in (stop.start_ms, stop.end_ms)}
    )
    longest = naked = 0
    edges = [edge for edge in edges if edge >= min(stop.start_ms for stop in stops)]
    for start, end in pairwise(edges):
        held = sum(
            (Decimal(q) if side == "BUY" else -Decimal(q) for ts, side, q in fills if ts <= start), Decimal(0)
        )
        is_covered = any(
            stop.start_ms <= start and stop.end_ms >= end and stop.covers(held) for stop in stops
        )
        naked = 0 if not held or is_covered else naked + end - start
        longest = max(longest, naked)
    return longest
