"""A stop stands once the venue shows it, and is gone once the venue says so; its end is committed."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from live_runner.venue.protection import Protection, StopRows
from quant_pipelines.core.errors import ExchangeRefused, ExchangeUnavailable, OutcomeUnknown, StopWouldTrigger
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.trading.cover import StandingLevels
from quant_pipelines.trading.levels import WantedLevel
from quant_pipelines.trading.venue import StopOrder, VenueStop
from tests.unit.live_runner.memory_venue import MemoryVenue

STOP, GOAL = WantedLevel("sell", Decimal(90), "hard_stop"), WantedLevel("sell", Decimal(120), "take_profit")


class Rows(StopRows):
    """Gives names, and keeps what was committed."""

    def __init__(self) -> None:
        self.intended: list[StopOrder] = []
        self.followed: list[tuple[str, str]] = []

    async def intend_stop(self, wanted: WantedLevel, quantity: Decimal | None = None) -> StopOrder:
        takes_profit = wanted.reason == "take_profit"
        name = f"s{len(self.intended) + 1}"
        stop = StopOrder(
            name, "BTC", wanted.side, wanted.trigger_price, 0, quantity, takes_profit=takes_profit
        )
        self.intended.append(stop)
        return stop

    async def follow_stop(self, stop: VenueStop, *, reason: str = "") -> None:
        self.followed.append((stop.status, reason))


@pytest.fixture
def venue() -> MemoryVenue:
    return MemoryVenue()


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def protection(venue: MemoryVenue, rows: Rows) -> Protection:
    return Protection(venue, rows, "BTC")


def stop_at(venue: MemoryVenue, name: str) -> VenueStop:
    return venue.stops[name]


def test_what_is_placed_stands_once_it_is_shown(
    venue: MemoryVenue, rows: Rows, protection: Protection
) -> None:
    venue.shown_after = 2
    asyncio.run(protection.place(STOP))
    asyncio.run(protection.place(STOP, Decimal(2)))
    asyncio.run(protection.place(GOAL))
    first, over_two, goal = (stop_at(venue, name) for name in ("s1", "s2", "s3"))
    assert protection.standing == StandingLevels((first, over_two), (goal,))
    assert (first.closes_position, over_two.closes_position, over_two.quantity) == (True, False, 2)
    assert rows.followed == [("ACCEPTED", "")] * 3


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (ExchangeRefused("-4045 too many"), "REJECTED"),
        (ExchangeUnavailable("-1008 overloaded"), "REJECTED"),
        (StopWouldTrigger("-2021 at once"), "EXPIRED"),
    ],
)
def test_what_the_venue_does_not_take_is_committed_and_raised(
    refusal: Exception, status: str, venue: MemoryVenue, rows: Rows, protection: Protection
) -> None:
    venue.refusal = refusal
    with pytest.raises(type(refusal)):
        asyncio.run(protection.place(STOP))
    assert rows.followed == [(status, str(refusal))]
    assert protection.standing == StandingLevels()


def test_a_stop_whose_answer_is_lost_is_found_by_its_name_and_not_placed_again(
    venue: MemoryVenue, rows: Rows, protection: Protection
) -> None:
    venue.refusal, venue.loses_answer, venue.shown_after = OutcomeUnknown("reset"), True, 1
    asyncio.run(protection.place(STOP))
    assert [stop.client_order_id for stop in rows.intended] == ["s1"]
    assert protection.standing.stops == (stop_at(venue, "s1"),)


@pytest.mark.parametrize("status", ["TRIGGERED", "CANCELED", "REJECTED", "EXPIRED"])
def test_a_stop_that_ended_at_once_never_stood(
    status: OrderStatus, venue: MemoryVenue, rows: Rows, protection: Protection
) -> None:
    venue.first_status = status
    with pytest.raises(ExchangeRefused, match=f"stop s1 is {status}"):
        asyncio.run(protection.place(STOP))
    assert rows.followed == [(status, "")]
    assert protection.standing == StandingLevels()


@pytest.mark.parametrize(
    "other",
    [
        {"trigger_price": Decimal("90.5")},
        {"side": "buy"},
        {"closes_position": False},
        {"is_price_protected": True},
    ],
)
def test_a_stop_that_the_venue_shows_as_another_one_stands_and_is_not_what_was_wanted(
    other: dict[str, Any], venue: MemoryVenue, protection: Protection
) -> None:
    venue.shown_as = other
    with pytest.raises(ExchangeRefused, match=r"stop s1 stands as .* expected"):
        asyncio.run(protection.place(STOP))
    assert [stop.client_order_id for stop in protection.standing.stops] == ["s1"]


def test_a_stop_over_less_than_was_asked_is_not_what_was_wanted(
    venue: MemoryVenue, protection: Protection
) -> None:
    venue.shown_as = {"quantity": Decimal("1.9")}
    with pytest.raises(ExchangeRefused, match="expected"):
        asyncio.run(protection.place(STOP, Decimal(2)))


def test_a_stop_is_canceled_until_the_venue_says_that_it_ended(
    venue: MemoryVenue, rows: Rows, protection: Protection
) -> None:
    asyncio.run(protection.place(STOP))
    venue.shown_after = 2
    asyncio.run(protection.cancel(stop_at(venue, "s1")))
    assert venue.n_cancels == 3
    assert protection.standing == StandingLevels()
    assert rows.followed[1:] == [("CANCELED", "")]


def test_a_cancel_whose_answer_can_not_be_read_is_proven_by_the_stop_itself(
    venue: MemoryVenue, rows: Rows, protection: Protection
) -> None:
    asyncio.run(protection.place(STOP))
    venue.cancel_error, venue.shown_after = OutcomeUnknown("answered with a document that can't be read"), 1
    asyncio.run(protection.cancel(stop_at(venue, "s1")))
    assert venue.n_cancels == 2
    assert protection.standing == StandingLevels()
    assert rows.followed[1:] == [("CANCELED", "")]


@pytest.mark.parametrize("status", ["TRIGGERED", "CANCELED", "REJECTED", "EXPIRED"])
def test_a_stop_that_waits_no_more_protects_nothing(
    status: OrderStatus, venue: MemoryVenue, protection: Protection
) -> None:
    asyncio.run(protection.place(STOP))
    protection.note(stop_at(venue, "s1"))
    assert protection.standing.stops
    protection.note(stop_at(venue, "s1")._replace(status=status))
    assert protection.standing == StandingLevels()


def test_a_read_of_the_venue_replaces_what_was_known(venue: MemoryVenue, protection: Protection) -> None:
    asyncio.run(protection.place(STOP))
    other = stop_at(venue, "s1")._replace(client_order_id="other", takes_profit=True)
    protection.take_over([other])
    assert protection.standing == StandingLevels((), (other,))
