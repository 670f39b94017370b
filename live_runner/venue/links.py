"""The links of all deployments at venues: started, begun again after a failure, and ended together.

A venue knows one position for each symbol of an account, so all deployments there have one link.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from live_runner.book.trader import Trader
from live_runner.ports.tasks import end_all
from live_runner.venue.link import VenueLink
from quant_pipelines.store.deployments import Deployment

_PAUSE_SECONDS = (1.0, 60.0)
_UNCOVERED_PAUSE_SECONDS = (0.2, 5.0)
"""What is held and maybe not covered waits for no person; each beginning takes 6 % of a minute's requests."""
_BEGIN_SECONDS = 10.0

Attempt = Callable[[str, Coroutine[Any, Any, None]], Awaitable[str | None]]
"""Does the work of one deployment; returns what failed for good. A database that is away is raised."""

Stop = Callable[[Trader, str], Awaitable[None]]
"""Halts a trader for what failed, unless it is halted."""


_Place: TypeAlias = tuple[int, str]
"""Account and symbol."""


@dataclass
class _Running:
    """A link, who runs it, and what ends its pause after a failure."""

    link: VenueLink
    task: asyncio.Task[None] | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class VenueLinks:
    """Runs one link for each symbol of an account, for all deployments that trade it.

    Parameters
    ----------
    attempt
        Who writes failures down.
    stop
        Who halts a trader whose link failed.
    """

    def __init__(self, attempt: Attempt, stop: Stop) -> None:
        self._attempt = attempt
        self._stop = stop
        self._places: dict[int, _Place] = {}
        self._running: dict[_Place, _Running] = {}
        self._broken: asyncio.Queue[BaseException] = asyncio.Queue()

    def expect(self, deployments: Iterable[Deployment]) -> None:
        """Have the talk about a symbol begin once all of these are started or released there."""
        for deployment in deployments:
            self._places[deployment.id] = (deployment.account_id, deployment.symbol)

    def link_for(self, deployment: Deployment, open_link: Callable[[], VenueLink]) -> VenueLink:
        """Link of a deployment's account and symbol: the one that talks already, or a new one."""
        place = self._places[deployment.id] = (deployment.account_id, deployment.symbol)
        if place not in self._running:
            self._running[place] = _Running(open_link())
        return self._running[place].link

    def release(self, deployment_id: int) -> None:
        """Forget a deployment that was not taken up."""
        place = self._places.pop(deployment_id, None)
        if place is not None:
            self._begin(place)

    def start(self, trader: Trader, barred: Callable[[], str] = lambda: "") -> None:
        """Have a deployment's link talk for it, too, until it is dropped."""
        place = self._places[trader.plan.deployment.id]
        self._running[place].link.add(trader, barred)
        self._begin(place)

    def is_shared(self, deployment_id: int) -> bool:
        """Whether other deployments trade the same symbol of the account."""
        place = self._places.get(deployment_id)
        return sum(other == place for other in self._places.values()) > 1

    def hear(self, symbol: str, price: float) -> None:
        """Tell the links of a symbol the last price, quote per base."""
        for (_, named), running in self._running.items():
            if named == symbol:
                running.link.hear(price)

    def away_since_ms(self) -> dict[str, int]:
        """Symbols whose talk with the venue is broken, and since when, milliseconds UTC."""
        links = ((symbol, running.link.away_since_ms) for (_, symbol), running in self._running.items())
        return {symbol: since_ms for symbol, since_ms in links if since_ms is not None}

    def away_since_of(self, deployment_id: int) -> int | None:
        """Since when the talk of one deployment is broken, milliseconds UTC; None while it is not."""
        running = self._of(deployment_id)
        return None if running is None else running.link.away_since_ms

    def barred_by(self, deployment_id: int) -> str:
        """Why a deployment opens nothing although its books agree; empty when it may."""
        running = self._of(deployment_id)
        return "" if running is None else running.link.barred_by(deployment_id)

    def wake(self, deployment_id: int) -> None:
        """Have a link look at its traders now, also one that pauses after a failure."""
        running = self._of(deployment_id)
        if running is not None:
            running.link.wake()
            running.woken.set()

    async def begun(self, deployment_id: int, seconds: float = _BEGIN_SECONDS) -> None:
        """Return once the books of a deployment were compared with its venue, or after so many seconds."""
        running = self._of(deployment_id)
        seat = None if running is None else running.link.place.seats.get(deployment_id)
        if seat is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await seat.begun.wait()

    async def drop(self, deployment_id: int) -> None:
        """End the talk for a deployment; its stop stays at the venue, and other books go on."""
        place = self._places.pop(deployment_id, None)
        running = None if place is None else self._running.get(place)
        if place is None or running is None:
            return
        task, running.task = running.task, None
        if task is not None:
            await end_all(task)
        seat = running.link.place.seats.get(deployment_id)
        try:
            running.link.remove(deployment_id)
            if seat is not None:
                await asyncio.to_thread(seat.trader.rest)  # a thread that was canceled may still book
        finally:
            self._begin(place)  # whatever fails here, the other books have their talk again

    async def close(self) -> None:
        """End all links."""
        tasks = [running.task for running in self._running.values() if running.task is not None]
        self._running.clear()
        self._places.clear()
        await end_all(*tasks)

    async def watch(self) -> None:
        """Raise what ended a link for good: the database is away, or another writer has taken over."""
        raise await self._broken.get()

    def _begin(self, place: _Place) -> None:
        """Run the link of a place once all books are there that are expected; end one that has none."""
        running = self._running.get(place)
        if running is None or running.task is not None:
            return
        expected = {key for key, other in self._places.items() if other == place}
        if not expected:
            del self._running[place]
        elif expected <= running.link.place.seats.keys():
            running.task = asyncio.create_task(self._run(running), name=f"venue link of {place[1]}")

    def _of(self, deployment_id: int) -> _Running | None:
        place = self._places.get(deployment_id)
        return None if place is None else self._running.get(place)

    async def _run(self, running: _Running) -> None:
        n_failed, link = 0, running.link
        try:
            while True:
                failure = await self._attempt(link.place.first.trader.key, link.run())
                n_failed = 0 if failure is None else n_failed + 1
                if failure is not None:
                    for seat in list(link.place.seats.values()):
                        await self._stop(seat.trader, failure)
                running.woken.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_pause_seconds(n_failed, link)):
                        await running.woken.wait()
        except Exception as error:  # noqa: BLE001 - handed to whoever watches, who raises it
            self._broken.put_nowait(error)


def _pause_seconds(n_failed: int, link: VenueLink) -> float:
    """How long a link rests that has failed so often in a row."""
    if n_failed and link.may_be_uncovered:
        shortest, longest = _UNCOVERED_PAUSE_SECONDS
        return min(shortest * 2.0 ** (n_failed - 1), longest)
    shortest, longest = _PAUSE_SECONDS
    return min(shortest * 2.0**n_failed, longest)
