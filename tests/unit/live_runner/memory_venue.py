"""A venue in memory that keeps stops, and shows them late where a test asks for that."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

from quant_pipelines.core.errors import ExchangeRefused
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.trading.execution import Bracket
from quant_pipelines.trading.funds import Balance
from quant_pipelines.trading.venue import (
    AccountPosition,
    MarketOrder,
    OrderVenue,
    Payment,
    StopOrder,
    VenueEvent,
    VenueOrder,
    VenueStop,
    VenueTrade,
)


class MemoryVenue(OrderVenue):
    """Keeps stops of one symbol; it trades nothing.

    Attributes
    ----------
    refusal
        What placing a stop raises; the stop stands nevertheless if ``loses_answer``.
    shown_after
        How many looks at a stop find none, or how many cancels of one do nothing.
    shown_as
        What of a stop is another than was asked for.
    cancel_error
        What canceling a stop raises, once it is done.
    """

    def __init__(self) -> None:
        self.stops: dict[str, VenueStop] = {}
        self.refusal: Exception | None = None
        self.loses_answer = False
        self.first_status: OrderStatus = "ACCEPTED"
        self.shown_after = 0
        self.shown_as: dict[str, Any] = {}
        self.n_cancels = 0
        self.cancel_error: Exception | None = None

    async def prepare(self, symbol: str, leverage: int) -> str:
        return ""

    async def send(self, order: MarketOrder) -> VenueOrder:
        raise ExchangeRefused(f"{order.client_order_id}: nothing is traded here")

    async def place_stop(self, stop: StopOrder) -> None:
        if self.refusal is None or self.loses_answer:
            closes, quantity = stop.quantity is None, stop.quantity or Decimal(0)
            known = (stop.side, stop.trigger_price, closes, self.first_status)
            name = stop.client_order_id
            made = VenueStop(name, "7", *known, "", quantity, takes_profit=stop.takes_profit)
            self.stops[name] = made._replace(**self.shown_as)
        if self.refusal is not None:
            raise self.refusal

    async def cancel_stop(self, symbol: str, client_order_id: str) -> None:
        self.n_cancels += 1
        if self.n_cancels > self.shown_after:
            self.stops[client_order_id] = self.stops[client_order_id]._replace(status="CANCELED")
        if self.cancel_error is not None:
            raise self.cancel_error

    async def find_order(
        self, symbol: str, *, client_order_id: str = "", venue_order_id: str = ""
    ) -> VenueOrder | None:
        return None

    async def find_stop(self, symbol: str, client_order_id: str) -> VenueStop | None:
        if not self.n_cancels and self.shown_after:
            self.shown_after -= 1
            return None
        return self.stops.get(client_order_id)

    async def open_orders(self, symbol: str) -> list[VenueOrder]:
        return []

    async def open_stops(self, symbol: str) -> list[VenueStop]:
        return [stop for stop in self.stops.values() if stop.status == "ACCEPTED"]

    async def position(self, symbol: str) -> AccountPosition:
        return AccountPosition(symbol, Decimal(0))

    async def brackets(self, symbol: str) -> tuple[Bracket, ...]:
        return (Bracket(0.0, 0.004),)

    async def balance(self) -> Balance:
        return Balance(Decimal(1_000_000), Decimal(0), Decimal(0), Decimal(1_000_000))

    async def trades(self, symbol: str, from_id: str | None) -> list[VenueTrade]:
        return []

    async def payments(self, symbol: str, since_ms: int) -> list[Payment]:
        return []

    async def now_ms(self) -> int:
        return 0

    async def events(self, symbol: str) -> AsyncIterator[VenueEvent]:
        await asyncio.Event().wait()
        yield None
