"""The links of all deployments at venues: started, begun again after a failure, and ended together."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from live_runner.book.trader import Trader
from live_runner.venue.link import VenueLink
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.store.deployments import Deployment

_PAUSE_SECONDS = (1.0, 60.0)
_BEGIN_SECONDS = 10.0

Attempt = Callable[[str, Coroutine[Any, Any, None]], Awaitable[str | None]]
"""Does the work of one deployment; returns what failed for good. A database that is away is raised."""

Stop = Callable[[Trader, str], Awaitable[None]]
"""Halts a trader for what failed, unless it is halted."""


class VenueLinks:
    """Runs one link for each deployment at a venue.

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
        self._links: dict[int, VenueLink] = {}
        self._woken: dict[int, asyncio.Event] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._places: dict[int, tuple[int, str]] = {}
        self._broken: asyncio.Queue[BaseException] = asyncio.Queue()

    def reserve(self, deployment: Deployment) -> None:
        """Give an account's symbol to one deployment: the venue knows one position for both.

        Raises
        ------
        ConfigurationError
            If another deployment trades that symbol on that account.
        """
        place = (deployment.account_id, deployment.symbol)
        holder = next((key for key, taken in self._places.items() if taken == place), deployment.id)
        if holder != deployment.id:
            raise ConfigurationError(
                f"deployment:{holder} trades {deployment.symbol} on account {deployment.account_id} already; "
                "expected one deployment for each symbol of an account"
            )
        self._places[deployment.id] = place

    def release(self, deployment_id: int) -> None:
        """Give the symbol of a deployment back that was not taken up."""
        self._places.pop(deployment_id, None)

    def start(self, link: VenueLink, trader: Trader) -> None:
        """Run a link until it is dropped."""
        key, woken = trader.plan.deployment.id, asyncio.Event()
        self._links[key], self._woken[key] = link, woken
        self._tasks[key] = asyncio.create_task(
            self._run(link, trader, woken), name=f"venue link of {trader.key}"
        )

    def away_since_ms(self) -> dict[str, int]:
        """Symbols whose talk with the venue is broken, and since when, milliseconds UTC."""
        links = ((self._places[key][1], link.away_since_ms) for key, link in self._links.items())
        return {symbol: since_ms for symbol, since_ms in links if since_ms is not None}

    def away_since_of(self, deployment_id: int) -> int | None:
        """Since when the talk of one deployment is broken, milliseconds UTC; None while it is not."""
        link = self._links.get(deployment_id)
        return None if link is None else link.away_since_ms

    def barred_by(self, deployment_id: int) -> str:
        """Why a deployment opens nothing although its books agree; empty when it may."""
        link = self._links.get(deployment_id)
        return "" if link is None else link.barred

    def wake(self, deployment_id: int) -> None:
        """Have a link look at its trader now, also one that pauses after a failure."""
        if deployment_id in self._links:
            self._links[deployment_id].wake()
            self._woken[deployment_id].set()

    async def begun(self, deployment_id: int, seconds: float = _BEGIN_SECONDS) -> None:
        """Return once the books of a deployment were compared with its venue, or after so many seconds."""
        link = self._links.get(deployment_id)
        if link is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await link.begun.wait()

    async def drop(self, deployment_id: int) -> None:
        """End the link of a deployment; its stop stays at the venue."""
        self.release(deployment_id)
        self._links.pop(deployment_id, None)
        self._woken.pop(deployment_id, None)
        task = self._tasks.pop(deployment_id, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """End all links."""
        for deployment_id in list(self._tasks):
            await self.drop(deployment_id)

    async def watch(self) -> None:
        """Raise what ended a link for good: the database is away, or another writer has taken over."""
        raise await self._broken.get()

    async def _run(self, link: VenueLink, trader: Trader, woken: asyncio.Event) -> None:
        shortest, longest = _PAUSE_SECONDS
        pause = shortest
        try:
            while True:
                failure = await self._attempt(trader.key, link.run(trader))
                if failure is None:
                    pause = shortest
                else:
                    await self._stop(trader, failure)
                    pause = min(2 * pause, longest)
                woken.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await woken.wait()
        except Exception as error:  # noqa: BLE001 - handed to whoever watches, who raises it
            self._broken.put_nowait(error)
