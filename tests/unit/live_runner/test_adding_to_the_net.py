"""Beside others, what an order reduces is the net of all books: one that closes its book may add to it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from live_runner.venue.sender import Sender, Signals
from quant_pipelines.core.orders import Side
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.risk.account_view import OpenExposure
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.orders import OrderProgress, OrderStatus
from quant_pipelines.trading.purposes import TARGET
from quant_pipelines.trading.venue import MarketOrder


def placed(intent: Intent, status: OrderStatus) -> PlacedOrder:
    return PlacedOrder(intent, 1, None, OrderProgress(status), from_ms(0))


class Book:
    """What one deployment holds and has decided, its seat, rows and trader; its account only reduces."""

    close = 100.0
    is_halted = is_leaving = False
    state = "REDUCING"

    def __init__(self, key: int, held: str, change: str) -> None:
        self.key, self.held, self.orders = key, Decimal(held), dict[str, PlacedOrder]()
        self.trader = self.rows = self
        instrument = SimpleNamespace(min_notional=Decimal(5), lot_size=Decimal("0.001"))
        self.plan = SimpleNamespace(deployment=SimpleNamespace(instrument=instrument))
        quantity = Decimal(change)
        if quantity:
            side: Side = "buy" if quantity > 0 else "sell"
            intent = Intent(f"q1-{key}-0-t", side, abs(quantity), TARGET, from_ms(0))
            self.orders[intent.client_order_id] = placed(intent, "INITIALIZED")

    def position(self) -> Any:
        return SimpleNamespace(quantity=self.held)

    def held_for(self, _name: str) -> Decimal:
        return self.held

    def whole_of(self, _name: str) -> None:
        """What enters here enters at once."""

    def open_orders(self) -> tuple[OpenExposure, ...]:
        live = (one.intent for one in self.orders.values() if one.progress.status != "DENIED")
        signed = ((one, one.quantity if one.side == "buy" else -one.quantity) for one in live)
        return tuple(
            OpenExposure(float(change), client_order_id=one.client_order_id) for one, change in signed
        )

    def refusal_to_send(self, intent: Intent) -> str:
        reduces = self.held * (1 if intent.side == "buy" else -1) < 0 and intent.quantity <= abs(self.held)
        return "" if reduces else "trading_state"

    def refusal_to_add(self, _intent: Intent) -> str:
        return "trading_state"

    async def with_broker(self, act: Callable[[Any], Any]) -> Any:
        return act(self)

    async def follow(self, order: PlacedOrder, status: Any, *, reason: str = "") -> None:
        name = order.intent.client_order_id
        self.orders[name] = replace(order, progress=OrderProgress(status))

    async def follow_sent(self, _intent: Any, answer: Any, _stamp_ms: int) -> None:
        await answer


class Books:
    """A place with some books, and a venue that takes every order."""

    symbol = "BTC"

    def __init__(self, *books: Book) -> None:
        self.seats = {book.key: book for book in books}
        self.is_shared = len(books) > 1
        self.sent: list[tuple[str, Decimal]] = []
        self.closed: list[int] = []

    def seat_of(self, name: str) -> Book:
        return self.seats[int(name.split("-")[1])]

    async def look(self, act: Callable[[Any], Any]) -> Any:
        return act(self.seats)

    async def with_books(self, _act: Callable[[Any], Any]) -> bool:
        """Nothing that crosses is due."""
        return False

    async def is_too_small(self, _seat: Book, _change: Decimal) -> bool:
        return False

    async def now_ms(self) -> int:
        return 0

    async def send(self, order: MarketOrder) -> None:
        self.sent.append((order.client_order_id, order.quantity))

    def of(self, seat: Book) -> Any:
        async def leave_first() -> bool:
            return True

        async def close(_position: Any) -> None:
            self.closed.append(seat.key)

        return SimpleNamespace(leave_first=leave_first, close=close)


async def unasked() -> None:
    """Nothing is read of the venue here."""


def after(*books: Book) -> Books:
    place: Any = Books(*books)
    signals = Signals(lambda: 100.0, lambda _opens: None, unasked)
    sender = Sender(place, place, covers=place, entries=place, signals=signals)
    cycle = [order.intent for book in books for order in book.orders.values()]
    asyncio.run(sender.send(cycle))
    known: Books = place
    return known


@pytest.mark.parametrize(
    ("others", "is_sent"), [("0", True), ("2", True), ("-1", True), ("-2", False), ("-3", False)]
)
def test_a_close_leaves_only_where_it_leads_the_net_no_further_from_flat(
    others: str, *, is_sent: bool
) -> None:
    """A book sells the 2 that it holds: beside 1 short that turns the net over, no further from flat."""
    leaving = Book(1, "2", "-2")
    place = after(leaving, Book(2, others, "0"))
    assert place.sent == ([("q1-1-0-t", Decimal(2))] if is_sent else [])
    assert leaving.orders["q1-1-0-t"].progress.status == ("SUBMITTED" if is_sent else "DENIED")


def test_what_is_sent_of_a_cycle_counts_for_the_rest_of_it() -> None:
    place = after(Book(1, "2", "-2"), Book(2, "2", "-2"), Book(3, "-2", "0"))
    assert place.sent == [("q1-1-0-t", Decimal(2))]


def test_closes_of_both_sides_cross_and_only_what_is_left_is_looked_at() -> None:
    assert after(Book(1, "5", "-5"), Book(2, "-6", "6")).sent == [("q1-2-0-t", Decimal(1))]


def test_what_another_book_has_open_counts_as_filled() -> None:
    other = Book(2, "0", "0")
    selling = Intent("q1-2-9-t", "sell", Decimal(2), TARGET, from_ms(9))
    place: Any = Books(Book(1, "2", "-2"), other)
    other.orders["q1-2-9-t"] = placed(selling, "UNKNOWN")
    signals = Signals(lambda: 100.0, lambda _opens: None, unasked)
    sender = Sender(place, place, covers=place, entries=place, signals=signals)
    asyncio.run(sender.send([one.intent for one in place.seats[1].orders.values()]))
    assert place.sent == []


@pytest.mark.parametrize(("others", "closed"), [("0", [1]), ("-1", [1]), ("-2", [])])
def test_a_reversal_that_is_denied_closes_its_side_only_where_the_net_lets_it(
    others: str, closed: list[int]
) -> None:
    place = after(Book(1, "2", "-3"), Book(2, others, "0"))
    assert (place.sent, place.closed) == ([], closed)


def test_a_book_that_is_alone_closes_whatever_it_holds() -> None:
    assert after(Book(1, "2", "-2")).sent == [("q1-1-0-t", Decimal(2))]
