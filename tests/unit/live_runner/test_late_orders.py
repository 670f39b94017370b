"""An order that was thought to have never arrived is known and looked after once the venue shows it."""

import asyncio
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from live_runner.venue.attribution import waiting_stops
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.sweeps import Sweeps, _our_rows
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.store.venue_orders import OrderStep
from quant_pipelines.trading.orders import UNPROVEN, OrderProgress
from quant_pipelines.trading.venue import VenueOrder, VenueStop, VenueTrade
from tests.unit.live_runner.memory_venue import MemoryVenue
from tests.unit.live_runner.test_receiving import AT_MS, LATER, ordered
from tests.unit.live_runner.test_small_exits import World

QUANTITY = Decimal("0.2")
every_end = pytest.mark.parametrize("status", UNPROVEN)


class Venue(MemoryVenue):
    """Has filled one order, or the order of one stop."""

    name, child = "", ""

    async def find_order(
        self, symbol: str, *, client_order_id: str = "", venue_order_id: str = ""
    ) -> VenueOrder | None:
        if client_order_id == self.name or venue_order_id == self.child:
            return VenueOrder(client_order_id or "child", "4", "FILLED", QUANTITY)
        return None

    async def find_stop(self, symbol: str, client_order_id: str) -> VenueStop | None:
        known = (client_order_id, "7", "sell", Decimal(90), True, "TRIGGERED", self.child)
        return VenueStop(*known) if self.child else None  # type: ignore[arg-type]

    async def now_ms(self) -> int:
        return AT_MS


def swept(world: World, venue: Venue, trade: VenueTrade, given_up: OrderStep) -> Any:
    """Book a trade of an order that was given up; returns the broker."""
    broker = world.books.brokers[7]
    broker.follow(given_up, LATER)
    for seat in world.place.seats.values():
        seat.trader.is_halted = False
        seat.rows = OrderRows(seat.trader, venue, world.books.epoch)
    removed: Any = SimpleNamespace(book=_nothing)
    sweeps = Sweeps(world.place, venue, SimpleNamespace(), removed)  # type: ignore[arg-type]
    asyncio.run(sweeps.book([trade]))
    return broker


async def _nothing(_symbol: str, trades: list[VenueTrade]) -> Any:
    return [], trades


def trade_of(name: str, side: Any) -> VenueTrade:
    return VenueTrade("9", "4", name, side, QUANTITY, Decimal(100), Decimal("0.07"), AT_MS, Decimal(0))


def ended(name: str, status: OrderStatus) -> OrderStep:
    return OrderStep(name, OrderProgress(status), reason="never arrived")


@every_end
def test_an_order_that_is_filled_after_it_was_given_up_is_filled_in_the_rows_too(status: OrderStatus) -> None:
    world, venue = World("0.1"), Venue()
    venue.name = name = ordered(world.books, 7, "buy", QUANTITY)
    broker = swept(world, venue, trade_of(name, "buy"), ended(name, status))
    assert (broker.orders[name].progress, broker.orders[name].venue_order_id) == (
        OrderProgress("FILLED", QUANTITY),
        "4",
    )
    assert broker.position().quantity == Decimal("0.3")
    assert not broker.unsettled()


@every_end
def test_a_stop_that_fires_after_it_was_given_up_is_ours(status: OrderStatus) -> None:
    world, venue = World("0.2"), Venue()
    venue.child, name = "4", ordered(world.books, 7, "sell", QUANTITY, "stop")
    broker = swept(world, venue, trade_of("", "sell"), ended(name, status))
    assert broker.orders[name].progress == OrderProgress("FILLED", QUANTITY)
    assert broker.position().quantity == 0


@every_end
def test_an_order_that_works_after_it_was_given_up_is_open_again(status: OrderStatus) -> None:
    world = World("0.1")
    name, broker = ordered(world.books, 7, "buy", QUANTITY), world.books.brokers[7]
    broker.follow(ended(name, status), LATER)
    assert not broker.unsettled()
    asyncio.run(world.place.follow_order(VenueOrder(name, "4", "ACCEPTED", Decimal(0))))
    assert [one.intent.client_order_id for one in broker.unsettled()] == [name]
    assert broker.open_orders()[0].quantity == float(QUANTITY)


@every_end
def test_a_stop_that_was_given_up_is_looked_for_a_week_and_one_that_waits_always(
    status: OrderStatus,
) -> None:
    world = World("0.2")
    name, broker = ordered(world.books, 7, "sell", QUANTITY, "stop"), world.books.brokers[7]
    asked = partial(waiting_stops, brokers=world.books.brokers)
    assert asked(AT_MS + 30 * DAY_MS) == [name]
    broker.follow(ended(name, status), LATER)
    assert asked(AT_MS + 6 * DAY_MS) == [name]
    assert asked(AT_MS + 8 * DAY_MS) == []


@every_end
def test_a_stop_of_a_strategy_that_is_listed_after_it_was_given_up_is_taken_up(status: OrderStatus) -> None:
    world = World("0.1")
    name, broker = ordered(world.books, 7, "buy", QUANTITY, "order 4"), world.books.brokers[7]
    broker.follow(ended(name, status), LATER)
    assert _our_rows("BTC/USDT:USDT", world.books.brokers).late == {name}
    broker.follow(OrderStep(name, OrderProgress("ACCEPTED"), "9"), LATER)
    assert broker.orders[name].progress.status == "ACCEPTED"
    assert _our_rows("BTC/USDT:USDT", world.books.brokers).late == set()
