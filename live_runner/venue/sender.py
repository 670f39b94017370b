"""Sends what the books of a place have committed: each order once, what is opposite in one cycle crosses."""

import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from live_runner.book.trader import Trader
from live_runner.venue.broker import VenueBroker
from live_runner.venue.covers import Covers
from live_runner.venue.crossing import Crossing, book_crossing, fill_price, is_due, still_wanted
from live_runner.venue.entries import Entries
from live_runner.venue.place import Seat, VenuePlace, net_and_smallness, net_beside, positions_of
from live_runner.venue.receiving import Booked
from quant_pipelines.core.orders import closing_side
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.telemetry.record import observe
from quant_pipelines.trading.breaker import TradingState
from quant_pipelines.trading.cover import ExitPosition
from quant_pipelines.trading.netting import UnsentOrder, leads_from_flat, netted, reduces_net
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.purposes import CLOSE, EXITS
from quant_pipelines.trading.venue import MarketOrder, OrderVenue

LATEST_SEND_MS = 10_000
"""How long after its decision an order may be sent."""
_NO_PRICE = "no price is known at which it could cross"
_STOPPED_MEANWHILE = "a book that it would cross with was closed or stopped meanwhile"
_CHANGED_MEANWHILE = "what its book holds was changed since it was decided"
_TOO_SMALL = "too small for the venue, and it does not bring the net nearer to flat"

_log = logging.getLogger(__name__)


class Signals(NamedTuple):
    """Between whoever sends and the link.

    Parameters
    ----------
    price
        Mark or last price now, quote per base; NaN without one.
    sending
        Told which deployment is about to send what may open; None where it closes.
    sweep
        Books the venue's trades up to now.
    """

    price: Callable[[], float]
    sending: Callable[[int | None], None]
    sweep: Callable[[], Awaitable[None]]


class Sender:
    """Sends orders of one place.

    Parameters
    ----------
    place, venue
        Whose orders, and where to.
    covers
        Closes what a stop closes of a book at this bar first.
    entries
        Takes submitted orders that enter with a limit or in parts.
    signals
        What is asked of the link, and told to it.
    """

    def __init__(
        self,
        place: VenuePlace,
        venue: OrderVenue,
        *,
        covers: Covers,
        entries: Entries,
        signals: Signals,
    ) -> None:
        self._place = place
        self._venue = venue
        self._covers = covers
        self._entries = entries
        self._signals = signals
        self._crossings: list[Crossing] = []

    async def send(self, cycle: list[Intent]) -> None:
        """Send the committed orders of one cycle, each once, or write down why not."""
        now_ms, cycle = {}, list({intent.client_order_id: intent for intent in cycle}.values())
        for intent in cycle:
            if (stamp_ms := await self._stamped(intent)) is not None:
                now_ms[intent.client_order_id] = stamp_ms
        ready = [intent for intent in cycle if intent.client_order_id in now_ms]
        if not ready:
            return
        plan = netted(UnsentOrder(one.client_order_id, one.side, one.quantity) for one in ready)
        sent, held = [], await self._place.look(positions_of)
        whole = sum((_signed(one, one.quantity) for one in ready), Decimal(0))
        net = await self._place.look(partial(net_beside, now_ms, whole))
        for intent in ready:
            name, rest = intent.client_order_id, plan.rests[intent.client_order_id]
            refusal = await self._refusal_of(intent, rest, net) if rest else ""
            if refusal and rest == intent.quantity:
                await self._deny({name}, refusal)
            elif rest and not refusal:
                await self._send_rest(intent, rest, now_ms[name])
                sent.append(name)
                net += _signed(intent, rest)
        if plan.crosses:
            self._crossings.append(Crossing(plan.crosses, tuple(sent), held))
            await self.settle()

    async def settle(self) -> list[Booked]:
        """Book what crosses, once all that was sent of its cycle is filled; returns the fills."""
        booked: list[Booked] = []
        for crossing in list(self._crossings):
            if not await self._place.with_books(partial(is_due, crossing=crossing)):
                continue
            states = {key: _state_of(seat.trader) for key, seat in self._place.seats.items()}
            wanted = await self._place.with_books(partial(still_wanted, crossing=crossing, states=states))
            await self._deny(crossing.unsent - wanted.unsent, _STOPPED_MEANWHILE)
            price = await self._place.with_books(partial(fill_price, crossing=wanted)) or self._known_price()
            if price is None:
                await self._deny(wanted.unsent, _NO_PRICE)
            elif wanted.crosses:
                at = from_ms(await self._venue.now_ms())
                act = partial(book_crossing, crossing=wanted, price=price, at=at)
                booked += await self._place.with_books(act)
            self._crossings.remove(crossing)
        return booked

    async def transmit(self, intent: Intent, stamp_ms: int, quantity: Decimal | None = None) -> OrderProgress:
        """Send an order whose submission is committed, once, whole unless a quantity is given.

        Returns how far it is by its answer.
        """
        name, is_exit = intent.client_order_id, intent.purpose in EXITS
        seat = self._seat_of(intent)
        quantity = intent.quantity if quantity is None else quantity
        change = _signed(intent, quantity)
        net, is_small = await self._place.look(partial(net_and_smallness, seat, quantity))
        only_reduces = is_exit or intent.reduce_only
        reduces = (only_reduces or is_small) and reduces_net(net, change)
        reduces |= only_reduces and not self._place.is_shared
        symbol, limit = self._place.symbol, intent.price
        order = MarketOrder(name, symbol, intent.side, quantity, stamp_ms, reduces, limit)
        self._signals.sending(None if is_exit else seat.key)
        await seat.rows.follow_sent(intent, self._venue.send(order), stamp_ms)
        return await seat.rows.with_broker(lambda broker: broker.orders[name].progress)

    async def _stamped(self, intent: Intent) -> int | None:
        """Moment at which an order may be sent, the venue's milliseconds; None if it may not."""
        seat = self._place.seat_of(intent.client_order_id)
        if seat is None:
            return None
        order = await seat.rows.with_broker(lambda broker: broker.orders[intent.client_order_id])
        if order.progress.status != "INITIALIZED":
            return None  # settled while it waited here: the link broke and began again
        has_left = await self._covers.of(seat).leave_first()
        refusal = "" if await self._is_as_decided(seat, intent) else _CHANGED_MEANWHILE
        refusal = refusal if has_left else "the exit of a stop comes first"
        now_ms = await self._venue.now_ms()  # last: the venue refuses what comes 2 s later
        if now_ms - to_ms(order.stamp) > LATEST_SEND_MS:
            refusal = f"woke {(now_ms - to_ms(order.stamp)) / 1000:.1f} s after its decision"
        denial = seat.trader.refusal_to_send(intent)
        if denial or refusal:
            await seat.rows.follow(order, "DENIED", reason=denial or refusal)
            if denial and not refusal and not seat.trader.is_halted:
                await self._close_side_left(seat, intent)
            return None
        observe("quant_tick_to_order_seconds", (now_ms - to_ms(order.stamp)) / 1000)
        return now_ms

    async def _is_as_decided(self, seat: Seat, intent: Intent) -> bool:
        """Whether a book holds what an order was decided on.

        The venue may have closed it beside us, and nobody have heard of that: an order against what is held
        would open that much on the other side. It goes out after its trades were read once more.
        """
        decided_on = await seat.rows.with_broker(lambda broker: broker.held_for(intent.client_order_id))
        if decided_on and closing_side(decided_on) == intent.side:
            await self._signals.sweep()
        return decided_on == (await seat.rows.with_broker(lambda broker: broker.position())).quantity

    async def _close_side_left(self, seat: Seat, denied: Intent) -> None:
        """Close what a denied order would have closed on its way to the other side: that reduces."""
        held = (await seat.rows.with_broker(lambda broker: broker.position())).quantity
        if not held or closing_side(held) != denied.side or denied.quantity <= abs(held):
            return
        net = await self._place.look(partial(net_beside, {denied.client_order_id}, -held))
        if not self._refusal_to_add(denied, abs(held), net):
            await self._covers.of(seat).close(ExitPosition(CLOSE, held, None, "reversal denied"))

    async def _refusal_of(self, intent: Intent, rest: Decimal, net: Decimal) -> str:
        """Why what is left of an order is not sent, in one sentence; empty if it is."""
        if await self._place.is_too_small(self._seat_of(intent), _signed(intent, rest)):
            return _TOO_SMALL
        return self._refusal_to_add(intent, rest, net)

    def _refusal_to_add(self, intent: Intent, quantity: Decimal, net: Decimal) -> str:
        """Why so much of an order may not be sent beside others, where that leads their net from flat."""
        if not self._place.is_shared or not leads_from_flat(net, _signed(intent, quantity)):
            return ""
        return self._seat_of(intent).trader.refusal_to_add(replace(intent, quantity=quantity))

    async def _send_rest(self, intent: Intent, rest: Decimal, stamp_ms: int) -> None:
        """Send what is left of an order."""
        seat = self._seat_of(intent)
        known, whole = await seat.rows.with_broker(partial(_order_and_whole, intent.client_order_id))
        await seat.rows.follow(known, "SUBMITTED")  # proves the epoch once more, right before the request
        is_entry = intent.order_type == "limit" or (whole is not None and whole > intent.quantity)
        if is_entry and rest == intent.quantity:
            self._entries.take_up(seat, intent, stamp_ms, whole or intent.quantity)
        else:
            await self.transmit(intent, stamp_ms, rest)

    async def _deny(self, names: set[str], reason: str) -> None:
        for name in sorted(names):
            seat = self._place.seat_of(name)
            if seat is not None:
                known = await seat.rows.with_broker(partial(_order, name))
                await seat.rows.follow(known, "DENIED", reason=reason)

    def _known_price(self) -> Decimal | None:
        price = self._signals.price()
        return Decimal(repr(price)) if math.isfinite(price) else None

    def _seat_of(self, intent: Intent) -> Seat:
        seat = self._place.seat_of(intent.client_order_id)
        assert seat is not None  # noqa: S101 - whoever asks has found it
        return seat


def _state_of(trader: Trader) -> TradingState:
    """Return what a book may do: one that has left its stage only reduces, too."""
    return "REDUCING" if trader.is_leaving and trader.state == "ACTIVE" else trader.state


def _order(name: str, broker: VenueBroker) -> PlacedOrder:
    return broker.orders[name]


def _order_and_whole(name: str, broker: VenueBroker) -> tuple[PlacedOrder, Decimal | None]:
    return broker.orders[name], broker.whole_of(name)


def _signed(intent: Intent, quantity: Decimal) -> Decimal:
    return quantity if intent.side == "buy" else -quantity
