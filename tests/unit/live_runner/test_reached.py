"""The venue is asked what was filled where a trade may have done so, and not otherwise."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from live_runner.venue.entries import Entries
from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.exchange import LiveBar
from quant_pipelines.trading.venue import VenueOrder
from tests.unit.live_runner.test_entries import Looks, Venue
from tests.unit.live_runner.test_event_broker import SYMBOL


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
