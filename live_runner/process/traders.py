"""The deployments that one writer trades: taken up, advanced bar by bar, halted one at a time."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from live_runner.book.announcer import Alarm, Announce, silent, unheard
from live_runner.book.approval import Relations
from live_runner.book.broker import OpenBroker
from live_runner.book.history import first_open_ms, load_higher, load_history
from live_runner.book.paper import open_paper
from live_runner.book.trader import Trader
from live_runner.feed.feed import Feed
from live_runner.feed.series import BarSeries
from live_runner.ports.market_time import MarketTime
from live_runner.process.accounts import Accounts, account_key
from live_runner.process.ticks import TickSource
from live_runner.process.vitals import SERVICE, WAITING, resident_megabytes
from live_runner.process.watch import OutageWatch
from live_runner.venue.accounts import OrderVenues, bar
from live_runner.venue.link import Station, VenueLink
from live_runner.venue.links import VenueLinks
from quant_pipelines.core.errors import ExchangeUnavailable, OutcomeUnknown, StoreError, with_its_kind
from quant_pipelines.core.limits import RiskLimits
from quant_pipelines.core.price_factors import PriceFactor
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.exchange.version import venue_version
from quant_pipelines.stack.pulse import Pulse
from quant_pipelines.store.certificates import Permits
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.heartbeats import Heartbeat, halt_alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.trading.breaker import TRADING_STATES, Trip, decides
from quant_pipelines.trading.venue import OrderVenue

_COVER_SECONDS = 3.0
"""How long histories wait for the links to cover what is held: loading them takes the machine."""
_AFTER_PAUSE_SECONDS = 0.1

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
        Market data.
    time
        The exchange's time.
    epoch
        Epoch of this writer; it stands in every transaction.
    venues
        Accounts at venues.
    """

    def __init__(
        self,
        journal: Journal,
        settings: Settings,
        feed: Feed,
        time: MarketTime,
        *,
        epoch: int,
        venues: OrderVenues,
    ) -> None:
        self._journal = journal
        self._settings = settings
        self._feed = feed
        self._time = time
        self._epoch = epoch
        self._traders: dict[int, Trader] = {}
        self._opened: dict[int, Trader] = {}
        self._scales: dict[int, tuple[PriceFactor, ...]] = {}
        self._refused: set[int] = set()
        self._changing = asyncio.Lock()
        self._following = asyncio.Lock()
        self._venues = venues
        self._links = VenueLinks(self._failure, self._stop)
        self._ticks = TickSource(feed, time, journal.market, settings.market, ready=self._links.begun)
        self._late: asyncio.Queue[Trader] = asyncio.Queue()
        self._watch: OutageWatch | None = None
        self._accounts = Accounts(journal, settings.runner, feed.prices)
        self.symbols_changed = asyncio.Event()
        self.pulse = Pulse()
        self.announce: Announce = silent
        self.alarm: Alarm = unheard

    @property
    def symbols(self) -> list[str]:
        """Symbols that are traded."""
        return sorted({trader.symbol for trader in self._traders.values()})

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
            limits, halts = await asyncio.to_thread(self._journal.read_controls)
            self._accounts.follow(limits, halts, self._time.now_ms())
            for key, trader in (self._traders | self._opened).items():
                was_to_flatten = trader.must_flatten
                _follow(trader, limits, halts)
                if trader.must_flatten and not was_to_flatten:
                    self._links.wake(key)
            return halts

    async def refresh(self) -> None:
        """Take up new deployments, close what those hold that left their stage, follow limits and halts."""
        async with self._changing:
            halts = await self.follow()
            deployed = await asyncio.to_thread(self._journal.read_deployments)
            stages = {deployment.id: deployment for deployment in deployed}
            before = self.symbols
            current = {one.id for one in deployed if not await self._is_outdated(one)}
            for gone in self._traders.keys() - current:
                await self._drop(gone)
            for key, trader in self._traders.items():
                trader.is_leaving = stages[key].is_leaving
            self._refused = {key for key in self._refused if f"deployment:{key}" in halts}
            new = [one for one in deployed if one.id not in self._traders and one.id not in self._refused]
            new.sort(key=lambda one: one.venue == PAPER_VENUE)  # what is held at a venue comes first
            self._links.expect(one for one in new if one.venue != PAPER_VENUE)
            await self._each(new, self._open)
            for lost in (one.id for one in new if one.id not in self._opened):
                self._links.release(lost)
            opened = [deployment for deployment in new if deployment.id in self._opened]
            await asyncio.gather(*(self._links.begun(one.id, _COVER_SECONDS) for one in opened))
            await self._each(opened, self._take_up)
            if self.symbols != before:
                self.symbols_changed.set()

    async def _each(
        self, deployments: list[Deployment], step: Callable[[Deployment], Coroutine[Any, Any, None]]
    ) -> None:
        """Take a step with each deployment; one that fails for good is refused until a person looks."""
        for deployment in deployments:
            if await self._failure(deployment.key, step(deployment)) is not None:
                self._refused.add(deployment.id)

    async def advance(self, close_ms: int) -> None:
        """Book all bars up to a close, for every deployment on its own.

        Raises
        ------
        StoreError
            If another writer has taken over, or the database does not answer.
        """
        results = await asyncio.gather(
            *(self._advance(trader, close_ms) for trader in list(self._traders.values())),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        await self._watch_accounts()

    async def _watch_accounts(self) -> None:
        """Tell people of levels that are reached; a hard stop is followed at once."""
        async with self._following:  # halts that were read before are not followed after it
            has_stopped = await self._accounts.watch(self._time.now_ms())
        if has_stopped:
            await self.follow()

    async def watch(self, watch: OutageWatch) -> None:
        """Have watched what is traded here, and beat at once when something goes away or comes back."""
        self._watch = watch
        await watch.run(lambda: self.symbols, self._links.away_since_ms, self.beat)

    async def decide_late(self) -> None:
        """Take up decisions that a venue's absence prevented, as soon as it is back; until canceled."""
        while True:
            trader = await self._late.get()
            await self._feed.fresh_word(trader.symbol)
            age_seconds = self._feed.age_seconds(trader.symbol)
            late = asyncio.to_thread(trader.decide_late, self._time.now_ms(), age_seconds)
            failure = await self._failure(trader.key, late)
            if failure is not None:
                await self._stop(trader, failure)

    async def beat(self) -> None:
        """Write the runner's sign of life."""
        await self._watch_accounts()
        away = () if self._watch is None else self._watch.standing
        traders = list(self._traders.values())
        states = {trader.state for trader in traders}
        best = next((state for state in TRADING_STATES if state in states), TRADING_STATES[0])
        ages = {symbol: self._feed.age_seconds(symbol) for symbol in self.symbols}
        detail: dict[str, Any] = {
            "epoch": self._epoch,
            "pid": os.getpid(),
            "memory_mb": round(resident_megabytes(), 1),
            "data_age_seconds": {
                symbol: round(age, 3) if age < float("inf") else None for symbol, age in ages.items()
            },
            "deployments": [trader.status() for trader in traders],
            "outages": [outage.document for outage in away],
        }
        state = WAITING if away and decides(best) else best
        sign = Heartbeat(SERVICE, state, from_ms(self._time.now_ms()), detail)
        await asyncio.to_thread(self._journal.write_heartbeat, sign)

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

    async def _is_outdated(self, deployment: Deployment) -> bool:
        """Whether it would go on with a specification of its book, or a scale of its bars, of before."""
        trader = self._traders.get(deployment.id)
        if trader is None:
            return False
        if await self._factors(deployment) != self._scales[deployment.id]:
            return True
        is_own = deployment.venue == PAPER_VENUE  # a venue's book follows the venue
        return is_own and trader.plan.deployment.specifications != deployment.specifications

    async def _factors(self, deployment: Deployment) -> tuple[PriceFactor, ...]:
        market = self._journal.market
        return await asyncio.to_thread(market.factors, deployment.exchange, deployment.symbol)

    async def _drop(self, deployment_id: int) -> None:
        """Forget a deployment, once nothing of it is booked any more."""
        _log.info("deployment dropped", extra={"deployment": deployment_id})
        trader = self._traders.pop(deployment_id)
        del self._scales[deployment_id]
        await self._links.drop(deployment_id)
        self._accounts.forget(deployment_id)
        self.pulse.note(deployment_id, is_uncovered=False)
        await asyncio.to_thread(trader.rest)

    async def _open(self, deployment: Deployment) -> None:
        """Open the book of a deployment, and have what it holds at a venue covered before anything else."""
        permits = await asyncio.to_thread(self._journal.read_permits, deployment, venue_version())
        venue = await self._venues.of(deployment, permits)
        if venue is None:
            await self._open_trader(deployment, open_paper)
            return
        link = self._links.link_for(deployment, partial(self._open_link, venue))
        try:
            trader = await self._open_trader(deployment, link.open_broker)
        except BaseException:
            self._links.release(deployment.id)
            raise
        self._links.start(trader, partial(self._barred, deployment, permits))
        if self._links.is_shared(deployment.id):
            self._feed.tell(deployment.symbol, self._links.hear)
            self.symbols_changed.set()  # its stream is listened to, whoever else tells its bars

    def _open_link(self, venue: OrderVenue) -> VenueLink:
        begun, pulse, prices = self._late.put_nowait, self.pulse, self._feed.prices
        rules, clock = self._settings.runner, self._time.wall_ms
        return VenueLink(
            Station(self._journal, venue, rules, self._epoch, clock, begun=begun, pulse=pulse, prices=prices)
        )

    def _barred(self, deployment: Deployment, permits: Permits) -> str:
        """Why a deployment at a venue decides nothing although its books agree; empty when it does."""
        return bar(deployment.venue, self._settings, permits) or self._venues.key_fault(deployment.account_id)

    async def _open_trader(self, deployment: Deployment, open_broker: OpenBroker) -> Trader:
        """Open a trader that knows its book, limits and halts, and no bars yet."""
        series = BarSeries(deployment.symbol, deployment.timeframe, first_open_ms(deployment))
        is_paper = deployment.venue == PAPER_VENUE  # its fills are those of the bars, whenever it decides
        pause_seconds = 0.0 if is_paper else self._settings.runner.funding_pause_seconds
        relations = Relations(self.announce, self._accounts.of(deployment), pause_seconds)
        open_trader = partial(Trader, epoch=self._epoch, open_broker=open_broker, relations=relations)
        try:
            trader = await asyncio.to_thread(open_trader, self._journal, deployment, series)
            self._opened[deployment.id] = trader
            await self.follow()  # before it can be advanced
        except BaseException:
            self._opened.pop(deployment.id, None)
            await self._accounts.lose(deployment.id)
            raise
        return trader

    async def _take_up(self, deployment: Deployment) -> None:
        """Let a trader know its bars, so that it can be advanced."""
        trader, market = self._opened[deployment.id], self._journal.market
        try:
            self._scales[deployment.id] = await self._factors(deployment)  # before what is read in it
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
        _log.info("deployment taken up", extra={"deployment": deployment.id, **trader.status()})

    async def _stop(self, trader: Trader, failure: str) -> None:
        """Halt a trader whose talk with the venue failed."""
        async with self._following:  # whoever has not seen the alert must end first
            if not trader.is_halted:
                trip = Trip("failed", failure)
                alert = halt_alert(trader.key, trip, from_ms(self._time.now_ms()))
                await asyncio.to_thread(self._journal.write_alert, alert)  # it stands once for each reason
                trader.trip(trip)

    async def _advance(self, trader: Trader, close_ms: int) -> None:
        """Book one deployment; after a failure once more without decisions, then not at all."""
        while trader.books:
            was_halted = trader.is_halted  # now: `follow` may read the alert before the trader is told
            failure = await self._failure(trader.key, self._book(trader, close_ms))
            if failure is None:
                return
            async with self._following:  # whoever has not seen the alert must end first
                trader.trip(Trip("failed_again" if was_halted else "failed", failure))

    async def _failure(self, source: str, work: Coroutine[Any, Any, None]) -> str | None:
        """Do the work of one deployment; what fails for good is written down and stops nothing else."""
        try:
            await work
        except StoreError:
            raise
        except (ExchangeUnavailable, OutcomeUnknown) as error:
            _log.warning("exchange away", extra={"source": source, "error": str(error)})
        except Exception as error:  # noqa: BLE001 - the one place that trips the breaker
            _log.exception("halted", extra={"source": source})
            message, at = with_its_kind(error), from_ms(self._time.now_ms())
            alert = halt_alert(source, Trip("failed", message), at)
            await asyncio.to_thread(self._journal.write_alert, alert)
            self.alarm(source, message)
            return message
        return None

    async def _book(self, trader: Trader, close_ms: int) -> None:
        tick = await self._ticks.tick(trader, close_ms)
        if tick is not None and self._traders.get(trader.plan.deployment.id) is trader:  # not dropped since
            await asyncio.to_thread(trader.advance, tick)
            if until_ms := trader.pause.until_ms(tick.now_ms):
                seconds = (until_ms - self._time.now_ms()) / 1000 + _AFTER_PAUSE_SECONDS
                asyncio.get_running_loop().call_later(max(0.0, seconds), self._late.put_nowait, trader)


def _follow(trader: Trader, limits: dict[str, dict[str, float]], halts: dict[str, tuple[Trip, ...]]) -> None:
    """Let a trader follow the limits and the halts of its deployment and of the account."""
    trader.limit(limits)
    account = account_key(trader.plan.deployment.account_id)
    trader.follow(trip for source in ("account", account, trader.key) for trip in halts.get(source, ()))
