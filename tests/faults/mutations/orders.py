"""Runners whose orders, or what they know of them, are wrong."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from live_runner.book import decision
from live_runner.book.trader import Trader
from live_runner.book.under_breaker import UnderBreaker
from live_runner.venue import chasing, look_up, order_rows, order_steps
from live_runner.venue.look_up import LookUps
from live_runner.venue.order_rows import OrderRows
from quant_pipelines.core.errors import ExchangeRefused, OutcomeUnknown
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.trading.chase import Amend, PlaceLimit, SendRest
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.release import Slicing
from quant_pipelines.trading.venue import LimitOrder, MarketOrder, VenueOrder
from tests import memory_journal
from tests.faults.mutations.changed import Block, changed
from tests.memory_journal import MemoryJournal

_FAR = 10**9


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


def enters_with_what_may_take() -> Block:
    """An entry with a limit is not post-only."""

    def change(place: Any) -> Any:
        async def broken(self: CcxtOrders, order: LimitOrder) -> VenueOrder:
            return await place(self, replace(order, post_only=False))

        return broken

    return changed((CcxtOrders, "place_limit", change))


def amends_to_twice_the_quantity() -> Block:
    def change(amend: Any) -> Any:
        async def broken(self: CcxtOrders, order: LimitOrder) -> None:
            await amend(self, replace(order, quantity=2 * order.quantity))

        return broken

    return changed((CcxtOrders, "amend", change))


def enters_with_two_at_once() -> Block:
    """Where an order that rests should be moved, another one is placed."""

    def change(next_step: Any) -> Any:
        def broken(wanted: Any, chased: Any, **more: Any) -> Any:
            step = next_step(wanted, chased, **more)
            return PlaceLimit(wanted.quantity, step.price) if isinstance(step, Amend) else step

        return broken

    return changed((chasing, "next_step", change))


def sends_slices_early() -> Block:
    """What is due in the next slice's time is due now."""

    def change(due: Any) -> Any:
        def broken(self: Slicing, quantity: Any, now_ms: int) -> Any:
            return due(self, quantity, now_ms + self.interval_ms)

        return broken

    return changed((Slicing, "due", change))


def sends_whole_slices_again() -> Block:
    """What an order has filled before its end is forgotten: the next part is as if nothing were."""

    def change(next_step: Any) -> Any:
        def broken(wanted: Any, chased: Any, **more: Any) -> Any:
            step = next_step(wanted, chased, **more)
            is_part = isinstance(step, SendRest | PlaceLimit) and bool(chased.filled)
            return replace(step, quantity=wanted.quantity) if is_part else step

        return broken

    return changed((chasing, "next_step", change))


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
        (UnderBreaker, "is_halted", lambda _: property(lambda _self: False)),
        (Trader, "refusal_to_send", lambda _: lambda _self, _intent: ""),
    )


def gives_up_after_one_look_up() -> Block:
    return changed(
        (look_up, "_LOOK_UPS", lambda _: 1),
        (look_up, "_MARGIN_MS", lambda _: -_FAR),
    )


def never_looks_up() -> Block:
    async def broken(_self: LookUps, *_given: Any) -> None:
        return None

    return changed((LookUps, "look_up", lambda _: broken))


def lets_states_go_back() -> Block:
    """With us and in the rows: what comes late counts as new."""

    def broken(known: OrderProgress, seen: OrderProgress) -> OrderProgress | None:
        return seen if seen != known else None

    def put(tables: Any, step: Any, at: Any) -> None:
        known = tables.orders[step.client_order_id]
        number = step.venue_order_id or known.venue_order_id
        new = replace(known, progress=step.progress, venue_order_id=number, stamp=at)
        memory_journal._put_order(tables, new, step.reason)

    return changed((order_steps, "advanced", lambda _: broken), (memory_journal, "_advance", lambda _: put))
