"""Rows of a deployment's orders at a venue: every change goes through its broker, in a thread."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple, TypeVar

from live_runner.book.broker import Broker
from live_runner.book.trader import Trader
from live_runner.venue.broker import VenueBroker
from quant_pipelines.backtest.bar.stops import EXIT_REASONS, STOP_ORDER, TAKE_PROFIT
from quant_pipelines.core.errors import ExchangeError, OrderWouldTake, OutcomeUnknown, StopWouldTrigger
from quant_pipelines.core.ids import moment_order_id
from quant_pipelines.core.orders import OrderKind, OrderStatus, Side
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import OrderStep, PlacedOrder
from quant_pipelines.telemetry.record import count
from quant_pipelines.trading.levels import WantedLevel
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.purposes import REMAINDER, STOP, Purpose
from quant_pipelines.trading.venue import OrderVenue, StopOrder, VenueOrder, VenueStop

_log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class OrderTerms(NamedTuple):
    """Order to intend: side, quantity in base, kind, and its limit in quote per base, if any."""

    side: Side
    quantity: Decimal
    kind: OrderKind = "market"
    price: Decimal | None = None


class OrderRows:
    """Commits what is intended and what is seen.

    Parameters
    ----------
    trader
        Whose orders.
    venue
        Tells the time that they are stamped with.
    epoch
        Epoch of the writer.
    """

    def __init__(self, trader: Trader, venue: OrderVenue, epoch: int) -> None:
        self._trader = trader
        self._venue = venue
        self._epoch = epoch

    async def with_broker(self, act: Callable[[VenueBroker], Answer]) -> Answer:
        """Act on the broker while no bar is booked."""

        def on_venue_broker(broker: Broker) -> Answer:
            assert isinstance(broker, VenueBroker)  # noqa: S101 - the link opened it
            return act(broker)

        return await asyncio.to_thread(self._trader.with_broker, on_venue_broker)

    async def intend(
        self,
        purpose: Purpose,
        order: OrderTerms,
        *,
        exit_reason: str | None = None,
    ) -> tuple[Intent, int]:
        """Commit an intent that belongs to no bar; returns it with its stamp, the venue's milliseconds."""
        name, now_ms = await self._named(purpose)
        at = from_ms(now_ms)
        intent = Intent(name, order.side, order.quantity, purpose, at, order.kind, exit_reason, order.price)
        return await self._committed(self._trader.priced(intent), now_ms)

    async def intend_remainder(
        self, root: Intent, quantity: Decimal, price: Decimal | None
    ) -> tuple[Intent, int] | None:
        """Commit the intent of what another has left, at a limit or at market; its cost counts with that.

        None where the book has decided since: that counted on what it held then.
        """
        name, now_ms = await self._named(REMAINDER)
        kind: OrderKind = "market" if price is None else "limit"
        intent = replace(
            root,
            client_order_id=name,
            quantity=quantity,
            purpose=REMAINDER,
            bar_close=from_ms(now_ms),
            order_type=kind,
            price=price,
        )

        def added(broker: VenueBroker) -> bool:
            is_newest = broker.decided_ms <= to_ms(root.bar_close)
            if is_newest:
                broker.add(intent, from_ms(now_ms))
            return is_newest

        return (intent, now_ms) if await self.with_broker(added) else None

    async def intend_at_market(self, passed: Intent) -> tuple[Intent, int]:
        """Commit the intent of what a strategy's stop does whose price had come before it stood."""
        name, now_ms = await self._named(passed.purpose)
        intent = replace(
            passed,
            client_order_id=name,
            bar_close=from_ms(now_ms),
            order_type="market",
            price=None,
            exit_reason=EXIT_REASONS[STOP_ORDER],
        )
        return await self._committed(self._trader.priced(intent), now_ms)

    async def intend_stop(
        self, wanted: WantedLevel, quantity: Decimal | None = None, *, covered: Decimal
    ) -> StopOrder:
        """Commit the intent of a stop, of a quantity or of all that is ``covered``; it may be sent then."""
        covered = covered if quantity is None else quantity
        takes_profit = wanted.reason == EXIT_REASONS[TAKE_PROFIT]
        kind: OrderKind = "take_profit_market" if takes_profit else "stop_market"
        name, now_ms = await self._named(STOP)
        intent = Intent(name, wanted.side, covered, STOP, from_ms(now_ms), kind, wanted.reason)
        await self._committed(replace(intent, decision_price=wanted.trigger_price), now_ms)
        return StopOrder(
            name,
            self._trader.symbol,
            wanted.side,
            wanted.trigger_price,
            now_ms,
            quantity,
            takes_profit=takes_profit,
        )

    async def _named(self, purpose: Purpose) -> tuple[str, int]:
        """Name of an intent of this moment, and the moment."""
        now_ms = await self._venue.now_ms()
        return moment_order_id(self._epoch, self._trader.plan.deployment.id, now_ms, purpose[0]), now_ms

    async def _committed(self, intent: Intent, now_ms: int) -> tuple[Intent, int]:
        await self.with_broker(lambda broker: broker.add(intent, from_ms(now_ms)))
        return intent, now_ms

    async def follow(
        self,
        order: PlacedOrder,
        status: OrderStatus,
        *,
        filled: Decimal = Decimal(0),
        venue_order_id: str = "",
        reason: str = "",
    ) -> None:
        """Commit an order's status; what is late or doubled changes nothing."""
        at = from_ms(await self._venue.now_ms())
        name = order.intent.client_order_id
        step = OrderStep(name, OrderProgress(status, filled), venue_order_id or None, reason)
        if await self.with_broker(lambda broker: broker.follow(step, at)):
            deployment = self._trader.plan.deployment.id
            count("quant_order_states_total", deployment=deployment, status=status)
            _log.info("order state", extra={"deployment": deployment, "order": name, "status": status})

    async def follow_sent(
        self, intent: Intent, answer: Awaitable[VenueOrder], stamp_ms: int
    ) -> VenueOrder | ExchangeError:
        """Wait for what the venue answers to an order, commit that, and return it.

        A refusal counts for the account and, by its row, for its stage, but not the one of a post-only order
        that would have traded at once, or of a stop that would have triggered: that the price has moved is no
        fault of ours. It has expired.
        """
        name = intent.client_order_id
        try:
            sent = await answer
        except ExchangeError as error:
            status, what = _came_to(error)
            _log.warning(what, extra={"order": name, "error": str(error)})
            await self.follow(await self._order(name), status, reason=str(error))
            if status == "REJECTED":
                self._trader.refused(error, stamp_ms)
            return error
        known, number = await self._order(name), sent.venue_order_id
        await self.follow(known, sent.status, filled=sent.filled_quantity, venue_order_id=number)
        return sent

    async def _order(self, name: str) -> PlacedOrder:
        return await self.with_broker(lambda broker: broker.orders[name])

    async def follow_stop(self, stop: VenueStop, *, reason: str = "") -> None:
        """Commit what the venue says of a stop; its fills come with its child order only."""
        known = await self.with_broker(lambda broker: broker.order_of(client_order_id=stop.client_order_id))
        if known is not None:
            number = stop.child_order_id or stop.venue_order_id
            filled = known.progress.filled_quantity
            await self.follow(known, stop.status, filled=filled, venue_order_id=number, reason=reason)


def _came_to(error: ExchangeError) -> tuple[OrderStatus, str]:
    """Status of an order that was answered so, and what is logged of it."""
    if isinstance(error, OutcomeUnknown):
        return "UNKNOWN", "outcome unknown"
    has_moved = isinstance(error, OrderWouldTake | StopWouldTrigger)
    return ("EXPIRED" if has_moved else "REJECTED"), "order refused"
