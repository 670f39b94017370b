"""Whose trade is it: the venue's fills matched to our orders, by our name or by the venue's number."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from live_runner.venue.broker import Attributed, VenueBroker
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.purposes import KILL_PREFIX, STOP
from quant_pipelines.trading.venue import OrderVenue, VenueTrade

EXTERNAL_REASONS = {
    "autoclose-": "liquidation",
    "adl_autoclose": "adl",
    "settlement_autoclose-": "settlement",
    KILL_PREFIX: "kill",
}
"""Why a position was closed by the venue itself or past the runner, by how such orders are named."""

Answer = TypeVar("Answer")


class WithBroker(Protocol):
    """Lets a function act on the broker."""

    def __call__(self, act: Callable[[VenueBroker], Answer]) -> Awaitable[Answer]:
        """Return what the function returns."""


class OurTrades(NamedTuple):
    """Trades of ours, and a sentence about those that are not; empty when all are."""

    ours: list[Attributed]
    external: str


async def attributed(
    venue: OrderVenue, symbol: str, trades: Iterable[VenueTrade], with_broker: WithBroker
) -> OurTrades:
    """Find the order of ours that each trade filled.

    Returns
    -------
    OurTrades
        What the venue itself closed counts as ours, without an order, and is told as external too; a manual
        trade is external only.
    """
    ours: list[Attributed] = []
    external = ""
    for trade in trades:
        known = await with_broker(partial(_known_order, trade))
        name = (
            known.intent.client_order_id if known else await _name_at_venue(venue, symbol, trade, with_broker)
        )
        reason = external_reason(name or "")
        if name is None or reason:
            what = f"EXTERNAL {reason or 'trade of somebody else'}"
            external = f"{what} {trade.trade_id}: {trade.side} {trade.quantity} at {trade.price}"
        if name is not None:
            ours.append(Attributed(trade, None if reason else name, reason))
    return OurTrades(ours, external)


def external_reason(client_order_id: str) -> str:
    """Why the venue itself sent an order; empty if it is somebody's."""
    return next(
        (reason for prefix, reason in EXTERNAL_REASONS.items() if client_order_id.startswith(prefix)), ""
    )


async def _name_at_venue(
    venue: OrderVenue, symbol: str, trade: VenueTrade, with_broker: WithBroker
) -> str | None:
    """Our name of the order, or the venue's own of a liquidation; None if it is somebody else's."""
    order = await venue.find_order(symbol, venue_order_id=trade.venue_order_id)
    if order is not None:
        if external_reason(order.client_order_id):
            return order.client_order_id
        if await with_broker(lambda broker: order.client_order_id in broker.orders):
            return order.client_order_id
    for name in await with_broker(_waiting_stops):
        stop = await venue.find_stop(symbol, name)
        if stop is not None and stop.child_order_id == trade.venue_order_id:
            return name
    return None


def _known_order(trade: VenueTrade, broker: VenueBroker) -> PlacedOrder | None:
    return broker.order_of(client_order_id=trade.client_order_id, venue_order_id=trade.venue_order_id)


def _waiting_stops(broker: VenueBroker) -> list[str]:
    return [
        name
        for name, order in broker.orders.items()
        if order.intent.purpose == STOP and order.progress.status not in FINAL
    ]
