"""Ways to break a runner on purpose: each replaces one decision for as long as its block lasts.

Nothing else in the tests replaces anything of ours: here the broken runner is what is tried, and what must be
found is that the examiner sees it.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeAlias

from live_runner.book import decision
from live_runner.book.trader import Trader
from live_runner.venue import broker, covering, link, look_up, order_rows, protection
from live_runner.venue.broker import VenueBroker
from live_runner.venue.link import VenueLink
from live_runner.venue.look_up import LookUps
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.protection import Protection
from quant_pipelines.core.errors import ExchangeError, ExchangeRefused, OutcomeUnknown
from quant_pipelines.core.orders import closing_side
from quant_pipelines.exchange import user_stream
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.trading import cover, levels
from quant_pipelines.trading.cover import Wait
from quant_pipelines.trading.levels import CancelLevel, MoveLevel, PlaceLevel
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.venue import MarketOrder, OrderUpdate, StopOrder, VenueOrder, VenueStop
from tests import memory_journal
from tests.memory_journal import MemoryJournal

Block: TypeAlias = AbstractContextManager[Any]
Change: TypeAlias = Callable[[Any], Any]
"""From what a name meant to what it means while it is broken."""

_FAR = 10**9


@contextmanager
def changed(*changes: tuple[Any, str, Change]) -> Iterator[None]:
    """Let names mean something else inside the block."""
    with ExitStack() as stack:
        for owner, name, change in changes:
            kept = owner.__dict__[name]
            setattr(owner, name, change(kept))
            stack.callback(setattr, owner, name, kept)
        yield


# Orders and their outcomes


def resends_what_is_unknown() -> Block:
    def change(send: Any) -> Any:
        async def broken(self: CcxtOrders, order: MarketOrder) -> VenueOrder:
            try:
                return await send(self, order)
            except OutcomeUnknown:
                return await send(self, order)

        return broken

    return changed((CcxtOrders, "send", change))


def resends_under_another_name() -> Block:
    def change(send: Any) -> Any:
        async def broken(self: CcxtOrders, order: MarketOrder) -> VenueOrder:
            try:
                return await send(self, order)
            except OutcomeUnknown:
                return await send(self, replace(order, client_order_id=f"{order.client_order_id}r"))

        return broken

    return changed((CcxtOrders, "send", change))


def unknown_is(answer: Callable[[MarketOrder, OutcomeUnknown], VenueOrder]) -> Block:
    def change(send: Any) -> Any:
        async def broken(self: CcxtOrders, order: MarketOrder) -> VenueOrder:
            try:
                return await send(self, order)
            except OutcomeUnknown as error:
                return answer(order, error)

        return broken

    return changed((CcxtOrders, "send", change))


def refused(_order: MarketOrder, error: OutcomeUnknown) -> VenueOrder:
    raise ExchangeRefused(str(error))


def refused_if_broken(_order: MarketOrder, error: OutcomeUnknown) -> VenueOrder:
    if "ServerDisconnected" in str(error):
        raise error
    raise ExchangeRefused(str(error))


def filled(order: MarketOrder, _error: OutcomeUnknown) -> VenueOrder:
    return VenueOrder(order.client_order_id, "", "FILLED", order.quantity)


def commits_later() -> Block:
    """Writes return at once and are committed a moment later."""

    def change(write: Any) -> Any:
        def broken(self: MemoryJournal, *given: Any) -> None:
            asyncio.get_running_loop().call_later(0.1, write, self, *given)

        return broken

    writes = ("book", "book_decision", "add_order", "follow_order", "receive")
    return changed(*((MemoryJournal, name, change) for name in writes))


def sends_all_under_one_name() -> Block:
    first: list[str] = []

    def change(send: Any) -> Any:
        async def broken(self: CcxtOrders, order: MarketOrder) -> VenueOrder:
            first.append(order.client_order_id)
            return await send(self, replace(order, client_order_id=first[0]))

        return broken

    return changed((CcxtOrders, "send", change))


def names_with_another_epoch() -> Block:
    def change(name_of: Any) -> Any:
        def broken(epoch: int, *more: Any) -> str:
            return str(name_of(epoch + 1, *more))

        return broken

    return changed((decision, "client_order_id", change), (order_rows, "moment_order_id", change))


def sends_twice_the_quantity() -> Block:
    def change(send: Any) -> Any:
        async def broken(self: CcxtOrders, order: MarketOrder) -> VenueOrder:
            return await send(self, replace(order, quantity=2 * order.quantity))

        return broken

    return changed((CcxtOrders, "send", change))


def exits_twice_as_much() -> Block:
    """Exits may open: twice the quantity, and not reduce-only."""

    def change(send: Any) -> Any:
        async def broken(self: CcxtOrders, order: MarketOrder) -> VenueOrder:
            if order.reduce_only:
                order = replace(order, quantity=2 * order.quantity, reduce_only=False)
            return await send(self, order)

        return broken

    return changed((CcxtOrders, "send", change))


def sends_what_was_denied() -> Block:
    def change(follow: Any) -> Any:
        async def broken(self: OrderRows, order: Any, status: Any, **more: Any) -> None:
            await follow(self, order, status, **more)
            if status == "DENIED":
                intent, now_ms = order.intent, await self._venue.now_ms()
                sent = (intent.client_order_id, self._trader.symbol, intent.side, intent.quantity, now_ms)
                await self._venue.send(MarketOrder(*sent))

        return broken

    return changed((OrderRows, "follow", change))


def ignores_halts() -> Block:
    return changed(
        (Trader, "is_halted", lambda _: property(lambda _self: False)),
        (Trader, "refusal_to_send", lambda _: lambda _self, _intent: ""),
    )


def gives_up_after_one_look_up() -> Block:
    return changed(
        (look_up, "_LOOK_UPS", lambda _: 1),
        (look_up, "_MARGIN_MS", lambda _: -_FAR),
    )


def never_looks_up() -> Block:
    async def broken(_self: LookUps, _name: str, _sweep: Any) -> None:
        return None

    return changed((LookUps, "look_up", lambda _: broken))


def lets_states_go_back() -> Block:
    """With us and in the rows: what comes late counts as new."""

    def broken(known: OrderProgress, seen: OrderProgress) -> OrderProgress | None:
        return seen if seen != known else None

    def put(tables: Any, step: Any, at: Any) -> None:
        known = tables.orders[step.client_order_id]
        new = replace(known, progress=step.progress, stamp=at)
        memory_journal._put_order(tables, new, step.reason)

    return changed((broker, "advanced", lambda _: broken), (memory_journal, "_advance", lambda _: put))


# Fills and payments


def sweeps_no_trades() -> Block:
    async def broken(_self: VenueLink) -> None:
        return None

    return changed((VenueLink, "_sweep_trades", lambda _: broken))


def trusts_a_dead_listen_key() -> Block:
    """Fills come by the stream alone, and a stream that ended is not opened again."""

    async def heard_nothing(_client: Any, _expired: asyncio.Event) -> bool:
        await asyncio.Event().wait()
        return False

    def change(heard: Any) -> Any:
        told: list[bool] = []

        async def broken(client: Any, expired: asyncio.Event) -> bool:
            if told:
                return await heard_nothing(client, expired)
            try:
                return bool(await heard(client, expired))
            except BaseException:
                told.append(True)
                raise

        return broken

    async def swept(_self: VenueLink) -> None:
        return None

    return changed((user_stream, "_heard", change), (VenueLink, "_sweep_trades", lambda _: swept))


def books_orders_as_fills() -> Block:
    """Each part of a fill is booked with what the order has filled in all."""

    def change(event_of: Any) -> Any:
        def broken(*given: Any) -> list[Any]:
            return [_with_all_filled(one) for one in event_of(*given)]

        return broken

    return changed((user_stream, "event_of", change))


def _with_all_filled(event: Any) -> Any:
    if not isinstance(event, OrderUpdate) or event.trade is None:
        return event
    return event._replace(trade=event.trade._replace(quantity=event.order.filled_quantity))


def books_each_message() -> Block:
    """A fill of the stream has a key of its own; what is swept is another one."""

    def change(event_of: Any) -> Any:
        def broken(*given: Any) -> list[Any]:
            return [_under_another_id(one) for one in event_of(*given)]

        return broken

    return changed((user_stream, "event_of", change))


def _under_another_id(event: Any) -> Any:
    if not isinstance(event, OrderUpdate) or event.trade is None:
        return event
    return event._replace(trade=event.trade._replace(trade_id=str(int(event.trade.trade_id) + _FAR)))


def forgets_what_it_booked() -> Block:
    def change(receive: Any) -> Any:
        def broken(self: VenueBroker, *given: Any, **more: Any) -> Any:
            self._booked = set()
            return receive(self, *given, **more)

        return broken

    return changed((VenueBroker, "receive", change))


def books_no_fees() -> Block:
    return changed(
        (VenueBroker, "_fill", lambda kept: lambda self, one: replace(kept(self, one), fee=Decimal(0)))
    )


def books_floats() -> Block:
    def change(fill: Any) -> Any:
        def broken(self: VenueBroker, one: Any) -> Any:
            booked = fill(self, one)
            return replace(booked, fee=Decimal(float(booked.fee)))

        return broken

    return changed((VenueBroker, "_fill", change))


def pays_funding(times: int) -> Block:
    def change(payments: Any) -> Any:
        async def broken(self: CcxtOrders, *given: Any) -> list[Any]:
            found = await payments(self, *given)
            return [one._replace(ts_ms=one.ts_ms + extra) for one in found for extra in range(times)]

        return broken

    return changed((CcxtOrders, "payments", change))


# Stops


def places_no_stop() -> Block:
    def change(next_action: Any) -> Any:
        def broken(*given: Any) -> Any:
            action = next_action(*given)
            return Wait("covered") if isinstance(action, PlaceLevel) else action

        return broken

    return changed((covering, "next_action", change))


def believing(*changes: tuple[Any, str, Change]) -> Block:
    """Any stop that stands is taken for the right one."""

    def anything_protects(_: Any) -> Any:
        return lambda standing, position: not position or bool(standing)

    def is_it(_: Any) -> Any:
        return lambda _wanted, _found: True

    return changed(
        (protection, "_is_it", is_it),
        (levels, "_is_it", is_it),
        *((where, "protects", anything_protects) for where in (levels, cover, covering)),
        *changes,
    )


def places_stops_over(share: Callable[[Decimal, list[Decimal]], Decimal]) -> Block:
    """Stops over a part of the position; ``share`` is told the position and what was placed before."""
    placed: list[Decimal] = []

    def change(intend_stop: Any) -> Any:
        async def broken(self: OrderRows, wanted: Any, _quantity: Any = None) -> StopOrder:
            held = await self.with_broker(lambda broker: abs(broker.position().quantity))
            placed.append(share(held, placed).quantize(Decimal("0.001")))
            stop: StopOrder = await intend_stop(self, wanted, placed[-1])
            return stop

        return broken

    return believing((OrderRows, "intend_stop", change))


def half(held: Decimal, _placed: list[Decimal]) -> Decimal:
    return held / 2


def the_first(held: Decimal, placed: list[Decimal]) -> Decimal:
    return placed[0] if placed else held


def places_stops_on_the_wrong_side() -> Block:
    """As many ticks above a long as they should be below it."""

    def change(wanted_level: Any) -> Any:
        def broken(position: Decimal, price: float | None, *more: Any) -> Any:
            factor = Decimal("1.08") if position > 0 else Decimal("0.92")
            level = wanted_level(position, price, *more)
            if level is None:
                return None
            trigger = (level.trigger_price * factor).quantize(Decimal("0.1"))
            return level._replace(side=closing_side(-position), trigger_price=trigger)

        return broken

    return believing((covering, "wanted_level", change))


def cancels_before_it_places() -> Block:
    """The old stop goes first; the new one is placed when the books are next compared."""
    canceled: list[float] = []

    def change(next_action: Any) -> Any:
        def broken(held: Any, standing: Any, asked: Any, tries: Any, now: float) -> Any:
            action = next_action(held, standing, asked, tries, now)
            if isinstance(action, MoveLevel) and action.level == "stop":
                canceled.append(now)
                return CancelLevel("stop", action.wanted, standing.stops[0], action.until)
            is_soon = bool(canceled) and now < canceled[-1] + 5.0
            return Wait("covered") if isinstance(action, PlaceLevel) and is_soon else action

        return broken

    return changed((covering, "next_action", change))


def places_stops(*, is_remembered: bool) -> Block:
    """Whatever the venue says of a stop, it stands, at least until the books are next compared."""

    async def broken(self: Protection, wanted: Any, quantity: Decimal | None = None) -> None:
        stop = await self._rows.intend_stop(wanted, quantity)
        with suppress(ExchangeError):  # it is what a broken runner does
            await self._venue.place_stop(stop)
        stands = protection._unplaced(stop, "ACCEPTED")._replace(quantity=quantity or Decimal(0))
        self._standing[stop.client_order_id] = stands
        await self._rows.follow_stop(stands)

    place = (Protection, "place", lambda _: broken)
    forget = (Protection, "take_over", lambda _: lambda _self, _stops: None)
    return changed(place, forget) if is_remembered else changed(place)


def cancels_no_stop() -> Block:
    async def broken(self: Protection, stop: VenueStop) -> None:
        self._standing.pop(stop.client_order_id, None)

    def covered(kept: Any) -> Any:
        return lambda self, stops: kept(self, tuple(stops)[-1:])

    return changed((Protection, "cancel", lambda _: broken), (Protection, "take_over", covered))


# Restarts


def gives_up_what_was_sent() -> Block:
    """What an earlier life had sent counts as refused."""

    def change(follow: Any) -> Any:
        async def broken(self: OrderRows, order: Any, status: Any, **more: Any) -> None:
            is_left = status == "UNKNOWN" and not more
            await follow(self, order, "REJECTED" if is_left else status, **more)

        return broken

    return changed((OrderRows, "follow", change))


def sends_what_was_left() -> Block:
    """What an earlier life had committed and not sent is sent now."""

    def change(follow: Any) -> Any:
        async def broken(self: OrderRows, order: Any, status: Any, **more: Any) -> None:
            if status == "DENIED" and more == {"reason": link._NEVER_SENT}:
                intent, now_ms = order.intent, await self._venue.now_ms()
                sent = (intent.client_order_id, self._trader.symbol, intent.side, intent.quantity, now_ms)
                await self._venue.send(MarketOrder(*sent))
                return
            await follow(self, order, status, **more)

        return broken

    return changed((OrderRows, "follow", change))


def reads_no_trades_of_before() -> Block:
    """Trades count from the start of a life on."""

    def change(begin: Any) -> Any:
        async def broken(self: VenueLink) -> None:
            await self._rows.with_broker(lambda one: setattr(one, "swept_trade_id", None))
            await begin(self)

        return broken

    return changed((VenueLink, "_begin", change))
