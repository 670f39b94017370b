"""What the venue fills late for a book that was removed is that book's, and nobody else is halted for it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from live_runner.book.broker import Opened
from live_runner.book.plan import DeploymentPlan, plan_of
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.link import VenueLink
from live_runner.venue.place import PlaceBooks, order_among
from live_runner.venue.removed import RemovedBooks
from live_runner.venue.station import Station
from live_runner.venue.sweeps import Sweeps
from quant_pipelines.core.errors import OutcomeUnknown, ReconciliationError
from quant_pipelines.core.orders import OrderStatus, Side
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import OrderStep
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.purposes import resting_purpose
from quant_pipelines.trading.venue import VenueOrder, VenueStop, VenueTrade
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.event_desk import CANARY
from tests.unit.live_runner.memory_venue import MemoryVenue
from tests.unit.live_runner.test_races import AT, DEPLOYMENT, SYMBOL
from tests.unit.live_runner.test_receiving import AT_MS, books_holding, opened, ordered

LATE = Decimal("0.2")


class Venue(MemoryVenue):
    """Knows one order by its number, and notes what is canceled."""

    name = ""
    status: OrderStatus = "FILLED"

    def __init__(self) -> None:
        super().__init__()
        self.canceled = list[str]()

    async def find_order(
        self, symbol: str, *, client_order_id: str = "", venue_order_id: str = ""
    ) -> VenueOrder | None:
        return VenueOrder(self.name, "4", self.status, LATE) if venue_order_id == "4" and self.name else None

    async def cancel_order(self, symbol: str, client_order_id: str) -> None:
        self.canceled.append(client_order_id)

    async def cancel_stop(self, symbol: str, client_order_id: str) -> None:
        self.canceled.append(client_order_id)
        raise OutcomeUnknown("it does not answer")

    async def now_ms(self) -> int:
        return AT_MS


class Place:
    """The books that are left."""

    symbol = "BTC/USDT:USDT"

    def __init__(self, books: PlaceBooks) -> None:
        self.books = books
        self.seats = {7: SimpleNamespace(key=7, trader=SimpleNamespace(is_halted=False))}

    async def with_books(self, act: Callable[[PlaceBooks], Any]) -> Any:
        return act(self.books)

    async def with_brokers(self, act: Callable[[Any], Any]) -> Any:
        return act(self.books.brokers)

    async def order_of(self, *, client_order_id: str = "", venue_order_id: str = "") -> Any:
        return order_among(self.books.brokers, client_order_id=client_order_id, venue_order_id=venue_order_id)


class World:
    """Two books, of which the second one is removed after it has ordered."""

    def __init__(self, held: str = "0", purpose: str = "target", side: Side = "buy") -> None:
        self.books = books_holding("0.1", held)
        self.venue = Venue()
        self.name = ordered(self.books, 8, side, LATE, purpose)
        journal = self.books.journal
        assert isinstance(journal, MemoryJournal)
        self.journal = journal
        left = self.books._replace(brokers={7: self.books.brokers[7]})
        self.removed = RemovedBooks(self.venue, journal, self.books.epoch, self._open)
        self.place: Any = Place(left)
        self.sweeps = Sweeps(self.place, self.venue, SimpleNamespace(), self.removed)  # type: ignore[arg-type]

    def _open(self, plan: DeploymentPlan) -> Opened:
        return Opened(opened(self.books, plan.deployment.id), None, 0)

    def plan(self) -> Any:
        return SimpleNamespace(deployment=self.journal.deployments[8])

    def trade(self, name: str, side: Side = "buy") -> VenueTrade:
        return VenueTrade("9", "4", name, side, LATE, Decimal(100), Decimal("0.07"), AT_MS, Decimal(0))

    def journal_fills(self) -> int:
        return len(self.journal.read_book(8).fills)

    def positions(self) -> list[Decimal]:
        return [opened(self.books, key).position().quantity for key in (7, 8)]


@pytest.mark.parametrize("is_named", [True, False])
def test_a_late_fill_is_booked_to_the_book_that_has_left(*, is_named: bool) -> None:
    world = World()
    world.venue.name = world.name

    async def scenario() -> None:
        world.removed.leave(world.plan())
        for _ in range(2):
            await world.sweeps.book([world.trade(world.name if is_named else "")])

    asyncio.run(scenario())
    assert world.positions() == [Decimal("0.1"), LATE]
    assert world.journal.read_controls().halts == {}
    assert [one.id for one in world.journal.read_deployments()] == [7, 8], "it is taken up again"


def test_a_stop_of_the_book_that_has_left_closes_that_book() -> None:
    world = World("0.2", "stop", "sell")

    async def scenario() -> None:
        world.removed.leave(world.plan())
        await world.sweeps.book([world.trade(world.name, "sell")])

    asyncio.run(scenario())
    assert world.positions() == [Decimal("0.1"), 0]


def leave_stage(world: World) -> list[int]:
    """Deployments that are traded once the second one has left its stage."""
    world.journal.deployments[8] = replace(world.journal.deployments[8], stage="retired")
    return [one.id for one in world.journal.read_deployments()]


def end(world: World, status: OrderStatus) -> None:
    world.journal.follow_order(world.books.epoch, OrderStep(world.name, OrderProgress(status)), AT)


@pytest.mark.parametrize("is_named", [True, False])
def test_a_late_fill_of_a_book_of_an_earlier_life_has_it_opened_again(*, is_named: bool) -> None:
    world = World()
    world.venue.name = world.name
    end(world, "REJECTED")
    assert leave_stage(world) == [7]

    async def scenario() -> bool:
        for _ in range(2):
            await world.sweeps.book([world.trade(world.name if is_named else "")])
        return world.removed.awaited_until > asyncio.get_running_loop().time()

    assert asyncio.run(scenario()), "what it holds is not missed meanwhile"
    assert world.journal.read_controls().halts == {}
    assert leave_stage(world) == [7, 8], "it books that itself"


@pytest.mark.parametrize(("ended", "canceled", "traded"), [("REJECTED", 1, [7, 8]), ("CANCELED", 1, [7])])
def test_what_the_venue_accepts_late_of_a_removed_book_is_canceled(
    ended: OrderStatus, canceled: int, traded: list[int]
) -> None:
    world = World()
    end(world, ended)
    leave_stage(world)
    working = [VenueOrder(world.name, "4", "ACCEPTED", Decimal(0))]
    asyncio.run(world.removed.cancel(SYMBOL, working, []))
    assert world.venue.canceled == [world.name] * canceled
    assert leave_stage(world) == traded, "how it ends is looked up once it is opened again"


def test_a_stop_that_a_removed_book_gave_up_is_canceled_and_its_silence_breaks_nothing() -> None:
    world = World("0.2", "stop", "sell")
    stop = VenueStop(world.name, "4", "sell", Decimal(90), closes_position=True, status="ACCEPTED")

    async def look() -> list[str]:
        await world.removed.cancel(SYMBOL, [], [stop, stop._replace(client_order_id="web_17")])
        return world.venue.canceled

    assert asyncio.run(look()) == [], "it covers what the book holds until that is opened again"
    end(world, "REJECTED")
    assert asyncio.run(look()) == [world.name]


@pytest.mark.parametrize("name", ["", "web_17", "q1-8-77-t", "q1-99-77-t"])
def test_what_nobody_ordered_is_external_all_the_same(name: str) -> None:
    world = World()

    async def scenario() -> None:
        world.removed.leave(world.plan())
        with pytest.raises(ReconciliationError, match="EXTERNAL trade of somebody else 9: buy"):
            await world.sweeps.book([world.trade(name)])

    asyncio.run(scenario())
    assert world.positions() == [Decimal("0.1"), 0]


def test_what_came_back_books_by_itself() -> None:
    world = World()

    async def scenario() -> tuple[bool, bool]:
        world.removed.leave(world.plan())
        first, second = world.removed.come_back(8), world.removed.come_back(8)
        assert await world.removed.book(SYMBOL, [world.trade(world.name)]) == ([], [world.trade(world.name)])
        return first, second

    assert asyncio.run(scenario()) == (True, False)


def test_what_comes_back_while_its_fill_is_booked_reads_its_rows_again() -> None:
    world, outdated = World(), list[int]()
    trader = SimpleNamespace(is_halted=False, outdate=lambda: outdated.append(world.journal_fills()))

    async def scenario() -> None:
        world.removed.leave(world.plan())
        world.place.seats[8] = SimpleNamespace(key=8, trader=trader)
        for _ in range(2):
            await world.sweeps.book([world.trade(world.name)])

    asyncio.run(scenario())
    assert outdated == [1], "once its fill is stored"


def test_a_late_fill_of_an_event_strategy_is_booked_while_another_book_has_its_place() -> None:
    successor = replace(CANARY, id=8, source=DEPLOYMENT.source)
    journal, venue = MemoryJournal([CANARY, successor]), Venue()
    epoch = journal.open_epoch("test:1", AT)
    order = Intent("q1-7-77-o1", "buy", LATE, resting_purpose(1), AT, "limit", price=Decimal(100))

    async def scenario() -> None:
        link = VenueLink(Station(journal, venue, RunnerSettings(), epoch, lambda: AT_MS))

        def take_in(deployment: Deployment) -> Trader:
            plan, series = plan_of(deployment, in_process), BarSeries(deployment.symbol, "1m", AT_MS)
            trader = Trader(journal, plan, series, epoch=epoch, open_broker=link.open_broker)
            link.add(trader)
            return trader

        def add(broker: Any) -> None:
            broker.add(order, AT)

        take_in(CANARY).with_broker(add)
        link.remove(CANARY.id)
        take_in(successor)
        name = order.client_order_id
        trade = VenueTrade("9", "4", name, "buy", LATE, Decimal(100), Decimal(0), AT_MS, Decimal(0))
        [booked], others = await link._removed.book(SYMBOL, [trade])
        assert (booked.deployment_id, booked.fill.quantity, others) == (CANARY.id, LATE, [])
        late = take_in(replace(CANARY, stage="retired"))  # it is covered, and closed, beside the other one
        assert late.with_broker(lambda broker: broker.position().quantity) == LATE

    asyncio.run(scenario())
    assert [fill.trade_id for fill in journal.read_book(CANARY.id).fills] == ["9"]
