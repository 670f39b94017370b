"""One deployment's talk with its venue: a single task sends, books, sweeps and protects, one thing at a time.

Crash-only: whatever breaks ends ``run``, and the next ``run`` begins by comparing the books.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeAlias

from live_runner.book.broker import OpenBroker
from live_runner.book.plan import DeploymentPlan
from live_runner.book.trader import Trader, shown
from live_runner.venue.attribution import attributed
from live_runner.venue.broker import (
    VenueBroker,
    Wire,
    open_venue_broker,
)
from live_runner.venue.covering import Around, Covering
from live_runner.venue.look_up import LookUps
from live_runner.venue.order_rows import OrderRows
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import (
    ExchangeError,
    OutcomeUnknown,
    ReconciliationError,
    with_its_kind,
)
from quant_pipelines.core.settings import RunnerSettings
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, from_ms, to_ms
from quant_pipelines.stack.pulse import Pulse
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.trading import Intent
from quant_pipelines.trading.purposes import EXITS
from quant_pipelines.trading.reconcile import OurRows, VenueRows, reconcile
from quant_pipelines.trading.tries import READ_BACK_SECONDS, Pace, Tries
from quant_pipelines.trading.venue import (
    MarketOrder,
    OrderUpdate,
    OrderVenue,
    StopUpdate,
    VenueEvent,
    VenueTrade,
)

_SOON_SECONDS = 0.4
_PAYMENTS_LATE_MS = HOUR_MS
"""How late a payment may show up at the venue, after its own time."""
_LATEST_SEND_MS = 10_000
_PATIENCE = 3
"""Comparisons in a row that must differ before a person is called: a fill may be on its way."""

_NEVER_SENT = "never sent: the runner or the venue was away"

_log = logging.getLogger(__name__)


class BarClosed(NamedTuple):
    """A bar is booked: its stops may have moved, or have fired."""


Item: TypeAlias = Intent | BarClosed | VenueEvent


@dataclass(frozen=True, slots=True)
class Station:
    """What a link talks to, and by which rules."""

    journal: Journal
    venue: OrderVenue
    settings: RunnerSettings
    epoch: int
    wall_ms: Clock
    read_back_seconds: float = READ_BACK_SECONDS
    begun: Callable[[Trader], None] = lambda _trader: None
    """Told when the books of a deployment were compared with the venue, also after a failure."""
    pulse: Pulse = field(default_factory=Pulse)
    """Told when a position is about to be uncovered, and when it is covered."""
    barred: Callable[[], str] = lambda: ""
    """Why nothing is decided although the books agree, in one sentence; empty when it is."""


class VenueLink:
    """Talks with the venue for one deployment.

    Parameters
    ----------
    station
        Rows, venue, settings, epoch and clock.

    Attributes
    ----------
    begun
        Set once the books have been compared with the venue.
    away_since_ms
        Since when the talk is broken, milliseconds UTC by the machine's clock; None while it goes on.
    may_be_uncovered
        Whether something may be held that no stop is known to protect.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._venue = station.venue
        loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[Item] = asyncio.Queue()
        self._wire = Wire(lambda intent: self._take(loop, intent), lambda: _put_look(loop, self._inbox))
        self._exit_pace = Pace()
        self._difference = ""
        self._differences = 0
        self._has_begun = False
        self.begun = asyncio.Event()
        self.away_since_ms: int | None = None
        self.may_be_uncovered = False
        self._next_sweep = 0.0
        self._next_payments_ms = 0
        self._trader: Trader
        self._plan: DeploymentPlan
        self._rows: OrderRows
        self._covering: Covering
        self._look_ups: LookUps

    @property
    def open_broker(self) -> OpenBroker:
        """How the trader opens its broker."""
        fraction = self._station.settings.disaster_stop_fraction
        return partial(open_venue_broker, stop_fraction=fraction, wire=self._wire)

    def wake(self) -> None:
        """Look at the trader and at the venue now."""
        self._inbox.put_nowait(None)

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
        around = Around(self._station.journal, self._sweep, self._transmit, lambda: not self._inbox.empty())
        tries = Tries(self._exit_pace, read_back_seconds=self._station.read_back_seconds)
        self._covering = Covering(trader, self._venue, rows=self._rows, around=around, tries=tries)
        self._look_ups = LookUps(self._venue, self._rows, trader.symbol)
        self._has_begun = False
        self.may_be_uncovered = not await self._covering.is_covered()
        listening = asyncio.create_task(self._listen(), name=f"user stream of {trader.symbol}")
        try:
            await self._venue.prepare(trader.symbol, self._station.settings.leverage)
            await self._begin()
            while not listening.done():
                await self._turn()
            listening.result()
        finally:
            self._wire.blocked_by = "the venue is away"
            self._exit_pace = self._covering.tries.exit
            self.away_since_ms = self.away_since_ms or self._station.wall_ms()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def _take(self, loop: asyncio.AbstractEventLoop, intent: Intent) -> None:
        """Take a committed intent, from any thread; whatever ends this process now may leave it uncovered."""
        self._note(is_uncovered=True)
        loop.call_soon_threadsafe(self._inbox.put_nowait, intent)

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
        await self._cover()
        self._has_begun, self.away_since_ms = True, None
        self._judge(self._difference)
        self.begun.set()
        self._station.begun(self._trader)
        _log.info("books agree with the venue", extra={"deployment": self._plan.deployment.id})

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        item: Item = None
        is_due = True
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._next_sweep - now)):
                item = await self._inbox.get()
            is_due = item is None
            if is_due:
                self._next_payments_ms = 0
        if isinstance(item, Intent):
            await self._send(item)
        elif isinstance(item, OrderUpdate):
            if item.trade is not None:
                await self._book([item.trade])
            await self._rows.follow_order(item.order)
        elif isinstance(item, StopUpdate):
            self._covering.protection.note(item.stop)
            await self._rows.follow_stop(item.stop)
        await self._cover()
        if is_due or asyncio.get_running_loop().time() >= self._next_sweep:
            await self._sweep_trades()
            await self._cover()  # what was filled waits for no comparison
            await self._compare()
            await self._cover()

    async def _cover(self) -> None:
        await self._covering.keep()
        is_covered = await self._covering.is_covered()
        if not is_covered:
            soon = asyncio.get_running_loop().time() + _SOON_SECONDS
            self._next_sweep = min(self._next_sweep, soon)
        self._note(is_uncovered=not is_covered)

    def _note(self, *, is_uncovered: bool) -> None:
        self.may_be_uncovered = is_uncovered
        self._station.pulse.note(self._plan.deployment.id, is_uncovered=is_uncovered)

    async def _send(self, intent: Intent) -> None:
        """Send a committed intent, once, or write down why not."""
        order = await self._rows.with_broker(lambda broker: broker.orders[intent.client_order_id])
        if order.progress.status != "INITIALIZED":
            return  # settled while it waited here: the link broke and began again
        has_left = await self._covering.leave_first()
        now_ms = await self._venue.now_ms()
        refusal = "" if has_left else "the exit of a stop comes first"
        if now_ms - to_ms(order.stamp) > _LATEST_SEND_MS:
            refusal = f"woke {(now_ms - to_ms(order.stamp)) / 1000:.1f} s after its decision"
        refusal = self._trader.refusal_to_send(intent) or refusal
        if refusal:
            await self._rows.follow(order, "DENIED", reason=refusal)
            return
        await self._rows.follow(order, "SUBMITTED")  # proves the epoch once more, right before the request
        await self._transmit(intent, now_ms)

    async def _transmit(self, intent: Intent, stamp_ms: int) -> None:
        name, is_exit = intent.client_order_id, intent.purpose in EXITS
        order = MarketOrder(
            name, self._trader.symbol, intent.side, intent.quantity, stamp_ms, reduce_only=is_exit
        )
        self._next_sweep = 0.0
        if not is_exit:
            self._note(is_uncovered=True)
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
        error = ReconciliationError(f"{self._trader.symbol}: {found.external}; expected orders of ours only")
        halts = bool(found.external) and not self._trader.is_halted
        halt = with_its_kind(error) if halts else ""
        fills = await self._rows.with_broker(lambda broker: broker.receive(found.ours, (), at, halt=halt))
        for fill in fills:
            _log.info("fill", extra={"deployment": self._plan.deployment.id, **shown(fill)})
        is_new = any(fill.client_order_id is None for fill in fills) or len(found.ours) < len(trades)
        if halts and is_new:
            raise error

    async def _sweep(self) -> None:
        """Read everything at the venue, book what is new, and compare."""
        await self._sweep_trades()
        await self._compare()

    async def _compare(self) -> None:
        """Compare orders, stops and position with the venue's, and book its payments."""
        symbol, venue = self._trader.symbol, self._venue
        await self._sweep_payments()
        orders, stops, position = await asyncio.gather(
            venue.open_orders(symbol), venue.open_stops(symbol), venue.position(symbol)
        )
        ours = await self._rows.with_broker(partial(_our_rows, symbol))
        plan = reconcile(ours, VenueRows(position, tuple(orders), tuple(stops)))
        for seen in plan.seen:
            await self._rows.follow_order(seen)
        for name in plan.look_up:
            await self._look_ups.look_up(name, self._sweep_trades)
        if plan.look_up:
            await self._sweep_trades()  # a stop that has left the list was filled
        for name in plan.cancel:
            await venue.cancel_stop(symbol, name)
        self._covering.protection.take_over(plan.standing)
        for standing in plan.standing:
            await self._rows.follow_stop(standing)
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

    async def _sweep_payments(self) -> None:
        now_ms = await self._venue.now_ms()
        if now_ms < self._next_payments_ms:
            return
        self._next_payments_ms = now_ms + MINUTE_MS
        since_ms = to_ms(self._plan.deployment.created_at)
        paid_ms = await self._rows.with_broker(lambda broker: broker.paid_until_ms)
        if paid_ms is not None:
            since_ms = max(since_ms, paid_ms - _PAYMENTS_LATE_MS)
        payments = await self._venue.payments(self._trader.symbol, since_ms)
        await self._rows.with_broker(lambda broker: broker.receive((), payments, from_ms(now_ms)))

    def _judge(self, difference: str) -> None:
        """Block decisions while the positions differ; halt once they differ for longer than a fill takes."""
        self._difference = difference
        if self._has_begun:
            self._wire.blocked_by = difference or self._station.barred()
        self._differences = self._differences + 1 if difference else 0
        if self._differences > _PATIENCE:
            self._differences = 0
            if not self._trader.is_halted:
                raise ReconciliationError(difference)


def _our_rows(symbol: str, broker: VenueBroker) -> OurRows:
    statuses = {name: order.progress.status for name, order in broker.orders.items()}
    return OurRows(symbol, broker.position().quantity, statuses, not broker.unsettled())


def _put_look(loop: asyncio.AbstractEventLoop, inbox: "asyncio.Queue[Item]") -> None:
    """Have the book looked at; whatever waits already has that done as well."""

    def put() -> None:
        if inbox.empty():
            inbox.put_nowait(BarClosed())

    loop.call_soon_threadsafe(put)
