"""One seeded world: the real runner and ccxt, the simulator's ledger, rows in memory, and virtual time."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from live_runner.ports.market_time import ExchangeTime
from live_runner.process.runner import Runner, Surroundings
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.exchange.retry import Backoff
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
from quant_pipelines.simulator.venue.service import Front, VenueService
from quant_pipelines.simulator.venue.state import Venue
from quant_pipelines.store.deployments import Deployment
from tests.faults.canceled import CancelRules
from tests.faults.decisions import DecisionRules
from tests.faults.deployments import Deploy, against, deployment_at, other_leg
from tests.faults.digest import digest_of
from tests.faults.event_decisions import EventDecisionRules, rests
from tests.faults.evidence import Evidence, Examines, Violation
from tests.faults.examiner import Examiner
from tests.faults.independent import Independent
from tests.faults.intended import IntentRules
from tests.faults.legs import legs_of, of_leg
from tests.faults.lives import Rows, Server, Supervisor
from tests.faults.loop import run_virtually
from tests.faults.moments import MARKET_ID, MOMENTS, Operator
from tests.faults.network import Life, Network
from tests.faults.outside import DAY_0_MS, living_by, settings_of, synthetic_market
from tests.faults.parts import PartRules
from tests.faults.prices import GappedMarket
from tests.faults.requests import Asked
from tests.faults.sending import SendingRules
from tests.faults.set_rules import LegDecisionRules, SetRules
from tests.faults.table import swarm
from tests.in_process import in_process
from tests.memory_funds import MemoryFunds
from tests.memory_journal import MemoryJournal
from tests.memory_lease import Leases

_LOOK_SECONDS = 0.25
_PERSON_LOOKS_SECONDS = 20.0
_BEGINS_SECONDS = 6.0
_QUIET_SECONDS = 20.0
_TROUBLED_SECONDS = 15.0
_MOST_QUIET_MINUTES = 4
"""How many minutes without faults a world has until all that is left must agree."""
_LONGEST_SECONDS = 3 * 3600.0
_LIMIT_EVERY = 4
"""Of how many seeds one enters with a limit: by its number, for a draw would make others of all worlds."""

Keep: TypeAlias = Callable[[MemoryJournal, Deployment], Any]
"""Gives the journal of a world whose rows are in memory, too."""


Prepare: TypeAlias = Callable[["World"], Any]
"""Gives a world limits or faults that its seed does not."""


class Outcome(NamedTuple):
    """What became of a world."""

    seed: int
    events: int
    violations: dict[Violation, int]
    digest: str
    faults: Counter[str]
    moves: Counter[tuple[str, str]]
    """How often each status of an order followed another."""
    trips: Counter[str]
    """How often each event tripped a breaker."""


class World:
    """A venue, a runner's rows, and the way between them.

    Parameters
    ----------
    seed
        Decides everything.
    is_faulty
        Whether anything goes wrong.
    n_books
        How many deployments trade the symbol.
    deploy
        Makes the first of them.
    keep
        Who keeps the rows beside the memory that the examiners read.
    """

    def __init__(
        self,
        seed: int,
        *,
        is_faulty: bool,
        n_books: int = 1,
        deploy: Deploy = deployment_at,
        keep: Keep = lambda memory, _: memory,
    ) -> None:
        self.chance = chance = random.Random(seed)
        self.begun_ms = self._begin_ms(chance)
        self._now_ms = self.begun_ms
        self.skew_ms, self.delisted, self.n_events, self._hindered_until = 0, set[str](), 0, 0.0
        self._troubles = 0, 0.0
        self.market = market = synthetic_market()
        derivatives, budget, connections = Derivatives(market), Budget(), Connections()
        self.prices = GappedMarket(market, derivatives)
        listed = exchange_info(market, self.begun_ms)["symbols"]
        contracts = {row["symbol"]: contract_of(row) for row in listed}
        self.ledger = Ledger(":memory:")
        with self.ledger.transaction():
            book_income(self.ledger, Movement("TRANSFER", Decimal(100_000), self.begun_ms))
        self.venue = Venue(self.ledger, contracts, self.prices.depth)
        self.service = VenueService(self.venue, self.prices, Front(self.clock, budget, connections))
        self.streams = MarketStreams(market, derivatives, self.clock, connections)
        rest = RestAnswers(market, derivatives, self.clock, budget)
        self.settings = settings_of("market" if seed % _LIMIT_EVERY else "limit")
        self.deployment = deploy(self.begun_ms, chance)
        others = [against(self.begun_ms, chance, number) for number in range(1, n_books)]
        if self.deployment.set_id is not None:
            others = [other_leg(self.deployment)]
        self.journal = MemoryJournal([self.deployment, *others])
        self.legs = [self.deployment, *others] if self.deployment.set_id is not None else []
        self.rows = keep(self.journal, self.deployment)
        self.funds = MemoryFunds(self.journal)
        self.leases = Leases()
        self.rates = swarm(chance) if is_faulty else {}
        self.network = Network(
            self.service, rest, connections, chance, self.rates, self._happened, self._sent
        )
        self.server = Server(chance, self.rates, self.network.fired)
        self.operator, self.beside = Operator(self), list[Callable[[], Coroutine[Any, Any, None]]]()
        n_runners = 2 if "second_runner" in self.rates else 1
        self.network.fired["second_runner"] += n_runners - 1
        self.supervisors = [Supervisor(self._live, chance) for _ in range(n_runners)]
        self.evidence = evidence = Evidence(
            self.ledger,
            self.journal,
            MARKET_ID,
            self.clock,
            self.is_hindered,
            self._silent_seconds,
            self._is_troubled,
        )
        self.cancels = CancelRules(evidence)
        self.examiner = Examiner(evidence)
        self.examiners: list[Examines] = [
            self.examiner,
            SendingRules(evidence),
            IntentRules(evidence),
            PartRules(evidence, lambda: self.settings.runner.entry),
            self.cancels,
            *(
                (EventDecisionRules if rests(one) else DecisionRules)(evidence, market, one)
                for one in (self.deployment, *others)
            ),
            Independent(evidence),
        ]
        if self.legs:
            self.examiners = self._examiners_of_legs(market)

    def _examiners_of_legs(self, market: SyntheticMarket) -> list[Examines]:
        """Examiners of each leg as of a book of its own, and those of the set."""
        found: list[Examines] = [SetRules(self.evidence, self.legs)]
        for number, leg in enumerate(self.legs):
            own = of_leg(self.evidence, leg)
            first, decisions = Examiner(own), LegDecisionRules(self.evidence, market, self.legs, number)
            self.examiner = first if number == 0 else self.examiner
            each: list[Examines] = [first, SendingRules(own), IntentRules(own), decisions, Independent(own)]
            found += legs_of(each, own.market_id)
        return found

    def _begin_ms(self, chance: random.Random) -> int:
        """Time at which it begins."""
        return DAY_0_MS + chance.randrange(180, 1430) * MINUTE_MS + chance.randrange(MINUTE_MS)

    @property
    def found(self) -> dict[Violation, int]:
        """What all examiners have found, and runners that ended by themselves."""
        found = {what: at_ms for examiner in self.examiners for what, at_ms in examiner.found.items()}
        ended = (error for supervisor in self.supervisors for error in supervisor.failures)
        return found | {Violation("I10", f"a runner ended with {error!r}"): self._now_ms for error in ended}

    def clock(self) -> int:
        """Wall time of the venue, milliseconds UTC."""
        try:  # asked a million times in a few worlds: the plain way
            self._now_ms = self.begun_ms + int(asyncio.get_running_loop().time() * 1000)
        except RuntimeError:
            return self._now_ms  # behind its end it stands still
        return self._now_ms

    def runners_clock(self) -> int:
        """Wall time of the runner's machine, milliseconds UTC."""
        return self.clock() + self.skew_ms

    def hinder(self, seconds: float) -> None:
        """Note that something outside keeps the runner from what it should do, for so long."""
        self._hindered_until = max(self._hindered_until, asyncio.get_running_loop().time() + seconds)

    def is_hindered(self) -> bool:
        """Whether something outside keeps the runner from what it should do, or has just done so."""
        try:
            now = asyncio.get_running_loop().time()
        except RuntimeError:
            return False
        if self.leases.holder is None or self.network.is_away or now < self.network.waits_until:
            self.hinder(_BEGINS_SECONDS)
        return now < max(self._hindered_until, self.network.silent_until)

    async def play(self, n_events: int) -> None:
        """Trade until so much has happened, then without faults until all is quiet."""
        loop = asyncio.get_running_loop()
        self._stopping = stopping = asyncio.Event()
        clockworks = [asyncio.create_task(self.service._run()), asyncio.create_task(self.streams._play())]
        faults = [asyncio.create_task(one) for one in (self._let_things_happen(), self._rearm())]
        running = [asyncio.create_task(supervisor.run(stopping)) for supervisor in self.supervisors]
        steps = [asyncio.create_task(one()) for one in self.beside]
        while self.n_events < n_events or not all(step.done() for step in steps):
            await asyncio.sleep(_LOOK_SECONDS)
            self._look()
            if loop.time() > _LONGEST_SECONDS:
                break
        await asyncio.gather(*steps)
        await _canceled(faults)
        self._calm()
        await self._come_to_rest()
        stopping.set()
        await asyncio.gather(*running)
        await _canceled(clockworks)

    def digest(self) -> str:
        """Hash of ledger and journal."""
        return digest_of(self.ledger, self.journal)

    def outcome(self, seed: int) -> Outcome:
        """What became of it."""
        alerts = (one.row for one in self.journal.tables.log if one.table == "alerts")
        trips = Counter(str(alert.detail["event"]) for alert in alerts if "event" in alert.detail)
        moves = self.examiner.moves
        return Outcome(seed, self.n_events, self.found, self.digest(), self.network.fired, moves, trips)

    async def _let_things_happen(self) -> None:
        """Draw each second what happens in it; what has begun goes on beside."""
        moments = [row for row in MOMENTS if row.name in self.rates]
        begun = list[asyncio.Task[None]]()
        try:
            while True:
                await asyncio.sleep(1.0)
                for row in moments:
                    if self.network.happens(row.name):
                        self.n_events += 1
                        begun.append(asyncio.create_task(row.act(self)))
        finally:
            await _canceled(begun)

    async def _rearm(self) -> None:
        while True:
            await asyncio.sleep(_PERSON_LOOKS_SECONDS)
            self.operator.rearm()

    def _calm(self) -> None:
        """Let nothing go wrong any more."""
        self.rates.clear()
        self.network.calm()
        self.server.away_until = 0.0
        self.skew_ms, self.prices.factor, self.prices.share = 0, Decimal(1), Decimal(1)
        if not self.delisted:
            self.venue.halted.clear()
        self.hinder(_QUIET_SECONDS)

    async def _come_to_rest(self) -> None:
        """Give everything time to agree: books are compared in the middle of a minute."""
        await asyncio.sleep(_QUIET_SECONDS)
        for left in range(_MOST_QUIET_MINUTES, 0, -1):
            await asyncio.sleep((MINUTE_MS * 1.5 - self.clock() % MINUTE_MS) / 1000)
            before = [dict(examiner.found) for examiner in self.examiners]
            for examiner in self.examiners:
                examiner.look_at_rest()
            after = [examiner.found for examiner in self.examiners]
            if before == after or left == 1:
                return
            for examiner, kept in zip(self.examiners, before, strict=True):
                examiner.found.clear()
                examiner.found.update(kept)

    def _look(self) -> None:
        self._is_troubled()
        for examiner in self.examiners:
            examiner.look()

    def _happened(self) -> None:
        self.n_events += 1
        self._look()

    def _sent(self, asked: Asked) -> None:
        if asked.cancels:
            self.cancels.look_at_cancel(asked)
            return
        for examiner in self.examiners:
            examiner.look_at_order(asked)

    def _is_troubled(self) -> bool:
        """Whether something went wrong within the last seconds, or the runner is told to end."""
        now, n_faults = asyncio.get_running_loop().time(), self.network.fired.total()
        if n_faults != self._troubles[0] or self._stopping.is_set():
            self._troubles = n_faults, now + _TROUBLED_SECONDS
        return now < self._troubles[1]

    def _silent_seconds(self) -> float:
        return asyncio.get_running_loop().time() - self.network.heard_at

    async def _live(self, life: Life) -> None:
        """Life of one runner's process."""
        self.hinder(_BEGINS_SECONDS)
        async with AsyncExitStack() as stack:
            source = await stack.enter_async_context(self._source(life))
            await Runner(self._surroundings(source, life)).run(self._stopping)

    def _source(self, life: Life) -> CcxtSource:
        backoff = Backoff(chance=self.chance.random)
        settings, session = self.settings.exchange, self._session(life)
        return CcxtSource(settings, clock=self.runners_clock, backoff=backoff, open_session=session)

    def _session(self, life: Life) -> Callable[[], Any]:
        return lambda: self.network.session(life)

    def _surroundings(self, source: CcxtSource, life: Life) -> Surroundings:
        clock, session = self.runners_clock, self._session(life)

        def connect(settings: Settings) -> CcxtOrders:
            return CcxtOrders(settings.exchange, "", "", clock=clock, open_session=session)

        journal: Any = Rows(self.rows, self.server, life)
        funds: Any = Rows(self.funds, self.server, life)
        time, opened = ExchangeTime(clock), self.leases.open
        return Surroundings(
            journal, opened, self.settings, source, time, "world:1", connect, funds=funds, load=in_process
        )


def play(
    seed: int,
    n_events: int = 200,
    n_books: int = 1,
    *,
    deploy: Deploy = deployment_at,
    prepare: Prepare = lambda _: None,
) -> Outcome:
    """Play one world with faults to its end."""
    with played(seed, n_events, n_books=n_books, deploy=deploy, prepare=prepare) as world:
        return world.outcome(seed)


@contextmanager
def played(
    seed: int,
    n_events: int = 200,
    *,
    is_faulty: bool = True,
    n_books: int = 1,
    deploy: Deploy = deployment_at,
    keep: Keep = lambda memory, _: memory,
    prepare: Prepare = lambda _: None,
) -> Iterator[World]:
    """World that has come to its end, where its clock stands still; its books are open."""
    world = World(seed, is_faulty=is_faulty, n_books=n_books, deploy=deploy, keep=keep)
    prepare(world)
    try:
        with living_by(world.runners_clock):
            run_virtually(world.play(n_events), world.chance)
        yield world
    finally:
        world.ledger.close()


async def _canceled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended
