"""One seeded world: the real runner and ccxt, the simulator's ledger, rows in memory, and virtual time."""

import asyncio
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import ccxt

from live_runner.ports.market_time import ExchangeTime
from live_runner.process.runner import Runner, Surroundings
from quant_pipelines.core.settings import ExchangeSettings, RunnerSettings, Settings
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.exchange.retry import Backoff
from quant_pipelines.simulator.anchor import Anchor
from quant_pipelines.simulator.budget import Budget
from quant_pipelines.simulator.connections import Connections
from quant_pipelines.simulator.contracts import exchange_info
from quant_pipelines.simulator.derivatives import Derivatives
from quant_pipelines.simulator.market import SyntheticMarket
from quant_pipelines.simulator.rest import RestAnswers
from quant_pipelines.simulator.streams import MarketStreams
from quant_pipelines.simulator.venue.booking import Movement, book_income
from quant_pipelines.simulator.venue.contract import contract_of
from quant_pipelines.simulator.venue.ledger import Ledger
from quant_pipelines.simulator.venue.played import SimulatedMarket
from quant_pipelines.simulator.venue.records import AlgoOrder, FillRecord, IncomeRecord, Order
from quant_pipelines.simulator.venue.service import Front, VenueService
from quant_pipelines.simulator.venue.state import Venue
from quant_pipelines.store.deployments import Deployment
from tests.faults.examiner import Examiner, Violation
from tests.faults.loop import run_virtually
from tests.faults.network import FAULTS, Fault, Network
from tests.integration.runner.venue_world import FLIP, PYRAMID
from tests.memory_journal import MemoryJournal
from tests.memory_lease import Leases
from tests.unit.live_runner.test_races import DEPLOYMENT

DAY_0_MS = 1_767_225_600_000
MARKET_ID = "BTCUSDT"
_QUIET_SECONDS = 30.0
_LONGEST_SECONDS = 3 * 3600.0
_HASHED = ("intents", "orders", "fills", "alerts")
_NAMES = {"client_id", "client_order_id", "number", "order_number", "algo", "child", "trade", "trade_id"}


class Outcome(NamedTuple):
    """What became of a world."""

    seed: int
    events: int
    violations: dict[Violation, int]
    digest: str
    faults: Counter[Fault]


@lru_cache
def synthetic_market() -> SyntheticMarket:
    """The one market of all worlds; each begins at another minute of it."""
    market = SyntheticMarket(Anchor(DAY_0_MS, 7, history_days=3))
    market.prepare(market.day_number(DAY_0_MS) + 2)
    return market


class World:
    """A venue, a runner's rows, and the way between them.

    Parameters
    ----------
    seed
        Decides everything.
    is_faulty
        Whether anything goes wrong.
    """

    def __init__(self, seed: int, *, is_faulty: bool) -> None:
        self.chance = chance = random.Random(seed)
        self.begun_ms = DAY_0_MS + chance.randrange(180, 1200) * MINUTE_MS + chance.randrange(MINUTE_MS)
        self._now_ms = self.begun_ms
        market, self.n_events = synthetic_market(), 0
        derivatives, budget, connections = Derivatives(market), Budget(), Connections()
        prices = SimulatedMarket(market, derivatives)
        listed = exchange_info(market, self.begun_ms)["symbols"]
        contracts = {row["symbol"]: contract_of(row) for row in listed}
        self.ledger = Ledger(":memory:")
        with self.ledger.transaction():
            book_income(self.ledger, Movement("TRANSFER", Decimal(100_000), self.begun_ms))
        venue = Venue(self.ledger, contracts, prices.depth)
        self.service = VenueService(venue, prices, Front(self.clock, budget, connections))
        self.streams = MarketStreams(market, derivatives, self.clock, connections)
        rest = RestAnswers(market, derivatives, self.clock, budget)
        self.journal = MemoryJournal([deployment_at(self.begun_ms, chance)])
        self.examiner = Examiner(self.ledger, self.journal, MARKET_ID, self.clock)
        rates = swarm(chance) if is_faulty else {}
        self.network = Network(self.service, rest, connections, chance, rates, self._happened)

    def clock(self) -> int:
        """Wall time of the venue and of the runner, milliseconds UTC."""
        with suppress(RuntimeError):  # behind its end it stands still
            self._now_ms = self.begun_ms + int(asyncio.get_running_loop().time() * 1000)
        return self._now_ms

    async def play(self, n_events: int) -> None:
        """Trade until so much has happened, then without faults until all is quiet."""
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        clockworks = [asyncio.create_task(self.service._run()), asyncio.create_task(self.streams._play())]
        async with AsyncExitStack() as stack:
            source = await stack.enter_async_context(self._source())
            running = asyncio.create_task(Runner(self._surroundings(source)).run(stopping))
            while self.n_events < n_events and loop.time() < _LONGEST_SECONDS and not running.done():
                await asyncio.sleep(0.25)
                self.examiner.look()
            self.network.rates = {}
            await asyncio.sleep(_QUIET_SECONDS)
            await self._wait_for_a_quiet_moment()
            self.examiner.look_at_rest()
            stopping.set()
            await running
        for clockwork in clockworks:
            clockwork.cancel()
        await asyncio.gather(*clockworks, return_exceptions=True)

    def digest(self) -> str:
        """Hash of ledger and journal, in the order of their commits, ids by their first appearance."""
        kinds = (Order, AlgoOrder, FillRecord, IncomeRecord)
        rows = [[kind.TABLE, asdict(row)] for kind in kinds for row in self.ledger.store.select(kind)]
        log = (one for one in self.journal.tables.log if one.table in _HASHED)
        rows += [[one.table, one.key, _plain(one.row)] for one in log]
        text = json.dumps(_numbered(rows, {}), sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    async def _wait_for_a_quiet_moment(self) -> None:
        """A bar's order may be on its way just now: books are compared in the middle of a minute."""
        await asyncio.sleep((MINUTE_MS * 1.5 - self.clock() % MINUTE_MS) / 1000)

    def _happened(self) -> None:
        self.n_events += 1
        self.examiner.look()

    def _source(self) -> CcxtSource:
        backoff = Backoff(chance=self.chance.random)
        settings = _settings().exchange
        return CcxtSource(settings, clock=self.clock, backoff=backoff, open_session=self.network.session)

    def _surroundings(self, source: CcxtSource) -> Surroundings:
        def connect(settings: Settings) -> CcxtOrders:
            return CcxtOrders(settings.exchange, "", "", clock=self.clock, open_session=self.network.session)

        time, leases = ExchangeTime(self.clock), Leases()
        return Surroundings(self.journal, leases.open, _settings(), source, time, "world:1", connect)


def play(seed: int, n_events: int = 200) -> Outcome:
    """Play one world with faults to its end."""
    with played(seed, n_events) as world:
        return Outcome(seed, world.n_events, world.examiner.found, world.digest(), world.network.fired)


@contextmanager
def played(seed: int, n_events: int = 200, *, is_faulty: bool = True) -> Iterator[World]:
    """World that has come to its end, where its clock stands still; its books are open."""
    world = World(seed, is_faulty=is_faulty)
    try:
        with living_by(world.clock):
            run_virtually(world.play(n_events), world.chance)
        yield world
    finally:
        world.ledger.close()


def deployment_at(now_ms: int, chance: random.Random) -> Deployment:
    """A canary that trades each minute, deployed a little while ago."""
    now, source = from_ms(now_ms), chance.choice((FLIP, PYRAMID))
    times = {"created_at": now - timedelta(minutes=3), "history_start": now - timedelta(hours=2)}
    return replace(DEPLOYMENT, source=source, capital=Decimal(10_000), venue="binanceusdm", **times)


def swarm(chance: random.Random) -> dict[Fault, float]:
    """Some of the faults, each at a rate of its own."""
    return {fault: chance.uniform(0.01, 0.08) for fault in FAULTS if chance.random() < 0.5}


@contextmanager
def living_by(clock: Any) -> Iterator[None]:
    """Let ccxt's stream clients, which ask its class for the time, live by the world's clock."""
    ccxt.Exchange.milliseconds = staticmethod(clock)
    try:
        yield
    finally:
        del ccxt.Exchange.milliseconds  # its parent's is found again


@lru_cache
def _settings() -> Settings:
    runner = RunnerSettings(deployment_poll_seconds=5.0, heartbeat_seconds=5.0, reconcile_seconds=5.0)
    return replace(Settings(), exchange=ExchangeSettings(base_url="http://venue.invalid"), runner=runner)


def _plain(row: Any) -> Any:
    """A row as a document."""
    if isinstance(row, tuple):
        return [_plain(one) for one in row]
    return asdict(row) if hasattr(row, "__dataclass_fields__") else row


def _numbered(value: Any, seen: dict[str, str]) -> Any:
    """A document whose ids are counted by their first appearance."""
    if isinstance(value, dict):
        known = _NAMES & value.keys()
        return {
            name: _counted(one, seen) if name in known else _numbered(one, seen)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_numbered(one, seen) for one in value]
    return seen.get(value, value) if isinstance(value, str) else value


def _counted(name: Any, seen: dict[str, str]) -> str:
    """An id as the number of its first appearance; 0 and nothing stand for none."""
    return seen.setdefault(str(name), f"#{len(seen)}") if name else ""
