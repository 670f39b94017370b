"""A venue whose time the test moves on, bar by bar, and one deployment that is traded there.

The real link talks through real ccxt to the simulated venue; only the clock stands still between two bars,
so that nothing depends on how fast the machine is. A paper book is fed the same bars.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from live_runner.book.plan import DeploymentPlan, plan_of
from live_runner.book.tick import Tick
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.broker import VenueBroker
from live_runner.venue.link import VenueLink
from live_runner.venue.station import Station
from quant_pipelines.backtest import Book, BookedFill, ExecutionBar
from quant_pipelines.backtest.market.readings import latest_of
from quant_pipelines.core.bars import BarRows, Bars
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.orders import Side
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, floor_ms, from_ms
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.simulator.venue.state import MarketDepth, Quote
from quant_pipelines.store.deployments import read_deployments
from quant_pipelines.store.postgres_journal import PostgresJournal
from quant_pipelines.trading import decide
from quant_pipelines.trading.levels import wanted_level
from tests.in_process import in_process
from tests.integration.runner.stage import MARKET_SYMBOL, Stage, served
from tests.integration.runner.venue_world import Ledger, our_fills, until

TICK = Decimal("0.1")
START_MS = floor_ms(system_clock_ms(), DAY_MS)
GOES_ON_SECONDS = 1
"""How long after a bar's close the runner looks at it."""


class StageClock:
    """Time that stands still until it is moved; each look at it is a millisecond later than the last."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def __call__(self) -> int:
        self._now_ms += 1
        return self._now_ms

    def set(self, now_ms: int) -> None:
        assert now_ms >= self._now_ms, "the bars before took more looks at the clock than a minute has"
        self._now_ms = now_ms


class BarStage(Stage):
    """A venue that plays bars: open, the nearer extreme, the other one, close, each for some seconds."""

    def __init__(self, home: Path, bars: Bars, clock: StageClock) -> None:
        self._bars = bars
        super().__init__(home, clock=clock)
        self.price = self.price_at(int(bars.ts[0]))

    def price_at(self, ts_ms: int) -> Decimal:
        """Price of a second."""
        bars = self._bars
        row = min(max(int(np.searchsorted(bars.ts, ts_ms, side="right")) - 1, 0), len(bars) - 1)
        second = (ts_ms - int(bars.ts[row])) // 1000
        low, high = float(bars.low[row]), float(bars.high[row])
        first, last = (low, high) if bars.close[row] >= bars.open[row] else (high, low)
        phases = ((15, float(bars.open[row])), (30, first), (45, last))
        price = next((price for end, price in phases if second < end), float(bars.close[row]))
        return Decimal(str(price)).quantize(TICK)

    def quote(self, symbol: str, ts_ms: int) -> Quote:
        if symbol != MARKET_SYMBOL:
            return super().quote(symbol, ts_ms)
        price = self.price_at(ts_ms)
        return Quote(ts_ms, price, price)

    def depth(self, symbol: str, ts_ms: int) -> MarketDepth:
        """No spread: the paper book of the test has none either."""
        if symbol != MARKET_SYMBOL:
            return super().depth(symbol, ts_ms)
        price = self.price_at(ts_ms)
        return MarketDepth([(price, Decimal(1000))], [(price, Decimal(1000))])


class GatedOrders(CcxtOrders):
    """Real ccxt by the stage's clock; no request is on its way while the clock is moved."""

    def __init__(self, address: str, clock: StageClock) -> None:
        super().__init__(ExchangeSettings(base_url=address), "", "", clock=clock)
        self._stage_clock = clock
        self.gate = asyncio.Lock()
        self.dies_behind_order = False

    async def now_ms(self) -> int:
        return self._stage_clock()

    async def cancel_stop(self, symbol: str, client_order_id: str) -> None:
        async with self.gate:
            await super().cancel_stop(symbol, client_order_id)

    async def _order(
        self, symbol: str, kind: str, side: Side, quantity: str | None, params: dict[str, Any]
    ) -> Any:
        async with self.gate:
            # Nothing takes time here: what waited for the gate is not a minute old, which a venue refuses.
            asked = params | {"timestamp": self._stage_clock()}
            answer = await super()._order(symbol, kind, side, quantity, asked)
        if self.dies_behind_order:
            await asyncio.Event().wait()  # nothing more happens in this process
        return answer

    async def _ask(self, *arguments: Any, **options: Any) -> Any:
        async with self.gate:
            return await super()._ask(*arguments, **options)


@dataclass(frozen=True)
class Exit:
    """Exit of a book: open time of its bar, and why."""

    bar_ms: int
    reason: str


@dataclass
class Twin:
    """The paper book that is fed the same bars, and its strategy."""

    plan: DeploymentPlan
    exits: list[Exit] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.book = Book(self.plan.paper_settings)

    def step(self, bars: Bars, row: int) -> None:
        for event in self.book.step(execution_bar(bars, row)):
            if isinstance(event, BookedFill) and event.reason != "target":
                self.exits.append(Exit(event.ts, event.reason))
        known = bars.between(0, int(bars.ts[row]) + 1)
        target = float(target_of(self.plan.strategy, known)[-1])
        inputs = latest_of(self.plan.strategy, known, self.plan.rules).inputs
        decision = decide(self.book.view(), target, self.plan.rules)
        self.book.submit(decision.order_quantity, target_side=decision.target_side, inputs=inputs)


def execution_bar(bars: Bars, row: int) -> ExecutionBar:
    columns = (bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return ExecutionBar(*(column[row].item() for column in columns))


class Minutes:
    """One deployment at the stage, moved on bar by bar.

    Parameters
    ----------
    engine
        Product database, with one deployment at an order stage.
    stage
        Venue.
    clock
        Its time.
    bars
        What it plays, the first ``n_known`` of which are history.
    """

    def __init__(self, engine: Engine, stage: BarStage, clock: StageClock, bars: Bars, n_known: int) -> None:
        self.engine, self.stage, self.clock, self.bars = engine, stage, clock, bars
        self.row = self.booked = n_known
        self.ledger = Ledger(stage.home)
        self.orders: type[GatedOrders] = GatedOrders
        self.entry = EntrySettings()

    def open(self) -> None:
        """Begin as a new process does: by the rows."""
        journal = PostgresJournal(self.engine)
        [deployment] = read_deployments(self.engine, ORDER_STAGES)
        epoch = journal.open_epoch("test:1", from_ms(self.clock()))
        series = BarSeries(deployment.symbol, "1m", int(self.bars.ts[0]))
        series.extend(self.bars.between(0, int(self.bars.ts[self.booked])))
        self.venue = self.orders(self.stage.address, self.clock)
        settings = RunnerSettings(reconcile_seconds=60.0, entry=self.entry)
        station = Station(journal, self.venue, settings, epoch, self.clock, read_back_seconds=60.0)
        self._link = VenueLink(station)
        plan = plan_of(deployment, in_process)
        self.trader = Trader(journal, plan, series, epoch=epoch, open_broker=self._link.open_broker)
        self._link.add(self.trader)
        self._talking: asyncio.Task[None] | None = None

    async def talk(self) -> None:
        """Have the link begin, and wait until the books agree."""
        self.begin_to_talk()
        await self.settle()

    def begin_to_talk(self) -> None:
        """Have the link begin."""
        self._talking = asyncio.create_task(self._link.run())

    async def die(self) -> None:
        """Leave nothing but the rows and what stands at the venue, as a killed process does."""
        if self._talking is not None:
            self._talking.cancel()
            with suppress(asyncio.CancelledError):
                await self._talking
        await self.venue.close()

    def wake(self) -> None:
        """Have the link look at everything now."""
        self._link.wake()

    async def lose_the_venue(self) -> None:
        """End the talk, as a venue that is away does; the process lives on."""
        assert self._talking is not None
        self._talking.cancel()
        with suppress(asyncio.CancelledError):
            await self._talking

    async def pass_bar(self) -> None:
        """Let the venue play the next bar; nobody has booked it yet."""
        self.row += 1
        close_ms = int(self.bars.ts[self.row - 1]) + MINUTE_MS
        async with self.venue.gate:
            self.clock.set(close_ms + GOES_ON_SECONDS * 1000)
            self.stage.service.advance()

    async def book_bars(self, *, dies_behind: bool = False) -> None:
        """Have the trader book the bars that have passed, and decide.

        With ``dies_behind`` the process ends once the venue has filled what was decided, and books nothing.
        """
        bars = self.bars.between(int(self.bars.ts[self.booked]), int(self.bars.ts[self.row - 1]) + 1)
        nothing = np.zeros(len(bars))
        prices = (bars.open, bars.high, bars.low, bars.close, bars.volume)
        rows = BarRows(bars.ts, *prices, nothing, nothing.astype(np.int64))
        self.booked = self.row
        self.venue.dies_behind_order = dies_behind
        await asyncio.to_thread(self.trader.advance, Tick(rows, (), rows, self.clock(), 0.0))
        if dies_behind:
            await until(lambda: self.ledger.select("select 1 from fills"))
            await self.die()

    async def settle(self) -> None:
        """Wait until all is booked that the venue has filled, and all stands that should."""
        await until(self._is_settled)

    def _is_settled(self) -> bool:
        if self._talking is not None and self._talking.done():
            self._talking.result()
        fills = self.ledger.select("select count(*) from fills")[0][0]
        return bool(len(our_fills(self.engine)) == fills and self.trader.with_broker(self._stands))

    def _stands(self, broker: Any) -> bool:
        assert isinstance(broker, VenueBroker)
        is_quiet = not broker.waits_for and not (broker.leaves_by and broker.position().quantity)
        return is_quiet and self.standing() == sorted(wanted_at(broker))

    def standing(self) -> list[tuple[str, Decimal]]:
        """Kind and trigger of what protects at the venue; a bridge between two stops has another kind."""
        query = (
            "select kind || case close_position when 1 then '' else ' bridge' end, trigger_price "
            "from algo_orders where status = 'NEW' and client_id not like '%-o%'"
        )
        return sorted((kind, Decimal(price)) for kind, price in self.ledger.select(query))


def wanted_at(broker: VenueBroker) -> list[tuple[str, Decimal]]:
    """What should stand at the venue for a book."""
    held = broker.position().quantity
    levels = {"STOP_MARKET": broker.stop_price, "TAKE_PROFIT_MARKET": broker.goal_price}
    wanted = {name: wanted_level(held, level, TICK, name) for name, level in levels.items()}
    return [(name, level.trigger_price) for name, level in wanted.items() if level is not None]


@asynccontextmanager
async def minutes(
    engine: Engine,
    home: Path,
    bars: Bars,
    *,
    n_known: int,
    orders: type[GatedOrders] = GatedOrders,
    stage_of: type[BarStage] = BarStage,
    entry: EntrySettings = EntrySettings(),  # noqa: B008 - a frozen value
) -> AsyncIterator[Minutes]:
    """A deployment at a venue that plays these bars; it has begun, and none of them has passed."""
    clock = StageClock(int(bars.ts[n_known]) + GOES_ON_SECONDS * 1000)
    async with served(stage_of(home, bars, clock)) as stage:
        played = Minutes(engine, stage, clock, bars, n_known)
        played.orders, played.entry = orders, entry
        played.open()
        try:
            await played.talk()
            yield played
        finally:
            await played.die()
