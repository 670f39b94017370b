"""What the rows of a book say of an entry that rests or comes out in parts: pure functions of its broker."""

from decimal import Decimal
from typing import NamedTuple

from live_runner.venue.broker import VenueBroker
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.purposes import ENTRIES, EXITS, REMAINDER, STOP, TARGET

_FIRED = ("TRIGGERED", "PARTIALLY_FILLED", "FILLED")


class LeftBehind(NamedTuple):
    """Entry that works at the venue and is looked after by nobody.

    Parameters
    ----------
    root
        Intent of its decision.
    sent
        What its ended orders have filled, and all of the others; base, unsigned.
    held
        What its book held without it, base, signed.
    """

    root: Intent
    sent: Decimal
    held: Decimal


def left_behind(broker: VenueBroker) -> LeftBehind | None:
    """Return the entry whose limit order still works; None without one, or while it waits to be sent."""
    live = (order for order in broker.unsettled() if order.progress.status != "INITIALIZED")
    if not any(one.intent.purpose in ENTRIES and one.intent.order_type == "limit" for one in live):
        return None
    decided = [order.intent for order in broker.orders.values() if order.intent.purpose == TARGET]
    if not decided:
        return None
    root, children = decided[-1], children_of(broker, decided[-1].client_order_id)
    booked = sum((broker.tally.traded(one.intent.client_order_id).quantity for one in children), Decimal(0))
    held = broker.position().quantity - (booked if root.side == "buy" else -booked)
    return LeftBehind(root, sum(map(_sent, children), Decimal(0)), held)


def children_of(broker: VenueBroker, root: str) -> list[PlacedOrder]:
    """Order of a decision, and those that took over what it left, oldest first."""
    orders = list(broker.orders.values())
    begun = list(broker.orders).index(root)
    later = (order for order in orders[begun + 1 :] if order.intent.purpose == REMAINDER)
    return [orders[begun], *later]


def is_over(broker: VenueBroker, since_ms: int) -> bool:
    """Whether a stop has fired, the position was closed, or was decided on, since a decision (ms UTC)."""
    since = from_ms(since_ms)
    if broker.decided_ms > since_ms:
        return True
    later = (order for order in broker.orders.values() if order.stamp >= since)
    return any(
        order.intent.purpose in EXITS or (order.intent.purpose == STOP and order.progress.status in _FIRED)
        for order in later
    )


def _sent(order: PlacedOrder) -> Decimal:
    return order.progress.filled_quantity if order.progress.status in FINAL else order.intent.quantity
