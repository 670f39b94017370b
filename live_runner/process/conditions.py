"""Looks each second at what stops entries and ends by itself: tells people, has venues' stops verified."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from live_runner.book.trader import Trader
from live_runner.feed.feed import Feed
from live_runner.venue.links import VenueLinks
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.trading.breaker import Event
from quant_pipelines.trading.trips import Signs

TOLD: tuple[Event, ...] = ("passive_breach", "barred")
"""Of which nobody else tells: scopes of alerts, whose source names the deployment behind a colon."""
_LOOK_SECONDS = 1.0


class OfAccount(NamedTuple):
    """An alert, and the account whose deployment it is about."""

    account_id: int
    alert: Alert


class ConditionWatch:
    """What stands for each deployment.

    Parameters
    ----------
    journal
        Rows of the runner.
    feed
        Knows the age of the data, and how far the clock is off.
    links
        Know since when the talk with a venue is broken.

    Attributes
    ----------
    database_error
        Why the database is lost; whoever learns of it says so, and no order is sent any more.
    """

    def __init__(self, journal: Journal, feed: Feed, links: VenueLinks) -> None:
        self._journal = journal
        self._feed = feed
        self._links = links
        self._events: dict[int, frozenset[Event]] = {}
        self._written: set[str] | None = None  # unknown at first: an earlier life may have left some standing
        self.database_error = ""

    def signs_of(self, deployment: Deployment) -> Signs:
        """Tell what is known of a deployment's surroundings now; from any thread."""
        return Signs(
            self._feed.age_seconds(deployment.symbol),
            self._feed.time.error_ms,
            self._links.away_since_of(deployment.id),
            self.database_error,
            self._links.barred_by(deployment.id),
        )

    async def run(
        self, traders: Callable[[], Iterable[Trader]], on_change: Callable[[], Awaitable[None]]
    ) -> None:
        """Look until canceled; ``on_change`` is called when something began or ended.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        while True:
            if await self.look(traders()):
                await on_change()
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self, traders: Iterable[Trader]) -> bool:
        """Look once; whether anything has changed since the last time.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        known, self._events, told = self._events, {}, list[OfAccount]()
        at = from_ms(self._feed.time.now_ms())
        for trader in sorted(traders, key=lambda one: one.plan.deployment.id):
            deployment, breaker = trader.plan.deployment, trader.breaker
            key = deployment.id
            self._events[key] = breaker.events
            for event, reason in ((one.event, one.reason) for one in breaker.trips if one.event in TOLD):
                alert = Alert("warning", f"{event}:{trader.key}", reason, at)
                told.append(OfAccount(deployment.account_id, alert))
            begun = breaker.events - known.get(key, frozenset())
            if begun - {"venue_away"}:  # a link that is broken compares everything once it is back
                self._links.wake(key)
        await self._tell(told_once(told))
        return any(self._events[key] != known.get(key, frozenset()) for key in self._events)

    async def _tell(self, told: dict[str, Alert]) -> None:
        if self._written == told.keys():
            return
        at = from_ms(self._feed.time.now_ms())
        for scope in TOLD:
            found = [alert for source, alert in told.items() if source.startswith(f"{scope}:")]
            await asyncio.to_thread(self._journal.follow_standing, scope, found, at)
        self._written = set(told)


def told_once(found: Iterable[OfAccount]) -> dict[str, Alert]:
    """Leave out what bars a later deployment of an account for the same reason; returns alerts by source.

    The same words about two accounts are two faults: each has its own key and modes.
    """
    known: set[tuple[int, str]] = set()
    told = {}
    for account_id, alert in found:
        if alert.source.startswith("barred:"):
            if (account_id, alert.message) in known:
                continue
            known.add((account_id, alert.message))
        told[alert.source] = alert
    return told
