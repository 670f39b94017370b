"""Whose trade is it: the venue's fills matched to our orders, by our name or by the venue's number."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from live_runner.venue.place import Brokers
from quant_pipelines.core.timeframes import DAY_MS, to_ms
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.orders import FINAL, has_unproven_end
from quant_pipelines.trading.purposes import KILL_PREFIX
from quant_pipelines.trading.venue import OrderVenue, VenueTrade

EXTERNAL_REASONS = {
    "autoclose-": "liquidation",
    "adl_autoclose": "adl",
    "settlement_autoclose-": "settlement",
    KILL_PREFIX: "kill",
}
"""Why a position was closed by the venue itself or past the runner, by how such orders are named."""

_LOOKED_FOR_MS = 7 * DAY_MS


class Attributed(NamedTuple):
    """Fill of the venue with the order of ours that it belongs to.

    None if the venue itself closed the position, for a ``reason`` such as ``liquidation``.
    """

    trade: VenueTrade
    client_order_id: str | None
    reason: str = ""


class OurTrades(NamedTuple):
    """Trades of ours, those of others, and a sentence about what was not ordered here; empty without."""

    ours: list[Attributed]
    others: list[VenueTrade]
    external: str


Answer = TypeVar("Answer")


class BooksAsked(Protocol):
    """Books at one symbol, as far as they are asked whose a trade is."""

    @property
    def symbol(self) -> str:
        """What they trade."""

    async def order_of(self, *, client_order_id: str = "", venue_order_id: str = "") -> PlacedOrder | None:
        """Order of any of them by either name."""

    async def with_brokers(self, act: Callable[[Brokers], Answer]) -> Answer:
        """Act on all of them."""


async def attributed(venue: OrderVenue, trades: Iterable[VenueTrade], place: BooksAsked) -> OurTrades:
    """Find the order of ours that each trade filled.

    Returns
    -------
    OurTrades
        What the venue itself closed counts as ours, without an order, and is told as external too.
    """
    ours, others, external = list[Attributed](), list[VenueTrade](), ""
    for trade in trades:
        known = await place.order_of(
            client_order_id=trade.client_order_id, venue_order_id=trade.venue_order_id
        )
        name = known.intent.client_order_id if known else await _name_at_venue(venue, trade, place)
        reason = external_reason(name or "")
        if reason:
            external = external_sentence(trade, reason)
        if name is None:
            others.append(trade)
        else:
            ours.append(Attributed(trade, None if reason else name, reason))
    return OurTrades(ours, others, external)


def external_sentence(trade: VenueTrade, reason: str = "trade of somebody else") -> str:
    """Clause about a trade that nobody here ordered."""
    return f"EXTERNAL {reason} {trade.trade_id}: {trade.side} {trade.quantity} at {trade.price}"


def past_sentence(symbol: str, trades: Sequence[VenueTrade], since: datetime) -> str:
    """Sentence about trades that nobody here ordered, from before the venue was looked at."""
    first, last = (
        f"{one.trade_id} ({one.side} {one.quantity} at {one.price})" for one in (trades[0], trades[-1])
    )
    return (
        f"{symbol}: {len(trades)} trades since {since:%Y-%m-%d %H:%M} UTC were ordered by nobody here, "
        f"before the venue was looked at for the first time: {first} to {last}; the books begin after them"
    )


def external_reason(client_order_id: str) -> str:
    """Why the venue itself sent an order; empty if it is somebody's."""
    return next(
        (reason for prefix, reason in EXTERNAL_REASONS.items() if client_order_id.startswith(prefix)), ""
    )


async def _name_at_venue(venue: OrderVenue, trade: VenueTrade, place: BooksAsked) -> str | None:
    """Our name of the order, or the venue's own of a liquidation; None if it is somebody else's."""
    order = await venue.find_order(place.symbol, venue_order_id=trade.venue_order_id)
    if order is not None:
        if external_reason(order.client_order_id):
            return order.client_order_id
        if await place.order_of(client_order_id=order.client_order_id) is not None:
            return order.client_order_id
    for name in await place.with_brokers(partial(waiting_stops, trade.ts_ms)):
        stop = await venue.find_stop(place.symbol, name)
        if stop is not None and stop.child_order_id == trade.venue_order_id:
            return name
    return None


def waiting_stops(at_ms: int, brokers: Brokers) -> list[str]:
    """Names of the stops that may have sent an order by then, milliseconds UTC.

    Those that were thought to have never come are among them for a week: whoever talked to the venue since
    would have found one listed.
    """
    return [
        name
        for broker in brokers.values()
        for name, order in broker.orders.items()
        if order.intent.is_conditional
        and (
            order.progress.status not in FINAL
            or (
                has_unproven_end(order.progress.status, order.venue_order_id)
                and at_ms < to_ms(order.stamp) + _LOOKED_FOR_MS
            )
        )
    ]
