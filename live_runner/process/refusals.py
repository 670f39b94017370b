"""What is taken up in which order, and what is not tried again before a person looks at it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from live_runner.process.attempts import Attempts
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.trading.breaker import Trip

_Halts = Mapping[str, tuple[Trip, ...]]

_log = logging.getLogger(__name__)


class Refusals:
    """Deployments that failed for good when they were taken up.

    Parameters
    ----------
    journal
        Rows of the runner.
    attempts
        Does the work of deployments, and writes failures down.
    """

    def __init__(self, journal: Journal, attempts: Attempts) -> None:
        self._journal = journal
        self._attempts = attempts
        self._ids: set[int] = set()

    async def tried(self, new: Iterable[Deployment], halts: _Halts) -> list[Deployment]:
        """Return what is opened: what is held at a venue first, what did not load before after all others.

        Whatever of that holds nothing is not tried again before a person lets it go on.
        """
        self._ids = {key for key in self._ids if f"deployment:{key}" in halts}
        new = [one for one in new if one.id not in self._ids]
        broken = {one.id for one in new if any(trip.event == "not_loaded" for trip in halts.get(one.key, ()))}
        for key in sorted(broken):
            if (await asyncio.to_thread(self._journal.read_book, key)).holds_nothing:
                _log.warning("not tried again: its strategy did not load", extra={"deployment": key})
                self._ids.add(key)
        found = (one for one in new if one.id not in self._ids)
        lasts = broken | {one.id for one in new if self._attempts.has_missed(one.key)}
        return sorted(found, key=lambda one: (one.id in lasts, one.venue == PAPER_VENUE))

    async def each(
        self, deployments: Iterable[Deployment], step: Callable[[Deployment], Coroutine[Any, Any, None]]
    ) -> None:
        """Take a step with each deployment; one that fails for good is refused until a person looks."""
        for deployment in deployments:
            if await self._attempts.failure(deployment.key, step(deployment)) is not None:
                self._ids.add(deployment.id)
