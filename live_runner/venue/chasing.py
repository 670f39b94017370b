"""Does at a venue what `trading.chase` decides about an order that enters with a limit, or in parts.

It reads what is so, asks what is next, does and commits it. What it rests on is the rows: after a restart an
order that still rests is chased on, and what had ended or was never sent is left to the next decision.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from live_runner.book.trader import Trader
from live_runner.venue.broker import VenueBroker
from live_runner.venue.entry_rows import children_of, is_over, left_behind
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.wire import Wire
from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.errors import ExchangeError, OrderWouldTake, StoreError
from quant_pipelines.core.timeframes import floor_ms, to_ms
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.chase import (
    Amend,
    Cancel,
    Chased,
    ChaseTerms,
    Done,
    Moves,
    Outcome,
    PlaceLimit,
    SendRest,
    Step,
    Wait,
    WantedEntry,
    after,
    next_step,
)
from quant_pipelines.trading.release import Slicing
from quant_pipelines.trading.venue import LimitOrder, OrderVenue, Touch, VenueOrder

_SOON_SECONDS = 0.4
_LEAVE_SECONDS = 2.0
_NEVER_SENT = "never sent: nobody wanted it any more"

_log = logging.getLogger(__name__)


class Child(NamedTuple):
    """Order that is committed and may be sent, with its stamp, milliseconds UTC."""

    intent: Intent
    stamp_ms: int


class Chasing:
    """The order of one deployment that enters with a limit or in parts; there is at most one.

    Parameters
    ----------
    trader
        Whose.
    venue
        Where.
    rows
        Who commits intents and states.
    wire
        Says why nothing may be opened now.
    settings
        How it is chased.

    Attributes
    ----------
    due
        When the venue is to be looked at, by the loop's clock; infinite without an order.
    """

    def __init__(
        self, trader: Trader, venue: OrderVenue, *, rows: OrderRows, wire: Wire, settings: EntrySettings
    ) -> None:
        instrument = trader.plan.deployment.instrument
        assert instrument is not None  # noqa: S101 - a plan has one
        self._trader, self._venue, self._rows, self._wire = trader, venue, rows, wire
        self._settings = settings
        self._terms = ChaseTerms(
            instrument.tick_size,
            instrument.min_notional,
            settings.ticks,
            int(settings.interval_seconds * 1000),
            settings.moves,
            "market" if settings.at_end == "market" else "cancel",
        )
        self.due = math.inf
        self._root: Intent | None = None
        self._whole = Decimal(0)
        self._release: Slicing | None = None
        self._unsent_ms: int | None = None
        self._until_ms = 0
        self._moves = Moves()
        self._children: list[PlacedOrder] = []
        self._resting: str | None = None
        self._chased = Chased()
        self._reads_back = False

    def take_up(self, intent: Intent, stamp_ms: int, whole: Decimal) -> None:
        """Take an intent that is about to be sent, stamped then (ms UTC): ``whole``, or its first part."""
        self._root, self._moves, self._unsent_ms = intent, Moves(), stamp_ms
        self._whole, self._release = whole, None
        self._until_ms = stamp_ms + int(self._settings.seconds * 1000)
        self._chased, self._reads_back, self.due = Chased(), False, 0.0
        if intent.quantity < whole:
            self._release = release = self._released(intent, stamp_ms)
            self.due = _now() + self._settings.interval_seconds * release.at_market  # it needs no prices yet
        self._children, self._resting = [], None

    def _released(self, first: Intent, stamp_ms: int) -> Slicing:
        """How what was decided comes out, by its first part."""
        if self._settings.order != "twap":
            return Slicing(first.quantity)
        n_parts = math.ceil(self._whole / first.quantity)
        interval_ms = math.ceil(self._settings.seconds * 1000 / n_parts)
        return Slicing(first.quantity, stamp_ms, interval_ms, at_market=first.order_type == "market")

    async def recover(self) -> None:
        """Go on with an order that nobody chases: one of an earlier life, or one that is known late."""
        if self._root is not None:
            return
        found = await self._rows.with_broker(left_behind)
        if found is not None:
            self._root, self._whole, held = found
            self._trader.take_over(found.root, found.sent, held)
            self._release = None
            self._until_ms = to_ms(found.root.bar_close) + int(self._settings.seconds * 1000)
            self._moves, self._chased, self.due = Moves(may_place=False), Chased(), 0.0
            self._children, self._resting = [], None

    async def keep(self, transmit: Callable[[Intent, int], Awaitable[object]]) -> bool:
        """Do what is to be done about the order; whether it has come to its end with that.

        Raises
        ------
        StoreError
            If an intent or a state can't be committed.
        ExchangeError
            If the venue can't be read.
        """
        while self._root is not None:
            touch = await self._look()
            step = await self._next(touch)
            if isinstance(step, Wait):
                self._moves = after(self._moves, step, "done", 0)
                await self._sleep_until(step)
                return False
            now_ms = await self._venue.now_ms()
            outcome = await self._do(step, transmit)
            self._moves = after(self._moves, step, outcome, now_ms)
            if isinstance(step, Done):
                self._root, self.due = None, math.inf
                return True
        return False

    async def _sleep_until(self, step: Wait) -> None:
        """Note when the venue is to be looked at again."""
        if step.reason in ("not known", "canceling"):
            self.due = min(self.due, _now() + _SOON_SECONDS)
        elif step.until_ms is not None:
            self.due = _now() + max(0, step.until_ms - await self._venue.now_ms()) / 1000

    async def leave(self) -> None:
        """Cancel what works, because nobody will look after it; what can't be is found by the next life.

        What is known is canceled without its rows: the database is away, or others have the book.
        """
        if self._root is None or self._unsent_ms is not None:
            return
        with suppress(TimeoutError, StoreError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                if self._resting is None and not self._children:
                    await self._read()
                if self._resting is not None:
                    await self._cancel_there(self._resting)
        self._root, self.due = None, math.inf

    async def _look(self) -> Touch | None:
        """Read the rows, and at the venue what has to be read again; best prices once in an interval."""
        await self._read()
        now = _now()
        if self._chased.works and (self._reads_back or now >= self.due):
            name = self._children[-1].intent.client_order_id
            found = await self._venue.find_order(self._trader.symbol, client_order_id=name)
            if found is not None:
                child, number = self._children[-1], found.venue_order_id
                await self._rows.follow(
                    child, found.status, filled=found.filled_quantity, venue_order_id=number
                )
                await self._read()
                self._chased = self._chased._replace(price=found.price)
            self._reads_back = False
        if now < self.due:
            return None
        self.due = now + self._settings.interval_seconds
        return await self._venue.touch(self._trader.symbol)

    async def _read(self) -> None:
        """Read the rows of the order and of what followed it."""
        root, is_unsent = self._root, self._unsent_ms is not None
        assert root is not None  # noqa: S101 - there is an order

        def look(broker: VenueBroker) -> tuple[list[PlacedOrder], bool]:
            children = [] if is_unsent else children_of(broker, root.client_order_id)
            names = {child.intent.client_order_id for child in children}
            flying = any(order.intent.client_order_id in names for order in broker.in_flight())
            return children, not flying

        self._children, is_settled = await self._rows.with_broker(look)
        filled = sum((child.progress.filled_quantity for child in self._children), Decimal(0))
        status = self._children[-1].progress.status if self._children else None
        self._chased = Chased(filled, status, self._chased.price, is_settled)
        self._resting = self._children[-1].intent.client_order_id if self._chased.works else None

    async def _next(self, touch: Touch | None) -> Step:
        root = self._root
        assert root is not None  # noqa: S101 - there is an order
        now_ms = await self._venue.now_ms()
        is_withdrawn = await self._is_withdrawn(root, now_ms)
        wanted = WantedEntry(root.side, self._whole, self._until_ms, self._terms, is_withdrawn, self._release)
        step = next_step(wanted, self._chased, touch=touch, moves=self._moves, now_ms=now_ms)
        if isinstance(step, Amend) and self._trader.refusal_to_go_on(replace(root, price=step.price)):
            return Wait("rests")  # where it is: such a price is wrong
        return step

    async def _is_withdrawn(self, root: Intent, now_ms: int) -> bool:
        """Whether it may not open any more: next bar, funding slot, halt, difference, or an exit.

        What is not sent yet of one in parts is netted with nothing: others at its symbol withdraw it.
        """
        plan, close_ms = self._trader.plan, to_ms(root.bar_close)
        if now_ms >= floor_ms(close_ms, plan.step_ms) + plan.step_ms:
            return True
        if self._trader.pause.until_ms(now_ms):
            return True
        is_unsent = self._unsent_ms is not None
        refusal = self._trader.refusal_to_send if is_unsent else self._trader.refusal_to_go_on
        if self._trader.is_leaving or self._wire.blocked_by or refusal(root):
            return True
        if self._release is not None and self._wire.entry.n_parts == 1:
            return True
        return await self._rows.with_broker(lambda broker: is_over(broker, close_ms))

    async def _do(self, step: Step, transmit: Callable[[Intent, int], Awaitable[object]]) -> Outcome:
        root = self._root
        assert root is not None  # noqa: S101 - there is an order
        extra = {"deployment": self._trader.plan.deployment.id, "order": root.client_order_id}
        _log.info("chase", extra={**extra, "step": repr(step)})
        if isinstance(step, PlaceLimit):
            return await self._place(step, root)
        if isinstance(step, Amend):
            await self._amend(self._children[-1], step)
        elif isinstance(step, Cancel):
            self._reads_back, self.due = True, 0.0
            await self._cancel(self._children[-1])
        elif isinstance(step, SendRest):
            child = await self._child(step.quantity, None, root)
            if child is not None:
                await transmit(*child)
        elif self._unsent_ms is not None:
            self._unsent_ms = None
            await self._deny(root, _NEVER_SENT)
        return "done"

    async def _place(self, step: PlaceLimit, root: Intent) -> Outcome:
        """Send a child that rests."""
        child = await self._child(step.quantity, step.price, root)
        if child is None:
            return "done"
        intent, stamp_ms = child
        name, symbol = intent.client_order_id, self._trader.symbol
        return await self._sent(
            intent, LimitOrder(name, symbol, intent.side, intent.quantity, step.price, stamp_ms)
        )

    async def _child(self, quantity: Decimal, price: Decimal | None, root: Intent) -> "Child | None":
        """Intent of the decision, or one of its own for what that has left; None where nothing may be sent.

        One of its own is denied where the account denies it; none is written once the book decided anew.
        """
        stamp_ms, self._unsent_ms = self._unsent_ms, None
        if stamp_ms is not None and (root.order_type == "market") == (price is None):
            refusal = "" if price is None else self._trader.refusal_to_go_on(replace(root, price=price))
            if not refusal:
                return Child(root, stamp_ms)
            await self._deny(root, refusal)
            return None
        if stamp_ms is not None:  # it was to rest, and its time is over
            await self._deny(root, _NEVER_SENT)
        committed = await self._rows.intend_remainder(root, quantity, price)
        if committed is None:
            return None
        refusal = self._trader.refusal_to_send(committed[0])
        if refusal:
            await self._deny(committed[0], refusal)
            return None
        return Child(*committed)

    async def _deny(self, intent: Intent, reason: str) -> None:
        known = await self._rows.with_broker(lambda broker: broker.orders[intent.client_order_id])
        await self._rows.follow(known, "DENIED", reason=reason)

    async def _sent(self, intent: Intent, order: LimitOrder) -> Outcome:
        """Send a child whose intent is committed, and commit what came of it."""
        self._resting = intent.client_order_id
        sent = await self._rows.follow_sent(intent, self._venue.place_limit(order), order.stamp_ms)
        if isinstance(sent, OrderWouldTake):
            return "would take"
        if isinstance(sent, VenueOrder):
            self._chased = self._chased._replace(price=sent.price)
        return "done"

    async def _amend(self, child: PlacedOrder, step: Amend) -> None:
        """Move a child; what came of it is read back at once, whatever the answer was."""
        intent, self._reads_back = child.intent, True
        await self._rows.follow(child, "PENDING_UPDATE", filled=child.progress.filled_quantity)
        stamp_ms = await self._venue.now_ms()
        order = LimitOrder(
            intent.client_order_id, self._trader.symbol, intent.side, intent.quantity, step.price, stamp_ms
        )
        try:
            await self._venue.amend(order)
        except ExchangeError as error:
            extra = {"order": intent.client_order_id, "error": str(error)}
            _log.warning("order is not proven to be moved", extra=extra)

    async def _cancel(self, child: PlacedOrder) -> None:
        with suppress(StoreError):  # an entry that nobody looks after must go all the same
            await self._rows.follow(child, "PENDING_CANCEL", filled=child.progress.filled_quantity)
        await self._cancel_there(child.intent.client_order_id)

    async def _cancel_there(self, name: str) -> None:
        try:
            await self._venue.cancel_order(self._trader.symbol, name)
        except ExchangeError as error:
            _log.warning("order is not proven to be canceled", extra={"order": name, "error": str(error)})


def _now() -> float:
    return asyncio.get_running_loop().time()
