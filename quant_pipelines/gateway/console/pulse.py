"""Signs of life for open pages: an event a second, which names the newest change of what is stored.

A page without one for five seconds greys itself; one that sees another change reads itself again.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.errors import StoreError
from quant_pipelines.gateway.services import Services, services_of
from quant_pipelines.store import shown_rows
from quant_pipelines.store.engine import transaction

_EVERY_SECONDS: Final = 1.0
_BEATS: Final = 60
"""Beats of a stream; then the browser asks again, so that a login that ended ends its streams."""


class PageBeat(NamedTuple):
    """What is told: the newest change, empty while the database is away, and when that was."""

    change: str
    at: str

    @property
    def event(self) -> str:
        """Event of the stream."""
        return f"event: beat\ndata: {json.dumps(self._asdict())}\n\n"


class PagePulse:
    """Newest change, read once for all pages that wait for it.

    Parameters
    ----------
    services
        Database and clock.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = asyncio.Lock()
        self._beat = PageBeat("", "")
        self._read_at = float("-inf")

    async def beat(self) -> PageBeat:
        """Read the newest change, or what was read within the last half of a beat."""
        async with self._lock:
            if time.monotonic() - self._read_at > _EVERY_SECONDS / 2:
                self._beat = await run_in_threadpool(self._read)
                self._read_at = time.monotonic()
            return self._beat

    def _read(self) -> PageBeat:
        at = clock_time(self._services.clock).isoformat()
        try:
            with transaction(self._services.engine) as connection:
                return PageBeat(shown_rows.newest_change(connection), at)
        except StoreError:
            return PageBeat("", at)


def pulse_of(request: Request) -> PagePulse:
    """Pulse of this application."""
    state = request.app.state
    if not hasattr(state, "pulse"):
        state.pulse = PagePulse(services_of(request))
    pulse: PagePulse = state.pulse
    return pulse


async def beats(request: Request, most: int = _BEATS) -> Response:
    """Stream of beats for one page."""
    pulse = pulse_of(request)

    async def events() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        for _ in range(most):
            yield (await pulse.beat()).event
            await asyncio.sleep(_EVERY_SECONDS)

    return StreamingResponse(events(), media_type="text/event-stream")
