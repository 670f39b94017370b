"""Orders that are open with us and not listed at the venue: asked for by name until their end is certain."""

from collections.abc import Awaitable, Callable
from decimal import Decimal

from live_runner.venue.order_rows import OrderRows
from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.venue import RECEIVE_WINDOW_MS, OrderVenue, VenueOrder

_MARGIN_MS = 1_500
_LOOK_UPS = 3


class LookUps:
    """Looks for orders of one symbol.

    Parameters
    ----------
    venue
        Where they should be.
    symbol
        Which symbol.
    """

    def __init__(self, venue: OrderVenue, symbol: str) -> None:
        self._venue = venue
        self._symbol = symbol
        self._missing: dict[str, int] = {}

    async def look_up(self, name: str, rows: OrderRows, sweep_trades: Callable[[], Awaitable[None]]) -> None:
        """Ask for one order by our name; one that is not found in time, and has no fills, never arrived.

        Raises
        ------
        ReconciliationError
            If the venue has forgotten an order that it had accepted.
        """
        order = await rows.with_broker(lambda broker: broker.orders[name])
        if await self.is_found(order, rows):
            self._missing.pop(name, None)
            return
        now_ms = await self._venue.now_ms()
        if now_ms < to_ms(order.stamp) + RECEIVE_WINDOW_MS + _MARGIN_MS:
            return
        self._missing[name] = self._missing.get(name, 0) + 1
        if self._missing[name] < _LOOK_UPS:
            return
        if order.progress.status not in ("SUBMITTED", "UNKNOWN"):
            raise ReconciliationError(
                f"order {name} is {order.progress.status}; expected the venue to know it"
            )
        await sweep_trades()
        if not await rows.with_broker(lambda broker: broker.is_booked(name)):
            reason = f"not found in {_LOOK_UPS} look-ups: it never arrived"
            await rows.follow(order, "REJECTED", reason=reason)

    async def is_found(self, order: PlacedOrder, rows: OrderRows) -> bool:
        """Whether the venue knows an order by our name; what it says of it is committed."""
        name = order.intent.client_order_id
        if not order.intent.is_conditional:
            found = await self._venue.find_order(self._symbol, client_order_id=name)
        else:
            stop = await self._venue.find_stop(self._symbol, name)
            if stop is None:
                return False
            await rows.follow_stop(stop)
            child = stop.child_order_id
            found = await self._venue.find_order(self._symbol, venue_order_id=child) if child else None
            if found is None:
                return True
        if found is None:
            return False
        await rows.follow(
            order, found.status, filled=found.filled_quantity, venue_order_id=found.venue_order_id
        )
        return True


async def found_as_sent(venue: OrderVenue, symbol: str, name: str) -> VenueOrder | None:
    """Conditional order by our name, as the order that it has sent once it has; None if there is none."""
    stop = await venue.find_stop(symbol, name)
    if stop is None:
        return None
    child = stop.child_order_id
    sent = await venue.find_order(symbol, venue_order_id=child) if child else None
    shown = sent or VenueOrder(name, child or stop.venue_order_id, stop.status, Decimal(0))
    return shown._replace(client_order_id=name)
