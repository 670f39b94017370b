"""The venue is asked what was filled where a trade may have done so, and not otherwise."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest

from live_runner.venue.entries import Entries
from live_runner.venue.reached import Reached
from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.orders import Side
from quant_pipelines.exchange import LiveBar
from quant_pipelines.store.trading import Intent
from quant_pipelines.trading.venue import VenueOrder
from tests.unit.live_runner.test_entries import Looks, Venue
from tests.unit.live_runner.test_races import AT, SYMBOL


def bar(minute: int, low: float, high: float) -> LiveBar:
    return LiveBar(SYMBOL, minute * 60_000, 100.0, high, low, 100.0, 1.0, 0)


class Asked(Venue):
    """Counts how often it is asked for what is open, and may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.n_asked, self.is_away = 0, False

    async def open_orders(self, symbol: str) -> list[VenueOrder]:
        self.n_asked += 1
        if self.is_away:
            raise ExchangeUnavailable("maintenance")
        return []


class Resting(Looks):
    """Buys that rest at 98 and 97, a sale at 102, and what the stream says of the running minute."""

    def __init__(self) -> None:
        super().__init__()
        self.venue: Asked = Asked()
        self.said: LiveBar | None = bar(1, 99.0, 101.0)
        place = self.entries._place
        self.entries = Entries(place, self.venue, EntrySettings(), lambda _symbol: self.said)
        self.woken = 0
        self.desk.wire.wake = self._wake  # type: ignore[method-assign] - a callback of the link
        for number in (1, 2, 3):
            self.desk.becomes(number, "ACCEPTED")

    def _wake(self) -> None:
        self.woken += 1

    async def seconds(self, seconds: float) -> int:
        """Look whenever woken for so long; returns how often the venue was asked."""
        before, loop = self.venue.n_asked, asyncio.get_running_loop()
        until = loop.time() + seconds
        await self.look()
        while loop.time() < until:
            await asyncio.sleep(0.05)
            if self.woken:
                self.woken = 0
                await self.look()
        return self.venue.n_asked - before


def played(scenario: Callable[[Resting], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario(Resting()))


def test_venue_is_asked_once_a_minute_while_no_trade_is_at_a_price_that_rests() -> None:
    async def scenario(resting: Resting) -> None:
        assert await resting.seconds(2.5) == 1
        resting.said = bar(2, 99.0, 101.0)
        assert await resting.seconds(2.5) == 1

    played(scenario)


@pytest.mark.parametrize("said", [bar(1, 98.0, 101.0), bar(1, 99.0, 102.5), None])
def test_venue_is_asked_at_once_when_a_trade_may_have_filled_something(said: LiveBar | None) -> None:
    async def scenario(resting: Resting) -> None:
        assert await resting.seconds(1.5) == 1
        resting.said = said
        assert await resting.seconds(0.5) == 1
        assert await resting.seconds(1.3) >= 1

    played(scenario)


def test_venue_that_did_not_answer_is_asked_again() -> None:
    async def scenario(resting: Resting) -> None:
        resting.venue.is_away = True
        assert await resting.seconds(0.3) == 1
        resting.venue.is_away = False
        assert await resting.seconds(1.3) == 1
        assert await resting.seconds(1.3) == 0

    played(scenario)


@pytest.mark.parametrize(
    ("side", "trigger", "low", "high", "expected"),
    [
        ("buy", "103", 99.0, 101.0, False),
        ("buy", "103", 99.0, 103.0, True),
        ("buy", "103", 104.0, 105.0, True),
        ("sell", "97", 99.0, 101.0, False),
        ("sell", "97", 97.0, 101.0, True),
        ("sell", "97", 95.0, 96.0, True),
    ],
)
def test_a_stop_that_waits_is_reached_from_the_other_side_than_a_limit(
    side: Side, trigger: str, low: float, high: float, expected: bool
) -> None:
    stop = Intent("a", side, Decimal(1), "order:1", AT, "stop_market", price=Decimal(trigger))
    assert stop.is_conditional
    reached = Reached(SYMBOL, lambda _symbol: bar(1, low, high))
    reached.looked(60_000)
    assert reached.may_be_filled([stop]) is expected
