"""Who looks after what rests is asked to begin at each look at the venue, and goes on with what it knows."""

import asyncio
import math
import threading
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest

from live_runner.venue.entries import Entries
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.place import Seat, VenuePlace
from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.trading.breaker import Event, Trip
from quant_pipelines.trading.trips import Signs
from quant_pipelines.trading.venue import LimitOrder, VenueOrder
from tests.unit.live_runner.event_desk import CANARY, SOURCE, Desk
from tests.unit.live_runner.memory_venue import MemoryVenue
from tests.unit.live_runner.test_races import AT

_TOLD = '        desk.memory["told"]'
WAY_OUT = SOURCE.replace(
    _TOLD,
    f"        if event.quantity > 0.0:\n            desk.limit(1.0, 105.0, reduce_only=True)\n{_TOLD}",
)


class Venue(MemoryVenue):
    """Takes every limit and every cancel, and shows nothing of a cancel yet."""

    def __init__(self) -> None:
        super().__init__()
        self.placed: list[str] = []
        self.canceled: list[str] = []

    async def place_limit(self, order: LimitOrder) -> VenueOrder:
        self.placed.append(order.client_order_id)
        return VenueOrder(order.client_order_id, "99", "ACCEPTED", Decimal(0), order.price)

    async def now_ms(self) -> int:
        return to_ms(AT) + MINUTE_MS

    async def cancel_order(self, symbol: str, client_order_id: str) -> None:
        self.canceled.append(client_order_id)


class Looks:
    """Entries of an event strategy whose three orders are committed."""

    def __init__(self, source: str = SOURCE, venue: Venue | None = None) -> None:
        self.desk, self.venue = Desk(source=source), venue or Venue()
        self.desk.pass_bar()
        trader, epoch = self.desk.trader, self.desk.epoch
        place = VenuePlace(self.desk.journal, epoch)
        rows = OrderRows(trader, self.venue, epoch)
        self.seat = place.seats[CANARY.id] = Seat(trader, self.desk.wire, rows, lambda: "")
        self.entries = Entries(place, self.venue, EntrySettings())

    async def look(self) -> list[Seat]:
        """Do as a link does at each look; returns which books may decide again."""
        await self.entries.recover([self.seat])
        return await self.entries.keep(_sent)


async def _sent(*_: Any) -> None:
    pytest.fail("only limits are ordered here")


def played(scenario: Callable[[Looks], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario(Looks()))


def test_decision_that_waited_for_an_outcome_is_taken_once_it_is_known() -> None:
    async def scenario(looks: Looks) -> None:
        for number in (2, 3):
            looks.desk.becomes(number, "ACCEPTED")
        looks.desk.becomes(1, "UNKNOWN", is_known=False)
        assert await looks.look() == []
        looks.desk.becomes(1, "ACCEPTED")
        assert await looks.look() == [looks.seat]
        assert await looks.look() == []

    played(scenario)


def test_cancel_is_asked_for_again_at_its_pace_however_often_it_is_looked() -> None:
    async def scenario(looks: Looks) -> None:
        for number in (1, 2, 3):
            looks.desk.becomes(number, "ACCEPTED")
        looks.desk.at_broker(lambda broker: broker.resting.cancel(1))
        for _ in range(5):
            await looks.look()
        assert looks.venue.canceled == looks.desk.names()[:1]

    played(scenario)


@pytest.mark.parametrize("is_frozen", [False, True])
def test_way_out_that_a_freeze_finds_unsent_is_not_sent(*, is_frozen: bool) -> None:
    async def scenario() -> None:
        looks = Looks(WAY_OUT)
        desk, whole = looks.desk, str(looks.desk.journal.read_orders(CANARY.id)[0].intent.quantity)
        desk.becomes(1, "FILLED", whole)
        desk.trades(1, whole, "11", 30)
        for number in (2, 3):
            desk.becomes(number, "DENIED")
        desk.pass_bar()
        if is_frozen:
            desk.trader.trip(Trip("frozen", "halted by ann"))
        for _ in range(3):
            await looks.look()
        [*_, way_out] = desk.journal.read_orders(CANARY.id)
        assert way_out.intent.reduce_only
        assert way_out.progress.status == ("DENIED" if is_frozen else "ACCEPTED")
        assert looks.venue.placed == ([] if is_frozen else [way_out.intent.client_order_id])

    asyncio.run(scenario())


@pytest.mark.parametrize("event", ["day_loss", "repeated_execution", "frozen"])
def test_nothing_that_opens_rests_while_only_what_reduces_may_go_out(event: Event) -> None:
    async def scenario(looks: Looks) -> None:
        for number in (1, 2, 3):
            looks.desk.becomes(number, "ACCEPTED")
        await looks.look()
        assert looks.venue.canceled == []
        looks.desk.trader.trip(Trip(event, "it lost too much"))
        for _ in range(4):
            await looks.look()
        assert looks.venue.canceled == looks.desk.names()

    played(scenario)


@pytest.mark.parametrize(
    ("signs", "n_canceled"),
    [(Signs(math.inf), 0), (Signs(math.inf, barred="the key may withdraw"), 3)],
)
def test_entries_rest_on_while_nobody_tells_prices_but_not_for_anything_else(
    signs: Signs, n_canceled: int
) -> None:
    async def scenario(looks: Looks) -> None:
        for number in (1, 2, 3):
            looks.desk.becomes(number, "ACCEPTED")
        looks.desk.signs = signs
        assert looks.desk.trader.state == "REDUCING"
        for _ in range(4):
            await looks.look()
        assert len(looks.venue.canceled) == n_canceled

    played(scenario)


@pytest.mark.parametrize("was_looked_at", [False, True])
def test_entries_are_canceled_by_who_leaves(*, was_looked_at: bool) -> None:
    async def scenario(looks: Looks) -> None:
        for number in (1, 2):
            looks.desk.becomes(number, "ACCEPTED")
        looks.desk.becomes(3, "UNKNOWN", is_known=False)
        await looks.entries.recover([looks.seat])
        if was_looked_at:
            await looks.look()
        await looks.entries.leave()
        assert sorted(looks.venue.canceled) == looks.desk.names()

    played(scenario)


def test_entries_are_canceled_by_who_leaves_while_the_strategy_has_the_book() -> None:
    async def scenario(looks: Looks) -> None:
        for number in (1, 2, 3):
            looks.desk.becomes(number, "ACCEPTED")
        await looks.look()
        has_book, may_end = threading.Event(), threading.Event()

        def think(_: Any) -> None:
            has_book.set()
            may_end.wait(60)

        thinking = asyncio.create_task(asyncio.to_thread(looks.desk.trader.with_broker, think))
        await asyncio.to_thread(has_book.wait, 60)
        await looks.entries.leave()
        assert sorted(looks.venue.canceled) == looks.desk.names()
        may_end.set()
        await thinking

    played(scenario)


class Confused(Venue):
    """Answers the cancel of one order with something that nobody foresaw."""

    async def cancel_order(self, symbol: str, client_order_id: str) -> None:
        await super().cancel_order(symbol, client_order_id)
        if len(self.canceled) == 1:
            raise KeyError("orderId")
        await asyncio.sleep(0.05)
        self.ended.append(client_order_id)

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[str] = []


class Lost:
    """Somebody who looks after an order and can't leave it."""

    due = math.inf

    async def leave(self) -> None:
        raise RuntimeError("the book can't be read")


def test_orders_are_canceled_to_the_last_whatever_fails_with_one_of_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        venue = Confused()
        looks = Looks(venue=venue)
        for number in (1, 2, 3):
            looks.desk.becomes(number, "ACCEPTED")
        await looks.look()
        await looks.entries.leave()
        assert (len(venue.canceled), len(venue.ended)) == (3, 2)

    asyncio.run(scenario())
    assert "KeyError('orderId')" in [getattr(one, "error", "") for one in caplog.records]


def test_books_are_left_to_the_last_whatever_fails_with_one_of_them() -> None:
    async def scenario(looks: Looks) -> None:
        for number in (1, 2, 3):
            looks.desk.becomes(number, "ACCEPTED")
        await looks.look()
        looks.entries._books[0] = Lost()  # type: ignore[assignment]
        await looks.entries.leave()
        assert sorted(looks.venue.canceled) == looks.desk.names()

    played(scenario)
