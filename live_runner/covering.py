"""Sees to it that what is held at a venue is covered, or closed: its stop, its take-profit, its exits.

The stop and the take-profit stand at the venue; what fires at a bar's close is a reduce-only market order.
A level moves at most once for each closed bar and each order that fills, by a tick or more; what the venue
did not take is tried again after 2 s, then ever later, while the old stop stands.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Engine

from live_runner.exits import Tries
from live_runner.order_rows import OrderRows
from live_runner.protection import READ_BACK_SECONDS, Protection, Wanted, wanted_stop
from live_runner.trader import Trader
from live_runner.venue_broker import (
    VenueBroker,
)
from quant_pipelines.backtest.bar.stops import EXIT_REASONS, TAKE_PROFIT
from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.core.orders import closing_side
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.store.heartbeats import Alert, write_alert
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.purposes import CLOSE, EXIT, EXITS, FLATTEN, STOP, Purpose
from quant_pipelines.trading.venue import OrderVenue, VenueStop

_LAST_LOOK_SECONDS = 1.0
_FILLS_MS = 2_000
"""How long after an order was sent, or a stop has triggered, its fills are waited for."""
_GOAL = EXIT_REASONS[TAKE_PROFIT]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Around:
    """What covering asks of the link.

    Parameters
    ----------
    engine
        Product database, for alerts.
    sweep
        Books everything that the venue has.
    transmit
        Sends a committed intent, with its stamp in the venue's milliseconds.
    has_more
        Whether something has come that is not booked yet.
    exits
        Paces the exits, also of a link that begins again.
    read_back_seconds
        How long a stop may take until the venue shows it.
    """

    engine: Engine
    sweep: Callable[[], Awaitable[None]]
    transmit: Callable[[Intent, int], Awaitable[None]]
    has_more: Callable[[], bool]
    exits: Tries
    read_back_seconds: float = READ_BACK_SECONDS


@dataclass(frozen=True, slots=True)
class _Cover:
    """Position, what should stand for it, why it is to be closed, and the orders that may change it."""

    position: Decimal
    stop: Wanted | None
    goal: Wanted | None
    leaves_by: str
    waiting: list[PlacedOrder]

    @property
    def is_closing(self) -> bool:
        return any(order.intent.purpose in EXITS for order in self.waiting)


class Covering:
    """Stop, take-profit and exits of one deployment.

    Parameters
    ----------
    trader
        Whose position.
    venue
        Where it is.
    rows
        Who commits intents.
    around
        What is asked of the link.

    Attributes
    ----------
    stop, goal
        What stands at the venue.
    """

    def __init__(self, trader: Trader, venue: OrderVenue, rows: OrderRows, around: Around) -> None:
        self._trader = trader
        self._venue = venue
        self._rows = rows
        self._around = around
        seconds = around.read_back_seconds
        self.stop = Protection(venue, rows, trader.symbol, read_back_seconds=seconds)
        self.goal = Protection(venue, rows, trader.symbol, read_back_seconds=seconds)
        self._exits = around.exits
        self._moves = Tries()
        self._goal_tries = Tries()
        self._moving_to: Wanted | None = None

    def note(self, stop: VenueStop) -> None:
        """Take over what the venue says of a stop or take-profit."""
        self.stop.note(stop)
        self.goal.note(stop)

    async def keep(self) -> None:
        """See to it that a stop covers the position, that it is being closed, or that there is none.

        Raises
        ------
        StoreError
            If an intent can't be committed.
        """
        held = await self._held()
        if held.is_closing or await self._leave(held):
            return
        if not held.position:
            self._exits.succeeded()
        if await self._is_triggering(held.waiting):
            return
        if self.stop.protects(held.position) and await self._has_more(held):
            return  # its level is set once all that has come is booked
        if await self._keep_stop(held) or not held.position:
            await self._keep_goal(held)
            return
        await self._close_if_naked()

    async def is_covered(self) -> bool:
        """Whether nothing is held that no stop protects, and no order works that may change that."""
        held = await self._held()
        return not held.waiting and self.stop.protects(held.position)

    async def leave_first(self) -> bool:
        """Close what a stop closes at this bar, before another order is sent; False if that can't be."""
        held = await self._held()
        return not held.position or not held.leaves_by or held.is_closing or await self._leave(held)

    async def _leave(self, held: _Cover) -> bool:
        """Close the position if an operator asked, or a stop fired at a close; whether that was tried."""
        position, symbol = held.position, self._trader.symbol
        is_asked = self._trader.must_flatten
        if not position or not (is_asked or held.leaves_by):
            return False
        if not is_asked and await self._is_triggering(held.waiting):
            return False  # what stands at the venue was faster
        if not self._exits.may_try():
            return False
        if is_asked:
            await self._exit(CLOSE, position)
            await self._alert(f"{symbol}: {position} closed as an operator asked")
        else:
            await self._exit(EXIT, position, held.leaves_by)
        return True

    async def _keep_stop(self, held: _Cover) -> bool:
        """Place or move the stop; False if the position must be closed instead."""
        wanted = held.stop
        if not held.position or self.stop.covers(wanted) or not self.stop.protects(held.position):
            return await self.stop.keep(wanted, held.position)
        if wanted != self._moving_to:
            self._moving_to = wanted
            self._moves.succeeded()
        return not self._moves.may_try() or await self.stop.keep(wanted, held.position)

    async def _keep_goal(self, held: _Cover) -> None:
        """Place or move the take-profit; a price that is there already takes it at once."""
        if self.goal.covers(held.goal) or (held.position and not self._goal_tries.may_try()):
            return
        await self.goal.keep(held.goal, held.position)
        if self.goal.covers(held.goal):
            self._goal_tries.succeeded()
        if not self.goal.is_through:
            return
        held = await self._held()
        if held.position and not held.is_closing and self._exits.may_try():
            await self._exit(EXIT, held.position, _GOAL)

    async def _close_if_naked(self) -> None:
        """Close a position that no stop protects, unless it has been closed meanwhile, as by its stop."""
        with suppress(ExchangeError, TimeoutError):  # what can't be read is closed: an exit only reduces
            async with asyncio.timeout(_LAST_LOOK_SECONDS):
                await self._around.sweep()
        held = await self._held()
        is_closing = held.is_closing or await self._is_triggering(held.waiting)
        if not held.position or is_closing or not self.stop.is_naked(held.stop, held.position):
            return
        if not self._exits.may_try():
            return
        is_stopped, was_protected = self.stop.is_through, self.stop.protects(held.position)
        reason = held.stop.reason if is_stopped and held.stop else None
        await self._exit(FLATTEN, held.position, reason)
        if not (is_stopped and was_protected):  # else its stop had moved to where the price was already
            symbol = self._trader.symbol
            await self._alert(f"{symbol}: no stop at the venue covers {held.position} within 2 s; flattened")

    async def _held(self) -> _Cover:
        instrument = self._trader.plan.deployment.instrument
        assert instrument is not None  # noqa: S101 - a plan has one
        tick_size = instrument.tick_size

        def look(broker: VenueBroker) -> _Cover:
            position = broker.position().quantity
            return _Cover(
                position,
                wanted_stop(position, broker.stop_price, tick_size, broker.stop_name),
                wanted_stop(position, broker.goal_price, tick_size, _GOAL),
                broker.leaves_by,
                broker.unsettled(),
            )

        return await self._rows.with_broker(look)

    async def _has_more(self, held: _Cover) -> bool:
        """Whether more has come of what is held, or is on its way: an order fills in several parts."""
        filling = [order for order in held.waiting if order.intent.purpose != STOP]
        return bool(held.position) and (self._around.has_more() or await self._is_recent(filling))

    async def _is_triggering(self, waiting: list[PlacedOrder]) -> bool:
        """Whether a stop has triggered just now, so that its fill is on its way."""
        return await self._is_recent([order for order in waiting if order.intent.purpose == STOP])

    async def _is_recent(self, orders: list[PlacedOrder]) -> bool:
        """Whether the newest of these orders has changed so lately that its fills are waited for."""
        stamps = [to_ms(order.stamp) for order in orders]
        return bool(stamps) and await self._venue.now_ms() < max(stamps) + _FILLS_MS

    async def _exit(self, purpose: Purpose, position: Decimal, exit_reason: str | None = None) -> None:
        """Close a position at once."""
        side = closing_side(position)
        intent, now_ms = await self._rows.intend(
            purpose, side, abs(position), "market", exit_reason=exit_reason
        )
        deployment = self._trader.plan.deployment.id
        _log.warning("exit", extra={"deployment": deployment, "purpose": purpose, "reason": exit_reason})
        await self._around.transmit(intent, now_ms)

    async def _alert(self, message: str) -> None:
        at = from_ms(await self._venue.now_ms())
        key = self._trader.key
        await asyncio.to_thread(write_alert, self._around.engine, Alert("warning", key, message, at))
