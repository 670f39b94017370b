"""Does at a venue what `trading.wished` decides about the orders of an event strategy.

It reads what is so, asks what is next, does one thing and commits it; then whatever has come to the link has
its turn, so that a fill is covered between two orders. What it rests on is the rows: after a restart an order
that still rests is taken over as it is.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

from live_runner.book.trader import Trader
from live_runner.ports.tasks import clear_up
from live_runner.venue.broker import VenueBroker
from live_runner.venue.event_broker import EventVenueBroker
from live_runner.venue.look_up import found_as_sent
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.reached import Reached, RunningBar, no_running_bar
from live_runner.venue.wire import Wire
from quant_pipelines.core.errors import ExchangeError, StopWouldTrigger, StoreError
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.breaker import Event
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.venue import LimitOrder, OrderVenue, StopOrder, VenueOrder
from quant_pipelines.trading.wished import (
    Cancel,
    Circumstances,
    Drop,
    PlaceOrder,
    Step,
    Wait,
    WishedOrder,
    next_step,
)

_SOON_SECONDS = 0.4
_LOOK_SECONDS = 1.0
"""How long a fill may go unseen that no stream tells of: what it opens needs its stop within 2 s."""
_PEEKS = 5
"""How often within that time the stream's prices are compared, which asks nobody."""
_LEAVE_SECONDS = 2.0

_RESTS_ON: frozenset[Event] = frozenset({"data_age"})
"""What stops entries, but not those that rest: their price is the venue's, and a start has no data."""

_log = logging.getLogger(__name__)


class RestingOrders:
    """Orders of one deployment that its event strategy lets rest.

    Parameters
    ----------
    trader
        Whose.
    venue
        Where.
    rows
        Who commits states.
    wire
        Says why nothing may be opened now, and has the link look again.
    running_bar
        Tells the prices at which something may have been filled.

    Attributes
    ----------
    due
        When the venue is to be looked at, by the loop's clock; infinite while every outcome is known.
    """

    def __init__(
        self,
        trader: Trader,
        venue: OrderVenue,
        *,
        rows: OrderRows,
        wire: Wire,
        running_bar: RunningBar = no_running_bar,
    ) -> None:
        self._trader, self._venue, self._rows, self._wire = trader, venue, rows, wire
        self._reached = Reached(trader.symbol, running_bar)
        self._canceled_ms: dict[str, int] = {}
        self._is_busy = False
        self._next_look = 0.0
        self._passed: tuple[Intent, int] | None = None
        # What may open there, as it was looked at last, and whether it is kept outside the venue's book.
        self._opening: dict[str, bool] | None = None
        self.due = math.inf

    async def keep(self, transmit: Callable[[Intent, int], Awaitable[object]]) -> bool:
        """Do the next thing about the orders; whether all are known again, after one was not.

        Raises
        ------
        StoreError
            If a state can't be committed.
        ExchangeError
            If the venue can't be read.
        """
        await self._look()
        step = await self._next()
        was_busy, self._is_busy = self._is_busy, step != Wait("rests")
        is_unknown = step == Wait("not known")
        self.due = asyncio.get_running_loop().time() + _SOON_SECONDS if is_unknown else math.inf
        if not isinstance(step, Wait):
            await self._do(step, transmit)
            self._wire.wake()
        return was_busy and not self._is_busy

    async def leave(self) -> None:
        """Cancel what may open, because nobody looks after it; what can't be is found by the next life.

        What is known is canceled without its rows: others may have the book, or the database is away.
        """
        with suppress(TimeoutError, StoreError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                if self._opening is None:
                    self._opening = _opening(await self._rows.with_broker(_wished))
                gone = [self._cancel_there(name, is_stop=is_stop) for name, is_stop in self._opening.items()]
                await clear_up("orders that may open", *gone)

    async def _look(self) -> None:
        """Read what rests where it may be filled; the sweep that follows books what the venue has filled."""
        loop = asyncio.get_running_loop()
        resting = await self._rows.with_broker(lambda broker: broker.at_rest())
        if not resting or loop.time() < self._next_look:
            return
        self._next_look = loop.time() + _LOOK_SECONDS
        intents = [order.intent for order in resting]
        if not self._reached.may_be_filled(intents):
            self._peek(intents, _PEEKS)
            return
        loop.call_later(_LOOK_SECONDS, self._wire.wake)
        seen, minute_ms = list[tuple[PlacedOrder, VenueOrder]](), self._reached.minute_ms()
        with suppress(ExchangeError, TimeoutError):  # the next sweep says so, if it lasts
            async with asyncio.timeout(_LOOK_SECONDS):  # meanwhile nothing else is booked or covered
                seen = await self._read(resting)
                self._reached.looked(minute_ms)
        for order, shown in seen:
            await self._rows.follow(
                order, shown.status, filled=shown.filled_quantity, venue_order_id=shown.venue_order_id
            )

    def _peek(self, resting: list[Intent], left: int) -> None:
        """Have the link look as soon as a price may have filled something; after a second in any case."""
        if not left or self._reached.may_be_filled(resting):
            self._next_look = 0.0
            self._wire.wake()
        else:
            asyncio.get_running_loop().call_later(_LOOK_SECONDS / _PEEKS, self._peek, resting, left - 1)

    async def _read(self, resting: list[PlacedOrder]) -> list[tuple[PlacedOrder, VenueOrder]]:
        """Read orders at the venue; what is listed there no more is asked for by name."""
        stops = [order for order in resting if order.intent.is_conditional]
        orders = [order for order in resting if not order.intent.is_conditional]
        return [*await self._read_orders(orders), *await self._read_stops(stops)]

    async def _read_orders(self, orders: list[PlacedOrder]) -> list[tuple[PlacedOrder, VenueOrder]]:
        symbol, found = self._trader.symbol, []
        listed = {one.client_order_id: one for one in await self._venue.open_orders(symbol)} if orders else {}
        for order in orders:
            name = order.intent.client_order_id
            shown = listed.get(name) or await self._venue.find_order(symbol, client_order_id=name)
            if shown is not None:
                found.append((order, shown))
        return found

    async def _read_stops(self, stops: list[PlacedOrder]) -> list[tuple[PlacedOrder, VenueOrder]]:
        """Read the stops that wait no more: what became of them, their own orders tell."""
        symbol, found = self._trader.symbol, []
        waiting = {one.client_order_id for one in await self._venue.open_stops(symbol)} if stops else set()
        for order in stops:
            name = order.intent.client_order_id
            shown = None if name in waiting else await found_as_sent(self._venue, symbol, name)
            if shown is not None:
                found.append((order, shown))
        return found

    async def _next(self) -> Step:
        now_ms = await self._venue.now_ms()
        # What rests is asked about by no rule any more: whatever stops entries takes it back.
        may_open = self._trader.breaker.events <= _RESTS_ON and not self._trader.is_leaving

        def look(broker: VenueBroker) -> tuple[list[WishedOrder], Circumstances]:
            return _wished(broker), Circumstances(broker.position().quantity, may_open, now_ms)

        wished, around = await self._rows.with_broker(look)
        self._opening = _opening(wished)
        return next_step(wished, around, self._canceled_ms)

    async def _do(
        self, step: PlaceOrder | Cancel | Drop, transmit: Callable[[Intent, int], Awaitable[object]]
    ) -> None:
        extra = {"deployment": self._trader.plan.deployment.id, "order": step.name}
        _log.info("resting", extra={**extra, "step": repr(step)})
        if isinstance(step, Cancel):
            self._canceled_ms[step.name] = await self._venue.now_ms()
            await self._cancel(step.name)
            return
        known = await self._order(step.name)
        refusal = step.reason if isinstance(step, Drop) else self._refusal(known.intent)
        if refusal:
            await self._rows.follow(known, "DENIED", reason=refusal)
            return
        await self._rows.follow(known, "SUBMITTED")  # proves the epoch once more, right before the request
        stamp_ms = await self._venue.now_ms()
        if known.intent.order_type == "market":
            await transmit(known.intent, stamp_ms)
        else:
            await self._place(known.intent, stamp_ms)
        if self._passed is not None:
            (intent, stamp_ms), self._passed = self._passed, None
            await self._take(intent, stamp_ms, transmit)

    def _refusal(self, intent: Intent) -> str:
        """Why a committed order is not sent; what only reduces waits for no comparison."""
        blocked_by = "" if intent.reduce_only else self._wire.blocked_by
        return blocked_by or self._trader.refusal_to_send(intent)

    async def _place(self, intent: Intent, stamp_ms: int) -> None:
        """Send an order that waits for its price, and commit what the venue answers."""
        name, symbol, price = intent.client_order_id, self._trader.symbol, intent.price
        assert price is not None  # noqa: S101 - what waits for a price has one
        if self._opening is not None and not intent.reduce_only:
            self._opening[name] = intent.is_conditional
        if intent.is_conditional:
            stop = StopOrder(name, symbol, intent.side, price, stamp_ms, intent.quantity)
            answer = self._placed(intent, replace(stop, reduce_only=intent.reduce_only))
        else:
            post_only = await self._rows.with_broker(lambda broker: _at_desk(broker).resting.post_only(name))
            flags = (post_only, intent.reduce_only)
            order = LimitOrder(name, symbol, intent.side, intent.quantity, price, stamp_ms, *flags)
            answer = self._venue.place_limit(order)
        await self._rows.follow_sent(intent, answer, stamp_ms)

    async def _take(
        self, intent: Intent, stamp_ms: int, transmit: Callable[[Intent, int], Awaitable[object]]
    ) -> None:
        """Send at market what waits for no price any more, as a backtest fills it at the next open."""
        if refusal := self._refusal(intent):
            await self._rows.follow(await self._order(intent.client_order_id), "DENIED", reason=refusal)
        else:
            await transmit(intent, stamp_ms)

    async def _placed(self, intent: Intent, stop: StopOrder) -> VenueOrder:
        """Place a stop; the venue's number of it is told by whoever reads it next."""
        try:
            await self._venue.place_stop(stop)
        except StopWouldTrigger:  # its next intent is known before its end is, which nobody is told then
            self._passed = await self._rows.intend_at_market(intent)
            raise
        return VenueOrder(stop.client_order_id, "", "ACCEPTED", Decimal(0))

    async def _cancel(self, name: str) -> None:
        known = await self._order(name)
        with suppress(StoreError):  # an entry that nobody looks after must go all the same
            await self._rows.follow(known, "PENDING_CANCEL", filled=known.progress.filled_quantity)
        await self._cancel_there(name, is_stop=known.intent.is_conditional)

    async def _cancel_there(self, name: str, *, is_stop: bool) -> None:
        cancel = self._venue.cancel_stop if is_stop else self._venue.cancel_order
        try:
            await cancel(self._trader.symbol, name)
        except ExchangeError as error:
            _log.warning("order is not proven to be canceled", extra={"order": name, "error": str(error)})

    async def _order(self, name: str) -> PlacedOrder:
        return await self._rows.with_broker(lambda broker: broker.orders[name])


def _opening(wished: list[WishedOrder]) -> dict[str, bool]:
    ended = (*FINAL, "INITIALIZED")
    opening = (one for one in wished if one.status not in ended and not one.reduce_only)
    return {one.name: one.is_conditional for one in opening}


def _wished(broker: VenueBroker) -> list[WishedOrder]:
    return _at_desk(broker).wished()


def _at_desk(broker: VenueBroker) -> EventVenueBroker:
    assert isinstance(broker, EventVenueBroker)  # noqa: S101 - its strategy places orders
    return broker
