"""Market streams: the clockwork that plays the market second by second to everybody who listens."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import orjson
from aiohttp import web

from quant_pipelines.core.clock import Clock
from quant_pipelines.simulator.connections import Connections
from quant_pipelines.simulator.ports import DerivativesPort, MarketPort
from quant_pipelines.simulator.stream_names import messages_of, why_silent

_LATEST_START_MS = 5  # into the second, so that a message never carries the second before


class MarketStreams:
    """Streams of a market.

    Parameters
    ----------
    market, derivatives
        What is played.
    clock
        The venue's time.
    connections
        Who listens.
    """

    def __init__(
        self, market: MarketPort, derivatives: DerivativesPort, clock: Clock, connections: Connections
    ) -> None:
        self._market = market
        self._derivatives = derivatives
        self._clock = clock
        self._connections = connections
        connections.rules.append(lambda name: why_silent(name, market, derivatives, clock()))

    def attach(self, application: web.Application) -> None:
        """Run the clockwork while the application runs."""
        application.cleanup_ctx.append(self._run)

    def publish(self, *, now_ms: int, before_ms: int) -> None:
        """Send this second's messages to everybody who listens."""
        for name in self._connections.names:
            for message in messages_of(
                name, self._market, self._derivatives, now_ms=now_ms, before_ms=before_ms
            ):
                self._connections.publish(name, orjson.dumps(message))

    async def _run(self, _application: web.Application) -> AsyncIterator[None]:
        player = asyncio.create_task(self._play(), name="market clockwork")
        yield
        player.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await player

    async def _play(self) -> None:
        before = self._clock()
        while True:
            now = self._clock()
            await asyncio.sleep((1000 + _LATEST_START_MS - now % 1000) / 1000)
            now = self._clock()
            if now // 1000 > before // 1000:
                self.publish(now_ms=now, before_ms=before)
                before = now
