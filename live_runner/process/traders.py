"""The deployments that one writer trades: taken up, advanced bar by bar, halted one at a time."""

import asyncio
import logging

from live_runner.book.announcer import Alarm, Announce, silent
from live_runner.book.history import load_higher, load_history
from live_runner.book.plan import LoadStrategy
from live_runner.book.trader import Trader
from live_runner.feed.feed import Feed
from live_runner.ports.tasks import first_of
from live_runner.process.accounts import Accounts, Restricted, follow_halts
from live_runner.process.attempts import Attempts
from live_runner.process.conditions import ConditionWatch
from live_runner.process.first_limits import FirstLimits
from live_runner.process.late import LateDecisions
from live_runner.process.listings import Listings
from live_runner.process.opening import BookOpener, Neighbors
from live_runner.process.refusals import Refusals
from live_runner.process.scales import Scales
from live_runner.process.sets import Sets, advance_together, units_of
from live_runner.process.ticks import TickSource
from live_runner.process.vitals import Obstacles, sign_of_life
from live_runner.process.watch import OutageWatch
from live_runner.venue.accounts import OrderVenues
from live_runner.venue.links import VenueLinks
from quant_pipelines.core.limits import RiskLimits
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import MINUTE_MS, floor_ms, from_ms
from quant_pipelines.risk.account_nav import AccountFunds
from quant_pipelines.stack.pulse import Pulse
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.heartbeats import halt_alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.telemetry.record import observe
from quant_pipelines.trading.breaker import Trip

_COVER_SECONDS = 3.0
"""How long histories wait for the links to cover what is held: loading them takes the machine."""

_log = logging.getLogger(__name__)


class Traders:
    """Traders of one epoch.

    Parameters
    ----------
    journal
        Rows of the runner.
    settings
        Settings of the process.
    feed
        Market data, and the exchange's time.
    epoch
        Epoch of this writer; it stands in every transaction.
    venues
        Accounts at venues.
    load
        Loads the texts of strategies.
    """

    def __init__(
        self,
        journal: Journal,
        settings: Settings,
        feed: Feed,
        *,
        epoch: int,
        venues: OrderVenues,
        load: LoadStrategy,
    ) -> None:
        self._journal = journal
        self._settings = settings
        self._feed = feed
        self._time = time = feed.time
        self._epoch = epoch
        self._traders: dict[int, Trader] = {}
        self._opened: dict[int, Trader] = {}
        self._scales = Scales(journal.market)
        self._changing = asyncio.Lock()
        self._following = asyncio.Lock()
        self._attempts = Attempts(journal, time)
        self._refusals = Refusals(journal, self._attempts)
        self.limits = FirstLimits(journal)
        self._links = VenueLinks(self._attempts.failure, self._stop)
        self._conditions = ConditionWatch(journal, feed, self._links)
        self._ticks = TickSource(feed, time, journal.market, settings.market, ready=self._links.begun)
        self._late = LateDecisions(feed, time, self._attempts.failure, self._stop)
        self._watch: OutageWatch | None = None
        self._accounts = Accounts(journal, settings.runner, feed.prices, time.now_ms)
        self._venues = venues
        self._load = load
        self._sets = Sets(journal, epoch)
        self._opener = BookOpener(journal, settings, feed, epoch=epoch)
        self._listings = Listings(feed.source, journal, time, settings.runner.delisting_hours)
        self.symbols_changed = asyncio.Event()
        self.pulse = Pulse()
        self.announce: Announce = silent

    @property
    def symbols(self) -> list[str]:
        """What is traded."""
        return sorted({trader.symbol for trader in self._traders.values()})

    @property
    def streamed(self) -> list[str]:
        """Whose streams are listened to: levels may be watched before the bars of a history are loaded."""
        return sorted({trader.symbol for trader in self.all})

    @property
    def all(self) -> list[Trader]:
        """Those that are traded, and those that wait for their bars."""
        return list((self._traders | self._opened).values())

    async def open(self) -> None:
        """Seed the account's limits once, and take up what is deployed."""
        limits = RiskLimits.from_settings(self._settings.risk)
        async with self._changing:  # nothing is taken up without them
            await asyncio.to_thread(self._journal.seed_limits, limits.given, from_ms(self._time.now_ms()))
        await self.refresh()

    async def follow(self) -> dict[str, tuple[Trip, ...]]:
        """Let every trader, also one without its bars yet, follow limits and halts; returns the halts.

        It waits for no history and no venue.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        async with self._following:
            known = {key: trader.n_trips for key, trader in (self._traders | self._opened).items()}
            controls = await asyncio.to_thread(self._journal.read_controls)
            limits, halts = controls.limits, controls.halts
            self._accounts.follow(controls)
            were_to_flatten = {trader for trader in self.all if trader.must_flatten}
            for key, trader in (self._traders | self._opened).items():
                trader.limit(limits)
                if trader.n_trips != known.get(key, trader.n_trips):
                    continue  # it tripped while the rows were read: the next look knows
                follow_halts(trader, halts, self._listings.trip(trader.symbol))
            for key, trader in (self._traders | self._opened).items():
                if trader.must_flatten and trader not in were_to_flatten:  # a leg may be for another
                    self._links.wake(key)
            return halts

    async def follow_stages(self) -> None:
        """Have closed what those hold that left their stage, and capital followed, while histories load."""
        if not self._changing.locked():
            return  # whoever refreshes next reads it
        known = self._traders | self._opened
        for deployment in await asyncio.to_thread(self._journal.read_deployments):
            if deployment.id in known:
                self._follow_row(known[deployment.id], deployment)

    def _follow_row(self, trader: Trader, deployment: Deployment) -> None:
        was_to_flatten, trader.is_leaving = trader.must_flatten, deployment.is_leaving
        trader.wanted_capital = deployment.wanted_capital
        if trader.must_flatten and not was_to_flatten:
            self._links.wake(trader.plan.deployment.id)

    async def refresh(self) -> None:
        """Take up new deployments, close what those hold that left their stage, follow limits and halts."""
        async with self._changing:
            halts = await self.follow()
            deployed = await asyncio.to_thread(self._journal.read_deployments)
            stages = {deployment.id: deployment for deployment in deployed}
            before = self.symbols
            traded = {one.id: self._traders[one.id] for one in deployed if one.id in self._traders}
            outdated = {key for key in traded if await self._scales.is_outdated(stages[key], traded[key])}
            for gone in self._traders.keys() - (traded.keys() - outdated):
                await self._drop(gone)
            for key, trader in self._traders.items():
                self._follow_row(trader, stages[key])
            new = await self._refusals.tried((one for one in deployed if one.id not in self._traders), halts)
            opened = await self._with_limits(await self._open_each(new))
            await self._listings.know(one.symbol for one in opened)
            await self.follow()  # what can't be traded is known before it can be advanced
            await self._refusals.each(opened, self._take_up)
            if self.symbols != before:
                self.symbols_changed.set()
            await self._catch_up(outdated)

    async def _open_each(self, new: list[Deployment]) -> list[Deployment]:
        """Open books, and wait a moment until what they hold is covered; returns those that are open."""
        self._links.expect(one for one in new if one.venue != PAPER_VENUE)
        await self._refusals.each(new, self._open)
        for lost in (one.id for one in new if one.id not in self._opened):
            self._links.release(lost)
        opened = [deployment for deployment in new if deployment.id in self._opened]
        await asyncio.gather(*(self._links.begun(one.id, _COVER_SECONDS) for one in opened))
        return opened

    async def _with_limits(self, opened: list[Deployment]) -> list[Deployment]:
        """Have the venues' limits read; a book that was opened with other ones is opened once more.

        Whoever followed them later would give up the decision that is under way then.
        """
        changed = {one.id: one for one in await self.limits.changed(opened)}
        for key in changed:
            await asyncio.to_thread(self._opened.pop(key).leave)  # it tells the account nothing more
            await self._links.drop(key)
        again = {one.id for one in await self._open_each(list(changed.values()))}
        now = (changed.get(one.id, one) for one in opened)
        return [one for one in now if one.id not in changed or one.id in again]

    async def advance(self, close_ms: int) -> None:
        """Book all bars up to a close, for every deployment on its own.

        Raises
        ------
        StoreError
            If another writer has taken over, or the database does not answer.
        """
        results = await asyncio.gather(
            *(self._advance(unit, close_ms) for unit in units_of(self._traders.values())),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        await self._watch_accounts()

    async def _catch_up(self, taken_again: set[int]) -> None:
        """Book at once what closed while books were taken up again, so that no decision waits for a close."""
        again = (one for one in self._traders.values() if one.plan.deployment.id in taken_again)
        close_ms = floor_ms(self._time.now_ms(), MINUTE_MS)
        for trader in [one for one in again if one.plan.deployment.set_id is None]:
            await self._advance((trader,), close_ms)

    async def _watch_accounts(self) -> None:
        """Tell people of levels that are reached; a hard stop is followed at once."""
        async with self._following:  # halts that were read before are not followed after it
            has_stopped = await self._accounts.watch(self._time.now_ms())
        if has_stopped:
            await self.follow()

    async def watch(self, watch: OutageWatch) -> None:
        """Have watched what is traded here, and beat at once when something goes away or comes back."""
        self._watch = watch
        await first_of(
            watch.run(lambda: self.symbols, self._links.away_since_ms, self.beat),
            self._conditions.run(lambda: self.all, self.beat),
        )

    def sound(self, alarm: Alarm) -> None:
        """Tell of each halt."""
        self._attempts.alarm = alarm

    def restrict_by(self, restricted: Restricted) -> None:
        """Open nothing in the symbols that it tells whenever limits are followed."""
        self._accounts.restricted = restricted

    def lose_database(self, error: str) -> None:
        """Send nothing more: the rows are lost, and with them what this writer knows."""
        self._conditions.database_error = error

    async def follow_listings(self) -> None:
        """Follow what the exchange says of the contracts; until canceled."""
        await self._listings.run(lambda: self.symbols, self.follow)

    async def decide_late(self) -> None:
        """Take up decisions that a venue's absence prevented, as soon as it is back; until canceled."""
        await self._late.run()

    async def beat(self) -> None:
        """Write the runner's sign of life; the one before is read first, for what accounts were worth."""
        if not self._accounts.is_known:
            await self.follow()
        await self._watch_accounts()
        away = () if self._watch is None else self._watch.standing
        ages = {symbol: self._feed.age_seconds(symbol) for symbol in self.symbols}
        traders = list(self._traders.values())
        obstacles = Obstacles(tuple(away), self._accounts.halts)
        now = from_ms(self._time.now_ms())
        sign = sign_of_life(traders, ages, obstacles, epoch=self._epoch, at=now)
        sign.detail["accounts"] = self._accounts.documents
        await asyncio.to_thread(self._journal.write_heartbeat, sign)

    def funds_known(self, account_id: int, funds: AccountFunds) -> None:
        """Let the rules of an account go by what the venue says that it has."""
        self._accounts.know(account_id, funds)

    async def margin_short(self, account_id: int, reason: str) -> None:
        """Close and halt an account before the venue closes it."""
        async with self._following:  # as a hard stop
            await self._accounts.margin_short(account_id, reason, self._time.now_ms())
        await self.follow()

    async def watch_venues(self) -> None:
        """Raise what ended the talk with a venue for good."""
        await self._links.watch()

    async def close(self) -> None:
        """End the talk with all venues; what is open there is found again at the next start."""
        await self._links.close()

    async def _drop(self, deployment_id: int) -> None:
        """Forget a deployment, once nothing of it is booked any more; its link goes on until then."""
        _log.info("deployment dropped", extra={"deployment": deployment_id})
        # What its strategy thinks of yet is not committed: over a late fill, or after a halt.
        await asyncio.to_thread(self._traders[deployment_id].leave)
        self._sets.leave(self._traders.pop(deployment_id))
        self._scales.forget(deployment_id)
        try:
            await self._links.drop(deployment_id)
        finally:
            self._accounts.forget(deployment_id)
            self.pulse.note(deployment_id, is_uncovered=False)

    async def _open(self, deployment: Deployment) -> None:
        """Open the book of a deployment; whatever keeps it from that, its account goes on expecting it."""
        beside = Neighbors(
            self._venues,
            self._load,
            self._accounts,
            self._links,
            self._conditions,
            self.announce,
            self.pulse,
            begun=self._late.put,
            known=self._know,
            sets=self._sets,
        )
        try:
            await self._opener.open(deployment, beside)
        except BaseException:
            self._opened.pop(deployment.id, None)
            await self._accounts.lose(deployment.id)
            raise
        if self._links.is_shared(deployment.id):
            self._feed.tell(deployment.symbol, self._links.hear)
            self.symbols_changed.set()  # its stream is listened to, whoever else tells its bars

    async def _know(self, trader: Trader) -> None:
        self._opened[trader.plan.deployment.id] = trader
        await self.follow()  # before it can be advanced

    async def _take_up(self, deployment: Deployment) -> None:
        """Let a trader know its bars, so that it can be advanced."""
        trader, market = self._opened[deployment.id], self._journal.market
        try:
            await self._scales.note(deployment)  # before what is read in it
            series = await load_history(market, self._feed, deployment, self._time.now_ms())
            trader.series.extend(series.bars)
            first_ms, now_ms = int(series.bars.ts[0]), self._time.now_ms()
            trader.inputs.higher = await load_higher(market, self._feed, trader.plan, first_ms, now_ms)
        except BaseException:
            del self._opened[deployment.id]
            await self._links.drop(deployment.id)
            await self._accounts.lose(deployment.id)
            raise
        self._traders[deployment.id] = self._opened.pop(deployment.id)
        self._sets.join(trader)
        _log.info("deployment taken up", extra={"deployment": deployment.id, **trader.status()})

    async def _stop(self, trader: Trader, failure: str) -> None:
        """Halt a trader whose talk with the venue failed."""
        async with self._following:  # whoever has not seen the alert must end first
            if not trader.is_halted:
                trip = Trip("failed", failure)
                alert = halt_alert(trader.key, trip, from_ms(self._time.now_ms()))
                await asyncio.to_thread(self._journal.write_alert, alert)  # it stands once for each reason
                trader.trip(trip)

    async def _advance(self, unit: tuple[Trader, ...], close_ms: int) -> None:
        """Book one deployment, or a set; after a failure once more without decisions, then not at all.

        What has left its stage is tried once at each close all the same: what it holds is to be closed.
        """
        goes_on = all(trader.books or trader.is_leaving for trader in unit)
        while goes_on:
            # now: `follow` may read the alert before the traders are told
            was_halted = all(trader.is_halted for trader in unit)
            whole = unit[0].plan.deployment.whole
            failure = await self._attempts.failure(whole, self._book(unit, close_ms))
            if failure is None:
                return
            async with self._following:  # whoever has not seen the alert must end first
                for trader in unit:
                    trader.trip(Trip("failed_again" if was_halted else "failed", failure))
                goes_on = all(trader.books for trader in unit)

    async def _book(self, unit: tuple[Trader, ...], close_ms: int) -> None:
        known = [(trader, await self._ticks.tick(trader, close_ms)) for trader in unit]
        traded = self._traders.values()
        ticks = {trader: tick for trader, tick in known if tick is not None and trader in traded}
        if not ticks:
            return  # nothing has closed, or they were dropped since
        await asyncio.to_thread(advance_together, ticks)
        if (late_ms := self._time.now_ms() - close_ms) < MINUTE_MS:
            observe("quant_bar_to_intent_seconds", late_ms / 1000)
        for trader, tick in ticks.items():
            if until_ms := trader.pause.until_ms(tick.now_ms):
                self._late.put_after(trader, until_ms)
