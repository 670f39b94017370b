"""How the book of a deployment is opened: on paper or at its venue, with all that its trader talks to.

Nothing is traded here: a trader that was opened knows its book, and no bars yet.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from live_runner.book.announcer import Announce
from live_runner.book.approval import Relations
from live_runner.book.broker import OpenBroker
from live_runner.book.history import first_open_ms
from live_runner.book.leg import LegTrader
from live_runner.book.paper import open_paper
from live_runner.book.plan import LoadStrategy, plan_of
from live_runner.book.recall import Recalled, recalled
from live_runner.book.trader import Trader
from live_runner.feed.feed import Feed
from live_runner.feed.series import BarSeries
from live_runner.process.accounts import Accounts
from live_runner.process.conditions import ConditionWatch
from live_runner.process.sets import Sets
from live_runner.venue.accounts import OrderVenues, bar
from live_runner.venue.link import VenueLink
from live_runner.venue.links import VenueLinks
from live_runner.venue.station import Station
from quant_pipelines.core.settings import Settings
from quant_pipelines.exchange.version import venue_version
from quant_pipelines.stack.pulse import Pulse
from quant_pipelines.store.certificates import Permits
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.trading.venue import OrderVenue


class Neighbors(NamedTuple):
    """Who lets a trader be opened, and whom it and the link that it may have talk to.

    ``venues`` are the accounts there, ``load`` loads the texts of strategies; ``known`` is told of a
    trader before its link starts, ``begun`` of each that may decide what it could not; ``sets`` know which
    of them are legs.
    """

    venues: OrderVenues
    load: LoadStrategy
    accounts: Accounts
    links: VenueLinks
    conditions: ConditionWatch
    announce: Announce
    pulse: Pulse
    begun: Callable[[Trader], None]
    known: Callable[[Trader], Awaitable[None]]
    sets: Sets


class BookOpener:
    """Opens books for one writer.

    Parameters
    ----------
    journal
        Rows of the runner.
    settings
        Settings of the process.
    feed
        Market data, and the exchange's time.
    epoch
        Epoch of this writer.
    """

    def __init__(self, journal: Journal, settings: Settings, feed: Feed, *, epoch: int) -> None:
        self._journal = journal
        self._settings = settings
        self._feed = feed
        self._epoch = epoch

    async def open(self, deployment: Deployment, beside: Neighbors) -> None:
        """Open a deployment; at its venue what it holds is covered before anything else.

        Raises
        ------
        QuantError
            If its rows, its strategy or its venue can't be used.
        """
        account = beside.accounts.of(deployment)
        orders = await asyncio.to_thread(self._journal.read_orders, deployment.id)
        stored = await asyncio.to_thread(self._journal.read_book, deployment.id)
        past = recalled(deployment, orders, stored.fills, self._feed.time.now_ms())
        account.recall(past)
        permits = await asyncio.to_thread(self._journal.read_permits, deployment, venue_version())
        venue = await beside.venues.of(deployment, permits)
        if venue is None:
            await self._open_trader(deployment, open_paper, past, beside)
            return
        open_link = partial(self._open_link, venue, account.hold_back, permits, beside)
        link = beside.links.link_for(deployment, open_link)
        try:
            trader = await self._open_trader(deployment, link.open_broker, past, beside)
        except BaseException:
            beside.links.release(deployment.id)
            raise
        beside.links.start(trader, partial(self._barred, deployment, permits, beside))

    def _open_link(
        self,
        venue: OrderVenue,
        hold_back: Callable[[str, bool], None],
        permits: Permits,
        beside: Neighbors,
    ) -> VenueLink:
        station = Station(
            self._journal,
            venue,
            self._settings.runner,
            self._epoch,
            self._feed.time.wall_ms,
            begun=beside.begun,
            pulse=beside.pulse,
            prices=self._feed.prices,
            running_bar=self._feed.running_bar,
            hold_back=hold_back,
            has_safe_timer=permits.has_safe_timer,
        )
        return VenueLink(station)

    def _barred(self, deployment: Deployment, permits: Permits, beside: Neighbors) -> str:
        """Why a deployment at a venue opens nothing although its books agree; empty when it may."""
        return bar(deployment.venue, self._settings, permits) or beside.venues.fault(deployment.account_id)

    async def _open_trader(
        self, deployment: Deployment, open_broker: OpenBroker, past: Recalled, beside: Neighbors
    ) -> Trader:
        """Open a trader that knows its book, limits and halts, and no bars yet."""
        series = BarSeries(deployment.symbol, deployment.timeframe, first_open_ms(deployment))
        is_paper = deployment.venue == PAPER_VENUE  # its fills are those of the bars, whenever it decides
        pause_seconds = 0.0 if is_paper else self._settings.runner.funding_pause_seconds
        signs, account = partial(beside.conditions.signs_of, deployment), beside.accounts.of(deployment)
        relations = Relations(beside.announce, account, pause_seconds, signs, past.fills_ms, past.working)

        def open_trader() -> Trader:
            plan, epoch = plan_of(deployment, beside.load), self._epoch
            whole = beside.sets.of(deployment)
            kind = Trader if whole is None else partial(LegTrader, whole)
            return kind(
                self._journal, plan, series, epoch=epoch, open_broker=open_broker, relations=relations
            )

        trader = await asyncio.to_thread(open_trader)
        await beside.known(trader)
        return trader
