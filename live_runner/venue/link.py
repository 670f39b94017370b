"""The talk with a venue about one symbol of an account: a single task sends, books, sweeps and protects.

It does one thing at a time, for every book there. Crash-only: whatever breaks ends ``run``, and the next
``run`` begins by comparing the books.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from live_runner.book.bookings import log_fill
from live_runner.book.broker import Opened
from live_runner.book.plan import DeploymentPlan
from live_runner.book.trader import Trader
from live_runner.ports.tasks import clear_up, end_all
from live_runner.venue.covering import Around
from live_runner.venue.covers import Covers
from live_runner.venue.dead_man import DeadMan
from live_runner.venue.entries import Entries, entry_of
from live_runner.venue.liquidation import LiquidationGuard
from live_runner.venue.opening import open_venue_broker, require_alone
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.place import Seat, VenuePlace
from live_runner.venue.protection import Protection
from live_runner.venue.removed import RemovedBooks
from live_runner.venue.sender import Sender, Signals
from live_runner.venue.station import BarClosed, Item, LevelReached, Station
from live_runner.venue.sweeps import Sweeps, in_flight, n_resting, needs_cover
from live_runner.venue.symbol_settings import SymbolSettings
from live_runner.venue.unsent import settle_unsent
from live_runner.venue.wire import Wire
from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.trading import Intent
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.venue import OrderUpdate, StopUpdate

_SOON_SECONDS = 0.4
_PATIENCE = 3
"""Comparisons in a row that must differ before a person is called: a fill may be on its way."""
_CYCLE_SECONDS = 0.25
"""How long an order waits for the other books that decide on the same bar."""

_log = logging.getLogger(__name__)


class VenueLink:
    """Talks with the venue for all books at one symbol of an account.

    Parameters
    ----------
    station
        Rows, venue, settings, epoch and clock.

    Attributes
    ----------
    place
        The books.
    away_since_ms
        Since when the talk is broken, milliseconds UTC by the machine's clock; None while it goes on.
    may_be_uncovered
        Whether something may be held that no stop is known to protect.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._venue = station.venue
        self._loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[Item] = asyncio.Queue()
        self._wires: dict[int, Wire] = {}
        self._difference, self._differences = "", 0
        self.may_be_uncovered = False
        self._next_sweep, self._next_payments_ms = 0.0, 0
        self.place = VenuePlace(station.journal, station.epoch)
        self._removed = RemovedBooks(station.venue, station.journal, station.epoch, self._read_removed)
        self.away_since_ms: int | None = None
        self._covers: Covers | None = None
        self._entries: Entries
        self._protection: Protection
        self._sender: Sender
        self._sweeps: Sweeps
        self._settings: SymbolSettings | None = None
        self._dead_man: DeadMan

    def add(self, trader: Trader, barred: Callable[[], str] = lambda: "") -> None:
        """Take a book in; ``barred`` tells why it decides nothing although the books agree."""
        key = trader.plan.deployment.id
        if self._removed.come_back(key):
            trader.outdate()
        rows = OrderRows(trader, self._venue, self._station.epoch)
        self.place.seats[key] = Seat(trader, self._wires[key], rows, barred)
        self._name_entries()
        self.wake()

    def remove(self, deployment_id: int) -> None:
        """Leave a book out; what it held is missed unless it comes back soon, its late fills are booked."""
        seat = self.place.seats.pop(deployment_id, None)
        if seat is not None:
            self._removed.leave(seat.trader.plan)
        self._name_entries()

    def _name_entries(self) -> None:
        kind = entry_of(self._station.settings.entry, is_shared=self.place.is_shared)
        for seat in self.place.seats.values():
            seat.wire.entry = kind

    def barred_by(self, deployment_id: int) -> str:
        """Why a book opens nothing although the books agree; empty when it may."""
        seat = self.place.seats.get(deployment_id)
        of_settings = "" if self._settings is None else self._settings.fault
        return of_settings if seat is None else seat.barred() or of_settings

    def wake(self) -> None:
        """Look at the traders and at the venue now."""
        self._inbox.put_nowait(None)

    def hear(self, price: float) -> None:
        """Take the last price, quote per base, in the loop's own thread."""
        if self._covers is not None:
            self._covers.hear(price)

    async def run(self) -> None:
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
        symbol, covers = self.place.symbol, self._equip()
        self.may_be_uncovered = await self.place.with_brokers(needs_cover)
        listening = asyncio.create_task(self._listen(symbol), name=f"user stream of {symbol}")
        try:
            await self._begin()
            while not listening.done():
                await self._turn()
            listening.result()
        finally:
            for wire in self._wires.values():
                wire.blocked_by = "the venue is away"
            covers.remember()
            self._covers = None
            self._next_payments_ms = self._sweeps.next_payments_ms  # most of what a new talk would weigh
            self.away_since_ms = self.away_since_ms or self._station.wall_ms()
            await clear_up(f"talk about {symbol}", self._entries.leave(), end_all(listening))

    def _equip(self) -> Covers:
        """Begin with nothing that an earlier talk knew of the venue."""
        station, venue, place = self._station, self._venue, self.place
        self._protection = Protection(venue, place, place.symbol)
        self._sweeps = Sweeps(place, venue, self._protection, self._removed)
        self._sweeps.next_payments_ms = self._next_payments_ms
        around = Around(
            station.journal,
            self._sweep,
            self._transmit,
            lambda: not self._inbox.empty(),
            place,
            self._protection,
            station.prices,
            station.settings,
            LiquidationGuard(station.settings.liquidation_buffer),
        )
        self._covers = covers = Covers(
            venue,
            around,
            read_back_seconds=station.read_back_seconds,
            hold_back=station.hold_back,
            wake=lambda: self._inbox.put_nowait(LevelReached()),
        )
        self._dead_man = DeadMan(venue, place.symbol, is_allowed=station.has_safe_timer)
        first, leverage = place.first.trader, station.settings.leverage
        self._settings = SymbolSettings(station.journal, venue, first, leverage)
        self._entries = Entries(place, venue, station.settings.entry, station.running_bar)
        self._sender = Sender(
            place,
            venue,
            covers=covers,
            entries=self._entries,
            signals=Signals(self._price, self._is_sending, self._sweeps.sweep_trades),
        )
        for seat in place.seats.values():
            seat.has_begun = False
        return covers

    def _price(self) -> float:
        """Mark price, or the last one, quote per base; NaN without either."""
        prices = self._station.prices(self.place.symbol)
        return prices.mark if prices.mark == prices.mark else prices.last

    def _is_sending(self, opens: int | None) -> None:
        self._next_sweep = 0.0
        if opens is not None:
            self._note(opens, is_uncovered=True)

    def open_broker(self, journal: Journal, plan: DeploymentPlan, epoch: int) -> Opened:
        """Open a trader's broker, where it may trade beside the others."""
        require_alone(plan, [seat.trader for seat in self.place.seats.values()])
        return self._read(journal, plan, epoch)

    def _read(self, journal: Journal, plan: DeploymentPlan, epoch: int) -> Opened:
        key = plan.deployment.id
        wire = self._wires.get(key)
        if wire is None:
            wire = self._wires[key] = Wire(
                partial(self._take, key), partial(_put_look, self._loop, self._inbox)
            )
        fraction = self._station.settings.disaster_stop_fraction
        return open_venue_broker(journal, plan, epoch, stop_fraction=fraction, wire=wire)

    def _read_removed(self, plan: DeploymentPlan) -> Opened:
        """Read a book that has left; others trade here by now, and it is booked all the same."""
        return self._read(self._station.journal, plan, self._station.epoch)

    def _take(self, deployment_id: int, intent: Intent) -> None:
        """Take a committed intent, from any thread; whatever ends this process now may leave it uncovered."""
        self._note(deployment_id, is_uncovered=True)
        self._loop.call_soon_threadsafe(self._inbox.put_nowait, intent)

    async def _listen(self, symbol: str) -> None:
        async for event in self._venue.events(symbol):
            self._inbox.put_nowait(event)

    async def _begin(self) -> None:
        """Settle what an earlier life left behind, then compare the books."""
        while not self._inbox.empty():
            self._inbox.get_nowait()  # its intents are rows, its events are swept
        await self._join(list(self.place.seats.values()))
        self.away_since_ms = None

    async def _join(self, seats: list[Seat]) -> None:
        """Compare books with the venue before they decide anything."""
        epoch, is_alone = self._station.epoch, not self.place.is_shared
        unsent = list[Intent]()  # what is decided from now on comes by its wire
        for seat in seats:
            unsent += await settle_unsent(seat, await self._venue.now_ms(), epoch=epoch, is_alone=is_alone)
        self._differences = 0
        await self._sweep()
        await self._cover()
        while self._differences:
            await asyncio.sleep(_SOON_SECONDS)
            await self._sweep()
            await self._cover()  # a sibling that was dropped may be missed for longer than a stop may take
        await self._keep_settings()
        self.away_since_ms = None
        for seat in seats:
            seat.has_begun = True
        self._judge(self._difference)
        await self._entries.recover(seats)
        for intent in unsent:
            self._inbox.put_nowait(intent)
        for seat in seats:
            seat.begun.set()
            self._station.begun(seat.trader)
            _log.info("books agree with the venue", extra={"deployment": seat.key})

    async def _turn(self) -> None:
        if new := [seat for seat in self.place.seats.values() if not seat.has_begun]:
            await self._join(new)
        now = self._loop.time()
        item: Item = None
        is_due = False
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(self._next_sweep, self._entries.due) - now)):
                item = await self._inbox.get()
            is_due = item is None
            if is_due:
                self._sweeps.next_payments_ms = 0
                if self._settings is not None:
                    self._settings.expire()
        await self._act_upon(item)
        for seat in [*await self._entries.keep(self._transmit), *await self.place.unhindered()]:
            self._station.begun(seat.trader)
        await self._cover()
        if is_due or self._loop.time() >= self._next_sweep:
            await self._sweeps.sweep_trades()
            await self._cover()  # what was filled waits for no comparison
            await self._compare()
            await self._cover()
            await self._keep_settings()

    async def _keep_settings(self) -> None:
        """Keep what the account and the venue's timer are set to."""
        if self._settings is not None:
            await self._settings.keep()
        if self._dead_man.is_allowed:
            await self._dead_man.keep(await self.place.with_brokers(n_resting))

    async def _act_upon(self, item: Item) -> None:
        if isinstance(item, Intent):
            await self._sender.send(await self._cycle(item))
        elif isinstance(item, LevelReached) and self._covers is not None:
            await self._covers.exit_reached()
        elif isinstance(item, OrderUpdate):
            if item.trade is not None and self.place.is_shared:
                await self._sweeps.sweep_trades()  # what is shared is shared in the order of the trades
            elif item.trade is not None:
                await self._sweeps.book([item.trade])
            await self.place.follow_order(item.order)
        elif isinstance(item, StopUpdate):
            self._protection.note(item.stop)
            await self.place.follow_stop(item.stop)
        await self._settle()

    async def _settle(self) -> None:
        for deployment, fill in await self._sender.settle():
            log_fill(deployment, fill)

    async def _cycle(self, first: Intent) -> list[Intent]:
        """Orders of one cycle: of the books that decide on the same bar, which they do at once."""
        if not self.place.is_shared:
            return [first]
        close_ms, aside = to_ms(first.bar_close), list[Item]()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CYCLE_SECONDS):
                while any(_is_about_to_decide(seat.trader, close_ms) for seat in self.place.seats.values()):
                    aside.append(await self._inbox.get())
                    await self.place.with_brokers(lambda _: None)  # whoever books its bar has decided then
        await self.place.with_brokers(lambda _: None)
        while not self._inbox.empty():
            aside.append(self._inbox.get_nowait())
        cycle = [first]
        for item in aside:
            is_one = isinstance(item, Intent) and item.bar_close == first.bar_close
            if is_one and isinstance(item, Intent):
                cycle.append(item)
            else:
                self._inbox.put_nowait(item)
        return cycle

    async def _cover(self) -> None:
        assert self._covers is not None  # noqa: S101 - it is there while the link talks
        state = await self._covers.keep()
        if state == "uncovered":
            soon = self._loop.time() + _SOON_SECONDS
            self._next_sweep = min(self._next_sweep, soon)
        for key in self.place.seats:
            self._note(key, is_uncovered=state != "covered")

    def _note(self, deployment_id: int, *, is_uncovered: bool) -> None:
        self.may_be_uncovered = is_uncovered
        self._station.pulse.note(deployment_id, is_uncovered=is_uncovered)

    async def _transmit(self, intent: Intent, stamp_ms: int) -> OrderProgress:
        return await self._sender.transmit(intent, stamp_ms)

    async def _sweep(self) -> None:
        """Read everything at the venue, book what is new, and compare."""
        await self._sweeps.sweep_trades()
        await self._compare()

    async def _compare(self) -> None:
        """Compare orders, stops and position with the venue's, and book its payments."""
        found = await self._sweeps.compare()
        if self._covers is not None:
            await self._covers.heed(found.position)
        await self._settle()
        self._judge(found.difference)
        await self._entries.recover([seat for seat in self.place.seats.values() if seat.has_begun])
        is_waiting = bool(await self.place.with_brokers(in_flight)) or bool(self._differences)
        pause = _SOON_SECONDS if is_waiting else self._station.settings.reconcile_seconds
        self._next_sweep = self._loop.time() + pause

    def _judge(self, difference: str) -> None:
        """Block decisions while the positions differ; halt once they differ for longer than a fill takes."""
        self._difference = difference
        for seat in self.place.seats.values():
            if seat.has_begun:
                seat.wire.blocked_by = difference
        self._differences = self._differences + 1 if difference else 0
        if self._differences > _PATIENCE and self._loop.time() >= self._removed.awaited_until:
            self._differences = 0
            if not all(seat.trader.is_halted for seat in self.place.seats.values()):
                raise ReconciliationError(difference)


def _is_about_to_decide(trader: Trader, close_ms: int) -> bool:
    """Whether a book decides on a bar that closed then, and has not done so yet."""
    is_its_bar = close_ms % trader.plan.execution_step_ms == 0
    return is_its_bar and not trader.is_halted and trader.is_undecided_at(close_ms)


def _put_look(loop: asyncio.AbstractEventLoop, inbox: "asyncio.Queue[Item]") -> None:
    """Have the books looked at; whatever waits already has that done as well."""

    def put() -> None:
        if inbox.empty():
            inbox.put_nowait(BarClosed())

    loop.call_soon_threadsafe(put)
