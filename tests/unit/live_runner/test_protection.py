"""A stop is replaced without a naked moment: at a venue that takes one closing stop for each side."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from live_runner.venue.protection import Protection, Wanted, wanted_stop
from quant_pipelines.core.errors import ExchangeRefused, StopWouldTrigger
from quant_pipelines.trading.venue import StopOrder, VenueStop

HELD = Decimal(2)


class Venue:
    """Keeps stops and writes down what was asked."""

    def __init__(self) -> None:
        self.stops: dict[str, VenueStop] = {}
        self.asked: list[str] = []
        self.least_standing = 99
        self.refusal: Exception | None = None

    async def place_stop(self, stop: StopOrder) -> None:
        closes = stop.quantity is None
        self.asked.append(f"place {'closing' if closes else stop.quantity} {stop.trigger_price}")
        if self.refusal:
            raise self.refusal
        twins = [one for one in self.stops.values() if one.closes_position and one.side == stop.side]
        assert not (closes and twins), "-4130"
        self.stops[stop.client_order_id] = VenueStop(
            stop.client_order_id,
            "1",
            stop.side,
            stop.trigger_price,
            closes,
            "ACCEPTED",
            quantity=stop.quantity or Decimal(0),
        )

    async def cancel_stop(self, _symbol: str, client_order_id: str) -> None:
        stop = self.stops.pop(client_order_id)
        self.asked.append(f"cancel {stop.trigger_price}")
        self.least_standing = min(self.least_standing, len(self.stops))

    async def find_stop(self, _symbol: str, client_order_id: str) -> VenueStop | None:
        return self.stops.get(client_order_id)


class Rows:
    """Gives names."""

    def __init__(self) -> None:
        self.n_intents = 0

    async def intend_stop(self, wanted: Wanted, quantity: Decimal | None = None) -> StopOrder:
        self.n_intents += 1
        return StopOrder(f"s{self.n_intents}", "BTC", wanted.side, wanted.trigger_price, 0, quantity)

    async def follow_stop(self, stop: VenueStop, *, reason: str = "") -> None: ...


def long_stop(price: int) -> Wanted:
    return Wanted("sell", Decimal(price))


def protected() -> tuple[Venue, Protection]:
    """A long position under a stop at 90."""
    venue: Any = Venue()
    protection = Protection(venue, Rows(), "BTC")
    assert asyncio.run(protection.keep(long_stop(90), HELD))
    return venue, protection


def test_a_stop_of_the_quantity_stands_while_the_closing_one_moves() -> None:
    venue, protection = protected()
    assert asyncio.run(protection.keep(long_stop(95), HELD))
    assert venue.asked[1:] == ["place 2 95", "cancel 90", "place closing 95", "cancel 95"]
    assert venue.least_standing == 1
    assert [stop.closes_position for stop in venue.stops.values()] == [True]


def test_a_reversal_places_the_other_sides_stop_before_the_old_one_goes() -> None:
    venue, protection = protected()
    assert asyncio.run(protection.keep(Wanted("buy", Decimal(110)), -HELD))
    assert venue.asked[1:] == ["place closing 110", "cancel 90"]


def test_a_stop_that_can_not_be_moved_still_protects() -> None:
    venue, protection = protected()
    venue.refusal = ExchangeRefused("too many stops")
    assert asyncio.run(protection.keep(long_stop(95), HELD))
    assert not protection.covers(long_stop(95))
    venue.refusal = None
    assert asyncio.run(protection.keep(long_stop(95), HELD))
    assert protection.covers(long_stop(95))


def test_a_price_through_the_wanted_stop_asks_for_an_exit_though_the_old_one_stands() -> None:
    venue, protection = protected()
    venue.refusal = StopWouldTrigger("-2021")
    assert not asyncio.run(protection.keep(long_stop(95), HELD))
    assert protection.protects(HELD)


@pytest.mark.parametrize("status", ["TRIGGERED", "CANCELED", "REJECTED", "EXPIRED"])
def test_a_stop_that_waits_no_more_protects_nothing(status: str) -> None:
    _, protection = protected()
    assert protection.standing is not None
    protection.note(protection.standing._replace(status=status))
    assert not protection.protects(HELD)


def test_a_stop_of_a_smaller_quantity_does_not_protect_the_whole() -> None:
    _, protection = protected()
    protection.standing = VenueStop("s", "1", "sell", Decimal(90), False, "ACCEPTED", quantity=Decimal(1))
    assert not protection.protects(HELD)
    assert protection.protects(Decimal(1))


def test_a_level_that_moves_within_its_tick_asks_the_venue_for_nothing() -> None:
    venue, protection = protected()
    n_asked = len(venue.asked)
    within = wanted_stop(HELD, 89.4, Decimal(1), "chandelier_stop")
    assert within == Wanted("sell", Decimal(90), "chandelier_stop")
    assert asyncio.run(protection.keep(within, HELD))
    assert len(venue.asked) == n_asked
