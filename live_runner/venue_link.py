"""One deployment's talk with its venue: a single task sends, books, sweeps and protects, one thing at a time.

Crash-only: whatever breaks ends ``run``, and the next ``run`` begins by comparing the books.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine

from live_runner.attribution import attributed
from live_runner.broker import OpenBroker
from live_runner.order_rows import OrderRows
from live_runner.plan import Plan
from live_runner.protection import Protection, wanted_stop
from live_runner.trader import Trader, shown
from live_runner.venue_broker import (
    PURPOSE_FLATTEN,
    PURPOSE_STOP,
    VenueBroker,
    Wire,
    open_venue_broker,
)
from quant_pipelines.core.errors import (
    ExchangeError,
    OutcomeUnknown,
    ReconciliationError,
)
from quant_pipelines.core.settings import RunnerSettings
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms, to_ms
from quant_pipelines.store.heartbeats import write_alert
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.reconcile import OurRows, VenueRows, reconcile
from quant_pipelines.trading.venue import (
    RECEIVE_WINDOW_MS,
    MarketOrder,
    OrderUpdate,
    OrderVenue,
    StopUpdate,
    VenueEvent,
    VenueTrade,
)

_SOON_SECONDS = 0.4
_LATEST_SEND_MS = 10_000
_MARGIN_MS = 1_500
_LOOK_UPS = 3
_PATIENCE = 3
"""Comparisons in a row that must differ before a person is called: a fill may be on its way."""

_NEVER_SENT = "never sent: the runner or the venue was away"

_log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Station:
    """What a link talks to, and by which rules."""

    engine: Engine
    venue: OrderVenue
    settings: RunnerSettings
    epoch: int


class VenueLink:
    """Talks with the venue for one deployment.

    Parameters
    ----------
    station
        Database, venue, settings and epoch.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._venue = station.venue
        loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[Intent | VenueEvent] = asyncio.Queue()
        self._wire = Wire(lambda intent: _put(loop, self._inbox, intent))
        self._missing: dict[str, int] = {}
        self._differences = 0
        self._next_sweep = 0.0
        self._next_funding_ms = 0
        self._trader: Trader
        self._plan: Plan
        self._rows: OrderRows
        self._protection: Protection

    @property
    def open_broker(self) -> OpenBroker:
        """How the trader opens its broker."""
        fraction = self._station.settings.disaster_stop_fraction
        return partial(open_venue_broker, stop_fraction=fraction, wire=self._wire)

    async def run(self, trader: Trader) -> None:
        """Trade until something breaks.

        Raises
        ------
        StoreError
            If another writer has taken over, or the database does not answer.
        ReconciliationError
            If our books and the venue's differ.
        ExchangeError
            If the venue does not answer or refuses.
        """
        self._trader, self._plan = trader, trader.plan
        self._rows = OrderRows(trader, self._venue, self._station.epoch)
        self._protection = Protection(self._venue, self._rows, trader.symbol)
        listening = asyncio.create_task(self._listen(), name=f"user stream of {trader.symbol}")
        try:
            await self._venue.prepare(trader.symbol, self._station.settings.leverage)
            await self._begin()
            while not listening.done():
                await self._turn()
            listening.result()
        finally:
            self._wire.blocked_by = "the venue is away"
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self) -> None:
        async for event in self._venue.events(self._trader.symbol):
            self._inbox.put_nowait(event)

    async def _begin(self) -> None:
        """Settle what an earlier life left behind, then compare the books."""
        while not self._inbox.empty():
            self._inbox.get_nowait()  # its intents are rows, its events are swept
        for order in await self._rows.with_broker(lambda broker: list(broker.orders.values())):
            if order.progress.status == "INITIALIZED":
                await self._rows.follow(order, "DENIED", reason=_NEVER_SENT)
            if order.progress.status == "SUBMITTED":
                await self._rows.follow(order, "UNKNOWN")
        self._differences = 0
        await self._sweep()
        while self._differences:
            await asyncio.sleep(_SOON_SECONDS)
            await self._sweep()
        await self._protect()
        self._wire.blocked_by = ""
        _log.info("books agree with the venue", extra={"deployment": self._plan.deployment.id})

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        item: Intent | VenueEvent = None
        is_due = True
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._next_sweep - now)):
                item = await self._inbox.get()
            is_due = item is None
        if isinstance(item, Intent):
            await self._send(item)
        elif isinstance(item, OrderUpdate):
            if item.trade is not None:
                await self._book([item.trade])
            await self._rows.follow_order(item.order)
        elif isinstance(item, StopUpdate):
            await self._rows.follow_stop(item.stop)
        await self._protect()
        if is_due or asyncio.get_running_loop().time() >= self._next_sweep:
            await self._sweep()
            await self._protect()

    async def _send(self, intent: Intent) -> None:
        """Send a committed intent, once, or write down why not."""
        order = await self._rows.with_broker(lambda broker: broker.orders[intent.client_order_id])
        if order.progress.status != "INITIALIZED":
            return  # settled while it waited here: the link broke and began again
        now_ms = await self._venue.now_ms()
        refusal = ""
        if self._trader.state == "HALTED":
            refusal = "halted before it was sent"
        elif now_ms - to_ms(order.stamp) > _LATEST_SEND_MS:
            refusal = f"woke {(now_ms - to_ms(order.stamp)) / 1000:.1f} s after its decision"
        if refusal:
            await self._rows.follow(order, "DENIED", reason=refusal)
            return
        await self._rows.follow(order, "SUBMITTED")  # proves the epoch once more, right before the request
        await self._transmit(intent, now_ms)

    async def _transmit(self, intent: Intent, stamp_ms: int) -> None:
        name, is_exit = intent.client_order_id, intent.purpose == PURPOSE_FLATTEN
        order = MarketOrder(
            name, self._trader.symbol, intent.side, intent.quantity, stamp_ms, reduce_only=is_exit
        )
        self._next_sweep = 0.0
        known = await self._rows.with_broker(lambda broker: broker.orders[name])
        try:
            sent = await self._venue.send(order)
        except OutcomeUnknown as error:
            _log.warning("outcome unknown", extra={"order": name, "error": str(error)})
            await self._rows.follow(known, "UNKNOWN", reason=str(error))
        except ExchangeError as error:
            _log.warning("order refused", extra={"order": name, "error": str(error)})
            await self._rows.follow(known, "REJECTED", reason=str(error))
        else:
            await self._rows.follow(
                known, sent.status, filled=sent.filled_quantity, venue_order_id=sent.venue_order_id
            )

    async def _book(self, trades: list[VenueTrade]) -> None:
        at = from_ms(await self._venue.now_ms())
        found = await attributed(self._venue, self._trader.symbol, trades, self._rows.with_broker)
        fills = await self._rows.with_broker(lambda broker: broker.receive(found.ours, (), at))
        for fill in fills:
            _log.info("fill", extra={"deployment": self._plan.deployment.id, **shown(fill)})
        if found.external and self._trader.state != "HALTED":
            raise ReconciliationError(
                f"{self._trader.symbol}: {found.external}; expected orders of ours only"
            )

    async def _sweep(self) -> None:
        """Read everything at the venue, book what is new, and compare."""
        symbol, venue = self._trader.symbol, self._venue
        await self._sweep_trades()
        await self._sweep_funding()
        orders, stops, position = await asyncio.gather(
            venue.open_orders(symbol), venue.open_stops(symbol), venue.position(symbol)
        )
        ours = await self._rows.with_broker(partial(_our_rows, symbol))
        plan = reconcile(ours, VenueRows(position, tuple(orders), tuple(stops)))
        for seen in plan.seen:
            await self._rows.follow_order(seen)
        for name in plan.look_up:
            await self._look_up(name)
        for name in plan.cancel:
            await venue.cancel_stop(symbol, name)
        self._protection.standing = plan.stop
        if plan.stop is not None:
            await self._rows.follow_stop(plan.stop)
        self._judge(plan.difference)
        is_waiting = bool(await self._rows.with_broker(lambda broker: broker.unsettled())) or bool(
            self._differences
        )
        pause = _SOON_SECONDS if is_waiting else self._station.settings.reconcile_seconds
        self._next_sweep = asyncio.get_running_loop().time() + pause

    async def _sweep_trades(self) -> None:
        swept = await self._rows.with_broker(lambda broker: broker.swept_trade_id)
        trades = await self._venue.trades(self._trader.symbol, None if swept is None else str(int(swept) + 1))
        if swept is not None:
            await self._book(trades)
        newest = trades[-1].trade_id if trades else swept or "0"
        await self._rows.with_broker(lambda broker: setattr(broker, "swept_trade_id", newest))

    async def _sweep_funding(self) -> None:
        now_ms = await self._venue.now_ms()
        if now_ms < self._next_funding_ms:
            return
        self._next_funding_ms = now_ms + MINUTE_MS
        paid_ms = await self._rows.with_broker(lambda broker: broker.paid_until_ms)
        since_ms = to_ms(self._plan.deployment.created_at) if paid_ms is None else paid_ms + 1
        payments = await self._venue.funding(self._trader.symbol, since_ms)
        await self._rows.with_broker(lambda broker: broker.receive((), payments, from_ms(now_ms)))

    def _judge(self, difference: str) -> None:
        self._differences = self._differences + 1 if difference else 0
        if self._differences > _PATIENCE:
            self._differences = 0
            if self._trader.state != "HALTED":
                raise ReconciliationError(difference)

    async def _look_up(self, name: str) -> None:
        """Ask for one order by our name; one that is not found in time never arrived."""
        order = await self._rows.with_broker(lambda broker: broker.orders[name])
        if await self._is_found(order):
            self._missing.pop(name, None)
            return
        now_ms = await self._venue.now_ms()
        if now_ms < to_ms(order.stamp) + RECEIVE_WINDOW_MS + _MARGIN_MS:
            return
        self._missing[name] = self._missing.get(name, 0) + 1
        if self._missing[name] < _LOOK_UPS:
            return
        if order.progress.status not in ("SUBMITTED", "UNKNOWN"):
            raise ReconciliationError(
                f"order {name} is {order.progress.status}; expected the venue to know it"
            )
        await self._sweep_trades()
        await self._rows.follow(
            order, "REJECTED", reason=f"not found in {_LOOK_UPS} look-ups: it never arrived"
        )

    async def _is_found(self, order: PlacedOrder) -> bool:
        symbol, name = self._trader.symbol, order.intent.client_order_id
        if order.intent.purpose != PURPOSE_STOP:
            found = await self._venue.find_order(symbol, client_order_id=name)
        else:
            stop = await self._venue.find_stop(symbol, name)
            if stop is None:
                return False
            await self._rows.follow_stop(stop)
            child = stop.child_order_id
            found = await self._venue.find_order(symbol, venue_order_id=child) if child else None
            if found is None:
                return True
        if found is None:
            return False
        await self._rows.follow(
            order, found.status, filled=found.filled_quantity, venue_order_id=found.venue_order_id
        )
        return True

    async def _protect(self) -> None:
        """See to it that a stop covers the position, or that there is none."""
        position, level, unsettled = await self._rows.with_broker(
            lambda broker: (broker.position().quantity, broker.stop_price, broker.unsettled())
        )
        instrument = self._plan.deployment.instrument
        assert instrument is not None  # noqa: S101 - a plan has one
        if any(order.intent.purpose == PURPOSE_FLATTEN for order in unsettled):
            return
        if await self._protection.keep(wanted_stop(position, level, instrument.tick_size)) or not position:
            return
        await self._flatten(position)

    async def _flatten(self, position: Decimal) -> None:
        """Close a position that no stop covers."""
        key, symbol = self._plan.deployment.key, self._trader.symbol
        side = "sell" if position > 0 else "buy"
        intent, now_ms = await self._rows.intend(PURPOSE_FLATTEN, side, abs(position), "market")
        message = f"{symbol}: no stop at the venue covers {position} within 2 s; flattened"
        _log.error("flatten", extra={"deployment": self._plan.deployment.id, "reason": message})
        at = from_ms(now_ms)
        await asyncio.to_thread(write_alert, self._station.engine, "warning", key, message, detail={}, at=at)
        await self._transmit(intent, now_ms)


def _our_rows(symbol: str, broker: VenueBroker) -> OurRows:
    statuses = {name: order.progress.status for name, order in broker.orders.items()}
    return OurRows(symbol, broker.position().quantity, statuses, not broker.unsettled())


def _put(
    loop: asyncio.AbstractEventLoop, inbox: "asyncio.Queue[Intent | VenueEvent]", intent: Intent
) -> None:
    loop.call_soon_threadsafe(inbox.put_nowait, intent)
