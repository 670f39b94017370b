"""Orders of a book at a venue: which of them may still change its position, and by how much."""

from collections.abc import Iterable
from decimal import Decimal

from live_runner.venue.tally import BookTally
from quant_pipelines.risk.account_view import OpenExposure
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.purposes import ENTRIES, EXITS, STOP
from quant_pipelines.trading.wished import RESTS

_ZERO = Decimal(0)


class VenueOrders:
    """Orders of one deployment.

    Parameters
    ----------
    orders
        Every order of it, oldest first.
    tally
        What of them is booked.
    """

    def __init__(self, orders: Iterable[PlacedOrder], tally: BookTally) -> None:
        self.orders = {order.intent.client_order_id: order for order in orders}
        self.tally = tally
        self._open = dict.fromkeys(self.orders)  # what may matter yet: a stop that moves leaves many behind

    def open_orders(self) -> tuple[OpenExposure, ...]:
        """Orders that may still add to the position, those with an unknown outcome included."""
        orders = (order for order in self._live() if order.intent.purpose not in EXITS)
        open_ones = (self._open_exposure(order) for order in orders if not order.intent.reduce_only)
        return tuple(one for one in open_ones if one.quantity)

    def is_open(self, name: str) -> bool:
        """Whether an order that may add to the position may be filled yet."""
        return any(one.client_order_id == name for one in self.open_orders())

    def unsettled(self) -> list[PlacedOrder]:
        """Orders that may still change the position, without the stops that wait."""
        return [order for order in self._live() if not self._is_settled(order)]

    def in_flight(self) -> list[PlacedOrder]:
        """Orders that may change it any moment: not those that only rest, with all of their fills booked."""
        return [order for order in self.unsettled() if not self._rests(order)]

    def order_of(self, *, client_order_id: str = "", venue_order_id: str = "") -> PlacedOrder | None:
        """Order of ours by either name."""
        if client_order_id in self.orders:
            return self.orders[client_order_id]
        if not venue_order_id:
            return None
        return next((one for one in self.orders.values() if one.venue_order_id == venue_order_id), None)

    def unbooked(self, name: str) -> Decimal:
        """Quantity that the venue says was filled, and is not booked yet."""
        filled = self.orders[name].progress.filled_quantity
        return max(filled - self.tally.filled(name), _ZERO)

    def is_booked(self, name: str) -> bool:
        """Whether any fill of an order is booked."""
        return bool(self.tally.filled(name))

    def _live(self) -> list[PlacedOrder]:
        """Orders that have not ended, or whose fills are not all booked."""
        for name in tuple(self._open):
            order = self.orders[name]
            if order.progress.status in FINAL and self._is_settled(order):
                self._open.pop(name, None)
        return [self.orders[name] for name in tuple(self._open)]

    def _exposure(self, order: PlacedOrder) -> Decimal:
        """Signed quantity that may still be filled, or was and is not booked yet."""
        if order.intent.purpose == STOP:
            return _ZERO
        name = order.intent.client_order_id
        is_final = order.progress.status in FINAL
        expected = order.progress.filled_quantity if is_final else order.intent.quantity
        missing = max(expected - self.tally.filled(name), _ZERO)
        return missing if order.intent.side == "buy" else -missing

    def _open_exposure(self, order: PlacedOrder) -> OpenExposure:
        return OpenExposure(float(self._exposure(order)), client_order_id=order.intent.client_order_id)

    def _rests(self, order: PlacedOrder) -> bool:
        is_limit = order.intent.order_type == "limit" and order.intent.purpose in ENTRIES
        is_quiet = order.progress.status in RESTS and not self.unbooked(order.intent.client_order_id)
        return is_limit and is_quiet

    def _is_settled(self, order: PlacedOrder) -> bool:
        if order.intent.purpose == STOP:
            waits = order.progress.status in (*FINAL, "ACCEPTED", "SUBMITTED", "UNKNOWN")
            return waits and not self.unbooked(order.intent.client_order_id)
        return order.progress.status in FINAL and not self._exposure(order)
