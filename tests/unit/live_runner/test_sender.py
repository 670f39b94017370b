"""What an order tells the venue of itself: an order that only reduces is free of the smallest notional."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from live_runner.venue.sender import Sender, Signals
from quant_pipelines.core.orders import Side
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.trading import Intent
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.purposes import CLOSE, TARGET
from quant_pipelines.trading.venue import MarketOrder, VenueOrder

NAME = "x"


class Book:
    """A book at a price of 100; the venue takes no less than 50."""

    close = 100.0

    def __init__(self, held: str) -> None:
        self._held = Decimal(held)
        self.orders = {NAME: SimpleNamespace(progress=OrderProgress("SUBMITTED"))}

    def position(self) -> Any:
        return SimpleNamespace(quantity=self._held)


class OneBook:
    """A place with one book."""

    symbol = "BTC"

    def __init__(self, book: Book, *, is_shared: bool = False) -> None:
        self.is_shared = is_shared
        self.brokers = {1: book}
        instrument = SimpleNamespace(min_notional=Decimal(50))
        trader = SimpleNamespace(plan=SimpleNamespace(deployment=SimpleNamespace(instrument=instrument)))
        self._seat = SimpleNamespace(key=1, trader=trader, rows=self)

    def seat_of(self, _name: str) -> Any:
        return self._seat

    async def look(self, act: Callable[[Any], Any]) -> Any:
        return act(self.brokers)

    async def with_broker(self, act: Callable[[Any], Any]) -> Any:
        return act(self.brokers[1])

    async def follow_sent(self, _intent: Any, answer: Any, _stamp_ms: int) -> None:
        """Commit nothing."""
        await answer


class Venue:
    """Takes every order."""

    async def send(self, order: MarketOrder) -> VenueOrder:
        self.sent = order
        filled = (order.client_order_id, "7", "FILLED", order.quantity)
        return SimpleNamespace(status=filled[2], filled_quantity=filled[3], venue_order_id=filled[1])  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("held", "side", "quantity", "purpose", "reduces"),
    [
        ("2", "sell", "0.1", TARGET, True),
        ("-2", "buy", "0.1", TARGET, True),
        ("0.1", "sell", "0.1", TARGET, True),
        ("2", "sell", "1", TARGET, False),
        ("2", "buy", "0.1", TARGET, False),
        ("0.1", "sell", "0.2", TARGET, False),
        ("2", "sell", "2", CLOSE, True),
        ("0", "sell", "2", CLOSE, True),
    ],
)
def test_a_small_order_that_reduces_says_so(
    held: str, side: Side, quantity: str, purpose: Any, *, reduces: bool
) -> None:
    intent = Intent(NAME, side, Decimal(quantity), purpose, from_ms(0))
    assert sent(OneBook(Book(held)), intent).reduce_only is reduces


@pytest.mark.parametrize(("net", "reduces"), [("2", True), ("-2", False), ("0.5", False)])
def test_a_close_says_so_beside_others_only_where_their_net_lets_it(net: str, *, reduces: bool) -> None:
    """One that leaves may hold the other side of the net: the venue would refuse it."""
    intent = Intent(NAME, "sell", Decimal(1), TARGET, from_ms(0), reduce_only=True)
    assert sent(OneBook(Book(net), is_shared=True), intent).reduce_only is reduces
    assert sent(OneBook(Book(net)), intent).reduce_only


async def unasked() -> None:
    """Nothing is read of the venue here."""


def sent(place: Any, intent: Intent) -> MarketOrder:
    venue = Venue()
    signals = Signals(lambda: 100.0, lambda _opens: None, unasked)
    known: Any = {"covers": None, "entries": None, "signals": signals}
    asyncio.run(Sender(place, venue, **known).transmit(intent, 0))
    return venue.sent
