"""Reads what a venue has done for the books of a place, books it, and compares."""

import asyncio
from functools import partial
from typing import NamedTuple

from live_runner.book.bookings import log_fill
from live_runner.venue.attribution import attributed, external_sentence, past_sentence
from live_runner.venue.look_up import LookUps
from live_runner.venue.place import Brokers, VenuePlace, net_of
from live_runner.venue.protection import Protection
from live_runner.venue.receiving import book_payments, book_trades
from live_runner.venue.removed import RemovedBooks, given_up
from quant_pipelines.core.errors import ReconciliationError, with_its_kind
from quant_pipelines.core.income_kinds import LATEST_PAYMENT
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms, to_ms
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.orders import has_unproven_end
from quant_pipelines.trading.purposes import number_of
from quant_pipelines.trading.reconcile import OurRows, VenueRows, reconcile
from quant_pipelines.trading.venue import AccountPosition, OrderVenue, VenueTrade

_PAYMENTS_LATE_MS = int(LATEST_PAYMENT.total_seconds() * 1000)


class Compared(NamedTuple):
    """How the positions differ, empty if they don't, and what the venue holds."""

    difference: str
    position: AccountPosition


class Sweeps:
    """Sweeps of one place.

    Parameters
    ----------
    place, venue
        Whose trades and payments, and where they are read.
    protection
        Told what stands.
    removed
        Books what is filled for books that have left.

    Attributes
    ----------
    next_payments_ms
        From when on payments are read again, the venue's milliseconds.
    """

    def __init__(
        self, place: VenuePlace, venue: OrderVenue, protection: Protection, removed: RemovedBooks
    ) -> None:
        self._place = place
        self._venue = venue
        self._protection = protection
        self._removed = removed
        self._look_ups = LookUps(venue, place.symbol)
        self.next_payments_ms = 0

    async def book(self, trades: list[VenueTrade]) -> None:
        """Book what is new of trades.

        Raises
        ------
        ReconciliationError
            If one of them is not ours.
        """
        at, place = from_ms(await self._venue.now_ms()), self._place
        found = await attributed(self._venue, trades, place)
        late, others = await self._removed.book(place.symbol, found.others)
        for key in {one.deployment_id for one in late} & place.seats.keys():
            place.seats[key].trader.outdate()  # it came back meanwhile, and may have read its rows before
        external = external_sentence(others[-1]) if others else found.external
        error = ReconciliationError(f"{place.symbol}: {external}; expected orders of ours only")
        halting = [seat for seat in place.seats.values() if external and not seat.trader.is_halted]
        halts = {seat.key: with_its_kind(error) for seat in halting}
        booked = await place.with_books(partial(book_trades, trades=found.ours, at=at, halts=halts))
        for deployment, fill in (*late, *booked):
            log_fill(deployment, fill)
        await self._know_late({one.client_order_id for one in found.ours if one.client_order_id})
        is_new = any(one.fill.client_order_id is None for one in booked) or bool(others)
        if halts and is_new:
            raise error

    async def _know_late(self, names: set[str]) -> None:
        """Ask for orders that are filled and were thought to be over, or to have never arrived."""
        for name in sorted(names):
            order, seat = await self._place.order_of(client_order_id=name), self._place.seat_of(name)
            if order is None or seat is None:
                continue
            if has_unproven_end(order.progress.status, order.venue_order_id):
                await self._look_ups.is_found(order, seat.rows)

    async def compare(self) -> Compared:
        """Compare orders, stops and position with the venue's, and book its payments."""
        symbol, venue, place = self._place.symbol, self._venue, self._place
        await self._sweep_payments()
        orders, stops, position = await asyncio.gather(
            venue.open_orders(symbol), venue.open_stops(symbol), venue.position(symbol)
        )
        ours = await place.with_brokers(partial(_our_rows, symbol))
        plan = reconcile(ours, VenueRows(position.quantity, tuple(orders), tuple(stops)))
        for seen in plan.seen:
            await place.follow_order(seen)
        for name in plan.look_up:
            if (seat := place.seat_of(name)) is not None:
                await self._look_ups.look_up(name, seat.rows, self.sweep_trades)
        if plan.look_up:
            await self.sweep_trades()  # a stop that has left the list was filled
        for name in plan.cancel:
            await given_up(venue.cancel_stop(symbol, name))
        await self._removed.cancel(
            symbol,
            [one for one in orders if one.client_order_id in plan.external],
            [one for one in stops if one.client_order_id in plan.external],
        )
        self._protection.take_over(plan.standing)
        for stop in (*plan.standing, *plan.waiting):
            await place.follow_stop(stop)
        return Compared(plan.difference, position)

    async def sweep_trades(self) -> None:
        """Book the trades since the last sweep, in their order."""
        swept, asked = await self._place.with_brokers(lambda brokers: (_swept(brokers), set(brokers)))
        trades = await self._venue.trades(self._place.symbol, None if swept is None else str(swept + 1))
        if swept is not None:
            await self.book(trades)
        else:
            await self._tell_past(trades)
        newest = trades[-1].trade_id if trades else str(swept or 0)
        await self._place.with_brokers(partial(_note_swept, newest, asked))

    async def _tell_past(self, trades: list[VenueTrade]) -> None:
        """Tell people what somebody traded between a deployment and the first look: no book takes it over."""
        place, at = self._place, from_ms(await self._venue.now_ms())
        since = min(seat.trader.plan.deployment.created_at for seat in place.seats.values())
        others = [
            trade
            for trade in trades
            if trade.ts_ms >= to_ms(since)
            and await place.order_of(venue_order_id=trade.venue_order_id) is None
        ]
        _, others = await self._removed.book(place.symbol, others)  # of books that have left, too
        if others:
            await place.tell(past_sentence(place.symbol, others, since), at)

    async def _sweep_payments(self) -> None:
        now_ms = await self._venue.now_ms()
        if now_ms < self.next_payments_ms:
            return
        self.next_payments_ms = now_ms + MINUTE_MS
        seats = self._place.seats.values()
        since_ms = min(to_ms(seat.trader.plan.deployment.created_at) for seat in seats)
        paid_ms = await self._place.with_brokers(_paid_until_ms)
        if paid_ms is not None:
            since_ms = max(since_ms, paid_ms - _PAYMENTS_LATE_MS)
        payments = await self._venue.payments(self._place.symbol, since_ms)
        act = partial(book_payments, payments=payments, since_ms=since_ms, now_ms=now_ms)
        await self._place.with_books(partial(act, paid=self._place.paid))


def _our_rows(symbol: str, brokers: Brokers) -> OurRows:
    statuses = {
        name: order.progress.status for broker in brokers.values() for name, order in broker.orders.items()
    }
    at_rest = {
        order.intent.client_order_id: order.progress.filled_quantity
        for broker in brokers.values()
        for order in broker.at_rest()
    }
    placed = {
        name
        for broker in brokers.values()
        for name, order in broker.orders.items()
        if number_of(order.intent.purpose)
    }
    late = {
        name
        for broker in brokers.values()
        for name, order in broker.orders.items()
        if name in placed and has_unproven_end(order.progress.status, order.venue_order_id)
    }
    is_quiet = not any(_is_under_way(one) for broker in brokers.values() for one in broker.unsettled())
    return OurRows(symbol, net_of(brokers), statuses, is_quiet, at_rest, placed, late)


def _is_under_way(order: PlacedOrder) -> bool:
    """Whether the venue may know of an order; what is committed is submitted right before it is sent."""
    return order.progress.status != "INITIALIZED"


def unsettled(brokers: Brokers) -> bool:
    """Whether an order may still change a position."""
    return any(broker.unsettled() for broker in brokers.values())


def _swept(brokers: Brokers) -> int | None:
    """Last trade that was swept for every book; one that never was goes on with the others."""
    known = [int(broker.swept_trade_id) for broker in brokers.values() if broker.swept_trade_id is not None]
    return min(known, default=None)


def _note_swept(trade_id: str, asked: set[int], brokers: Brokers) -> None:
    """Note it for those that the trades were read for: whoever came meanwhile may miss some of them."""
    for key in asked & brokers.keys():
        brokers[key].swept_trade_id = trade_id


def _paid_until_ms(brokers: Brokers) -> int | None:
    paid = [
        broker.tally.paid_until_ms for broker in brokers.values() if broker.tally.paid_until_ms is not None
    ]
    return max(paid, default=None)


def in_flight(brokers: Brokers) -> bool:
    """Whether an order may change a position any moment."""
    return any(broker.in_flight() for broker in brokers.values())


def n_resting(brokers: Brokers) -> int:
    """Count the orders that may still add to a position."""
    return sum(len(broker.open_orders()) for broker in brokers.values())


def needs_cover(brokers: Brokers) -> bool:
    """Whether something is held, or may be any moment."""
    return bool(net_of(brokers)) or unsettled(brokers) or bool(n_resting(brokers))
