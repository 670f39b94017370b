"""The runner's outer life: stand by, become the writer, trade, and begin again when the database was away.

Crash-only: a session ends by dropping everything it knew, and the next one starts from the rows.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from live_runner.book.announcer import Announcer
from live_runner.book.plan import LoadStrategy
from live_runner.feed.feed import Feed
from live_runner.feed.relay import relay_of
from live_runner.ports.lease import Lease, OpenLease
from live_runner.ports.market_time import MarketTime
from live_runner.ports.tasks import first_of, seconds_until
from live_runner.process.accounts import Restricted
from live_runner.process.funds import FundsWatch
from live_runner.process.outages import database_outage
from live_runner.process.traders import Traders
from live_runner.process.venue_limits import LimitsWatch
from live_runner.process.vitals import STANDBY_SERVICE
from live_runner.process.watch import OutageWatch
from live_runner.venue.accounts import Connect, OrderVenues, ccxt_orders
from quant_pipelines.cache import Cache
from quant_pipelines.core.errors import DatabaseSilent, SchemaError, StoreError
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import MINUTE_MS, floor_ms, from_ms
from quant_pipelines.exchange import MarketSource
from quant_pipelines.stack.pulse import Pulse
from quant_pipelines.store.funds import FundsRows
from quant_pipelines.store.heartbeats import Alert, Heartbeat
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.venue_limits import LimitRows

_BACKOFF_SECONDS = (0.5, 10.0)
_KILL_LOOK_SECONDS = 0.5
_SLOW_SECONDS = 5
"""A database that is frozen, or behind a network that is, breaks no connection for a long time."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that the runner talks to.

    Parameters
    ----------
    journal
        Rows of the runner.
    open_lease
        Opens the writer's lease.
    settings
        Settings of the process.
    source
        Market data.
    time
        The exchange's time.
    writer
        Host and process, for the person who reads the epochs.
    connect
        Opens a client for an account at the exchange.
    cache
        Where the collector's word is read and our own is told; None does without both.
    pulse
        Told what is uncovered.
    funds
        Where funds are kept; None watches none.
    limits
        Where limits of venues are kept; None reads none.
    adopt_kills
        Takes over direct kills, and tells whether there was one.
    restricted
        Symbols in which nothing may be opened now; None: those of the settings.
    load
        Loads the texts of strategies, which never run in this process.
    """

    journal: Journal
    open_lease: OpenLease
    settings: Settings
    source: MarketSource
    time: MarketTime
    writer: str
    connect: Connect = ccxt_orders("", "")  # noqa: RUF009 - frozen
    cache: Cache | None = None
    pulse: Pulse = field(default_factory=Pulse)
    funds: FundsRows | None = None
    limits: LimitRows | None = None
    adopt_kills: Callable[[], bool] = lambda: False
    restricted: Restricted | None = None
    load: LoadStrategy = field(kw_only=True)


class _Lost(NamedTuple):
    """When a session had lost the database, milliseconds UTC, by which error; whether that took long."""

    since_ms: int
    error: str
    was_silent: bool


class Runner:
    """Trades all deployments until it is told to stop."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._lost: list[_Lost] = []
        self._warned: set[str] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Trade until ``stopping`` is set; a database that is away is waited for."""
        shortest, longest = _BACKOFF_SECONDS
        while not stopping.is_set():
            try:
                await self._session(stopping)
            except SchemaError:
                raise  # another code's database: this process ends, and its next start says what to do
            except StoreError as error:
                self._lost.append(_lost_by(error, self._around.time.wall_ms()))
                pause = min(shortest * 2 ** (len(self._lost) - 1), longest)
                _log.warning("session ended", extra={"error": str(error), "retry_seconds": pause})
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await stopping.wait()

    async def _session(self, stopping: asyncio.Event) -> None:
        async with self._around.open_lease() as lease:
            await self._tell_of_the_database()
            if await self._become_writer(lease, stopping):
                await first_of(self._write(lease), stopping.wait())

    async def _tell_of_the_database(self) -> None:
        """Write down that the database was away, unless it broke off and could be opened again at once."""
        if len(self._lost) > 1 or any(one.was_silent for one in self._lost):
            await self._tell_of_an_outage(self._lost[0].since_ms, self._lost[0].error)
        self._lost.clear()

    async def _tell_of_an_outage(self, since_ms: int, error: str) -> None:
        """Write down that the database was away until now."""
        alert, now = database_outage(since_ms, error).alert, from_ms(self._around.time.wall_ms())
        for standing in ([alert], []):
            await asyncio.to_thread(self._around.journal.follow_standing, alert.source, standing, now)

    async def _write(self, lease: Lease) -> None:
        """Trade in a new epoch until the lock or the database is lost."""
        around = self._around
        at = from_ms(around.time.now_ms())
        epoch = await asyncio.to_thread(around.journal.open_epoch, around.writer, at)
        _log.info("session opened", extra={"epoch": epoch, "writer": around.writer})
        relay = relay_of(around.cache, around.settings.exchange.id, around.time.wall_ms)
        grace_ms = int(1000 * around.settings.runner.bar_grace_seconds)
        feed = Feed(around.source, around.time, relay, grace_ms=grace_ms)
        watch = OutageWatch(around.journal, around.source, feed, around.settings.exchange.id)
        async with OrderVenues(around.settings, around.connect, self._warn) as venues:
            traders = Traders(
                around.journal,
                around.settings,
                feed,
                epoch=epoch,
                venues=venues,
                load=around.load,
            )
            if around.restricted is not None:
                traders.restrict_by(around.restricted)
            traders.pulse = around.pulse
            helpers: list[Coroutine[Any, Any, None]] = [] if relay is None else [relay.run()]
            if around.cache is not None:
                announcer = Announcer(around.cache, f"runner:{around.writer}:{epoch}", around.time.wall_ms)
                traders.announce = announcer.booked
                traders.sound(announcer.halted)
                announcer.system("session_opened", {"epoch": epoch, "writer": around.writer})
                helpers.append(announcer.run())
            await asyncio.to_thread(around.adopt_kills)
            try:
                await first_of(
                    *helpers,
                    self._trade(traders),
                    self._follow_deployments(lease, traders),
                    self._follow_kills(traders),
                    self._watch_funds(venues, traders),
                    self._watch_limits(venues, traders),
                    self._follow_stream(feed, traders),
                    self._beat(traders),
                    traders.watch_venues(),
                    traders.follow_listings(),
                    traders.watch(watch),
                    traders.decide_late(),
                )
            except StoreError as error:
                traders.lose_database(str(error))
                raise
            finally:
                await traders.close()

    async def _warn(self, sentence: str) -> None:
        """Tell people once what they should mend."""
        if sentence not in self._warned:
            self._warned.add(sentence)
            await self._alert(Alert("warning", "account", sentence, from_ms(self._around.time.now_ms())))

    async def _alert(self, alert: Alert) -> None:
        await asyncio.to_thread(self._around.journal.write_alert, alert)

    async def _watch_funds(self, venues: OrderVenues, traders: Traders) -> None:
        """Know what the accounts have, where somebody keeps it."""
        around = self._around
        if around.funds is None:
            await asyncio.Event().wait()
        else:
            await FundsWatch(
                around.funds, venues, around.time, traders.margin_short, traders.funds_known
            ).run()

    async def _watch_limits(self, venues: OrderVenues, traders: Traders) -> None:
        """Know what the venues take, where somebody keeps it."""
        around, exchange = self._around, self._around.settings.exchange.id
        if around.limits is None:
            await asyncio.Event().wait()
        else:
            watch = LimitsWatch(around.limits, venues, around.time, exchange=exchange, warn=self._warn)
            traders.limits.read = watch.read
            await watch.run(lambda: traders.streamed)

    async def _become_writer(self, lease: Lease, stopping: asyncio.Event) -> bool:
        """Wait until this session holds the lock; False if it was told to stop before."""
        around = self._around
        is_announced = False
        while not stopping.is_set():
            if await lease.try_lock():
                return True
            if not is_announced:
                _log.info("standing by: another writer holds the books", extra={"writer": around.writer})
                is_announced = True
            at, detail = from_ms(around.time.now_ms()), {"pid": os.getpid()}
            sign = Heartbeat(STANDBY_SERVICE, "STANDBY", at, detail)
            await asyncio.to_thread(around.journal.write_heartbeat, sign)
            await lease.wait_for_change(around.settings.runner.deployment_poll_seconds)
        return False

    async def _trade(self, traders: Traders) -> None:
        """Take up what is deployed, and book every minute once it is closed."""
        await traders.open()
        time = self._around.time
        close_ms = floor_ms(time.now_ms(), MINUTE_MS)
        while True:
            await traders.advance(close_ms)
            # A tick that took longer than its minute is followed by the newest closed one.
            close_ms = max(close_ms + MINUTE_MS, floor_ms(time.now_ms(), MINUTE_MS))
            await time.sleep_until(close_ms)

    async def _follow_deployments(self, lease: Lease, traders: Traders) -> None:
        """Follow operators at each announcement, and from time to time; beside that, what is deployed."""
        news = asyncio.Event()

        async def listen() -> None:
            while True:
                await lease.wait_for_change(self._around.settings.runner.deployment_poll_seconds)
                await traders.follow()
                await traders.follow_stages()
                news.set()

        async def refresh() -> None:
            while True:
                await news.wait()
                news.clear()
                await traders.refresh()  # loading histories may take its time

        await first_of(listen(), refresh())

    async def _follow_kills(self, traders: Traders) -> None:
        """Halt at once where somebody kills the account beside this process."""
        while True:
            await asyncio.sleep(_KILL_LOOK_SECONDS)
            if await asyncio.to_thread(self._around.adopt_kills):
                await traders.follow()

    async def _follow_stream(self, feed: Feed, traders: Traders) -> None:
        """Listen to the symbols that are traded."""
        while True:
            listening = asyncio.create_task(feed.follow(traders.streamed))
            try:
                await traders.symbols_changed.wait()
                traders.symbols_changed.clear()
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def _beat(self, traders: Traders) -> None:
        """Write the sign of life; a database that took long to take it is told of."""
        while True:
            since_ms = self._around.time.wall_ms()
            seconds = await seconds_until(traders.beat())
            if seconds >= _SLOW_SECONDS:
                await self._tell_of_an_outage(since_ms, f"it took {seconds} s to answer a sign of life")
            await asyncio.sleep(self._around.settings.runner.heartbeat_seconds)


def _lost_by(error: StoreError, now_ms: int) -> _Lost:
    seconds = error.seconds if isinstance(error, DatabaseSilent) else 0.0
    return _Lost(now_ms - int(1000 * seconds), str(error), seconds > 0.0)
