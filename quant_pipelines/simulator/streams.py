"""WebSocket streams: who listens to what, and the clockwork that plays the market second by second."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from quant_pipelines.core.clock import Clock
from quant_pipelines.simulator.events import messages_of
from quant_pipelines.simulator.ports import DerivativesPort, MarketPort

logger = logging.getLogger(__name__)

_MOST_WAITING = 5000  # messages; a consumer that is further behind is cut off, as the venue does
_LATEST_START_MS = 5  # into the second, so that a message never carries the second before


class StreamListener:
    """One connection: what it subscribed to and what waits to be sent."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.outbox: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)
        self.is_behind = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Queue a message; a full queue marks the connection for closing."""
        try:
            self.outbox.put_nowait(message)
        except asyncio.QueueFull:
            self.is_behind.set()


class MarketStreams:
    """Streams of a market.

    Parameters
    ----------
    market, derivatives
        What is played.
    clock
        The venue's time.
    """

    def __init__(self, market: MarketPort, derivatives: DerivativesPort, clock: Clock) -> None:
        self._market = market
        self._derivatives = derivatives
        self._clock = clock
        self._listeners: set[StreamListener] = set()
        self._sockets: set[web.WebSocketResponse] = set()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Handle one WebSocket connection until it ends."""
        socket = web.WebSocketResponse(compress=False, heartbeat=180)
        await socket.prepare(request)
        listener = StreamListener()
        self._listeners.add(listener)
        self._sockets.add(socket)
        writer = asyncio.create_task(_write(socket, listener), name="stream writer")
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    listener.put(_command(listener, message.data))
        finally:
            self._listeners.discard(listener)
            self._sockets.discard(socket)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket

    async def close(self, _application: web.Application | None = None) -> None:
        """Close all connections."""
        for socket in list(self._sockets):
            await socket.close(code=1001)

    async def play(self, _application: web.Application) -> AsyncIterator[None]:
        """Run the clockwork while the application runs."""
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

    def publish(self, *, now_ms: int, before_ms: int) -> None:
        """Send this second's messages to everybody who listens."""
        for name in set().union(*(listener.names for listener in self._listeners)):
            for message in messages_of(
                name, self._market, self._derivatives, now_ms=now_ms, before_ms=before_ms
            ):
                payload = orjson.dumps(message)
                for listener in self._listeners:
                    if name in listener.names:
                        listener.put(payload)


def _command(listener: StreamListener, text: str) -> bytes:
    command: Any = None
    with contextlib.suppress(orjson.JSONDecodeError):
        command = orjson.loads(text)
    if not isinstance(command, dict):
        return orjson.dumps({"error": {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}})
    names = [str(name) for name in command.get("params") or []]
    match command.get("method"):
        case "SUBSCRIBE":
            listener.names.update(names)
        case "UNSUBSCRIBE":
            listener.names.difference_update(names)
        case "LIST_SUBSCRIPTIONS":
            return orjson.dumps({"result": sorted(listener.names), "id": command.get("id")})
        case other:
            error = {"code": 2, "msg": f"Invalid request: unknown variant `{other}`"}
            return orjson.dumps({"error": error, "id": command.get("id")})
    return orjson.dumps({"result": None, "id": command.get("id")})


async def _write(socket: web.WebSocketResponse, listener: StreamListener) -> None:
    while not listener.is_behind.is_set():
        payload = await listener.outbox.get()
        try:
            await socket.send_str(payload.decode())
        except ConnectionError:
            return  # the reading side ends the connection
    logger.warning("stream consumer is %d messages behind; connection closed", _MOST_WAITING)
    await socket.close(code=1008)
