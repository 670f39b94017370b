"""Signs of life for open pages: an event at each change of what is stored, and one a second without any.

A page without one for five seconds greys itself; one that sees another change reads itself again. While a
page is open the newest change is read ten times a second, once for all of them.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Final, NamedTuple

from fastapi import Query, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.errors import StoreError
from quant_pipelines.gateway.services import Services, services_of
from quant_pipelines.store import shown_rows
from quant_pipelines.store.engine import transaction

_LOOK_SECONDS: Final = 0.1
_BEAT_SECONDS: Final = 1.0
"""Longest silence; a database that is away is asked no more often."""
_STREAM_SECONDS: Final = 60.0
"""Length of a stream; then the browser asks again, so that a login that ended ends its streams."""


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
        """Read the newest change, or what was read just now for another page."""
        async with self._lock:
            age = time.monotonic() - self._read_at
            if age > (_LOOK_SECONDS / 2 if self._beat.change else _BEAT_SECONDS / 2):
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


async def beats(
    request: Request, seconds: Annotated[float, Query(ge=0, le=_STREAM_SECONDS)] = _STREAM_SECONDS
) -> Response:
    """Stream of beats for one page, for so many seconds."""
    pulse = pulse_of(request)

    async def events() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        async for beat in told_beats(pulse.beat, seconds):
            yield beat.event

    return StreamingResponse(events(), media_type="text/event-stream")


async def told_beats(look: Callable[[], Awaitable[PageBeat]], seconds: float) -> AsyncIterator[PageBeat]:
    """Beats that a page is told: the first, each other change at once, and one a second in between.

    Parameters
    ----------
    look
        Gives the newest beat.
    seconds
        How long they go on.
    """
    start = told_at = time.monotonic()
    told = await look()
    yield told
    while time.monotonic() - start < seconds:
        await asyncio.sleep(_LOOK_SECONDS)
        beat = await look()
        if beat.change != told.change or time.monotonic() - told_at >= _BEAT_SECONDS:
            told, told_at = beat, time.monotonic()
            yield beat
