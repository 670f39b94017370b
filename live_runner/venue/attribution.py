"""Whose trade is it: the venue's fills matched to our orders, by our name or by the venue's number."""

from collections.abc import Iterable
from typing import NamedTuple

from live_runner.venue.place import Brokers, VenuePlace
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


class Attributed(NamedTuple):
    """Fill of the venue with the order of ours that it belongs to.

    None if the venue itself closed the position, for a ``reason`` such as ``liquidation``.
    """

    trade: VenueTrade
    client_order_id: str | None
    reason: str = ""


class OurTrades(NamedTuple):
    """Trades of ours, and a sentence about those that are not; empty when all are."""

    ours: list[Attributed]
    external: str


async def attributed(venue: OrderVenue, trades: Iterable[VenueTrade], place: VenuePlace) -> OurTrades:
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
        known = await place.order_of(
            client_order_id=trade.client_order_id, venue_order_id=trade.venue_order_id
        )
        name = known.intent.client_order_id if known else await _name_at_venue(venue, trade, place)
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


async def _name_at_venue(venue: OrderVenue, trade: VenueTrade, place: VenuePlace) -> str | None:
    """Our name of the order, or the venue's own of a liquidation; None if it is somebody else's."""
    order = await venue.find_order(place.symbol, venue_order_id=trade.venue_order_id)
    if order is not None:
        if external_reason(order.client_order_id):
            return order.client_order_id
        if await place.order_of(client_order_id=order.client_order_id) is not None:
            return order.client_order_id
    for name in await place.with_brokers(_waiting_stops):
        stop = await venue.find_stop(place.symbol, name)
        if stop is not None and stop.child_order_id == trade.venue_order_id:
            return name
    return None


def _waiting_stops(brokers: Brokers) -> list[str]:
    return [
        name
        for broker in brokers.values()
        for name, order in broker.orders.items()
        if order.intent.purpose == STOP and order.progress.status not in FINAL
    ]
