"""The user's stream: listen keys that die when nobody keeps them alive, and who listens under them."""

import asyncio
import logging
import secrets
from dataclasses import dataclass, field

import orjson
from aiohttp import web

from quant_pipelines.core.clock import Clock
from quant_pipelines.simulator.venue.ledger import Message
from quant_pipelines.simulator.venue.refusals import refusal

logger = logging.getLogger(__name__)

KEY_LIFE_MS = 60 * 60_000
_MOST_WAITING = 5000  # messages; a consumer that is further behind is cut off


@dataclass(eq=False, slots=True)
class _Listener:
    """One connection; None in its outbox ends it."""

    key: str
    outbox: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(_MOST_WAITING))

    def put(self, payload: bytes | None) -> None:
        if self.outbox.full():
            logger.warning("user stream consumer is %d messages behind; connection closed", _MOST_WAITING)
            self.outbox.get_nowait()
            payload = None
        self.outbox.put_nowait(payload)


class UserStream:
    """Listen keys and connections.

    Parameters
    ----------
    clock
        The venue's time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._keys: dict[str, tuple[str, int]] = {}
        self._listeners: set[_Listener] = set()

    @property
    def n_listeners(self) -> int:
        """Connections that are open."""
        return len(self._listeners)

    def open_key(self, api_key: str) -> str:
        """Return the listen key of an API key, made when there is none, alive for another hour."""
        self.expire()
        key = self._keys[api_key][0] if api_key in self._keys else secrets.token_urlsafe(48)
        self._keys[api_key] = (key, self._clock() + KEY_LIFE_MS)
        return key

    def keep_key(self, api_key: str) -> str:
        """Keep a listen key alive for another hour.

        Raises
        ------
        VenueError
            -1125 if there is none.
        """
        self.expire()
        if api_key not in self._keys:
            raise refusal("listen_key")
        return self.open_key(api_key)

    def close_key(self, api_key: str) -> None:
        """Forget a listen key and end its connections."""
        key, _ = self._keys.pop(api_key, ("", 0))
        self._end(key)

    def expire(self) -> None:
        """Say good-bye under keys that nobody kept alive."""
        now = self._clock()
        for api_key, (key, until_ms) in list(self._keys.items()):
            if now >= until_ms:
                del self._keys[api_key]
                self._send({"e": "listenKeyExpired", "E": now, "listenKey": key}, only=key)
                self._end(key)

    def publish(self, message: Message) -> None:
        """Send a message to everybody who listens."""
        self._send(message)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Handle one connection until it or its key ends; an unknown key is sent away at once."""
        self.expire()
        key = request.query.get("listenKey") or request.match_info.get("key", "")
        socket = web.WebSocketResponse(compress=False, heartbeat=180)
        await socket.prepare(request)
        if key not in {known for known, _ in self._keys.values()}:
            await socket.close(code=1008, message=b"invalid listenKey")
            return socket
        listener = _Listener(key)
        self._listeners.add(listener)
        writer = asyncio.create_task(_write(socket, listener), name="user stream writer")
        try:
            async for _message in socket:
                pass  # the user's stream takes no commands
        finally:
            self._listeners.discard(listener)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket

    async def close(self, _application: web.Application | None = None) -> None:
        """End all connections."""
        for listener in self._listeners:
            listener.put(None)

    def _send(self, message: Message, *, only: str = "") -> None:
        payload = orjson.dumps(message)
        for listener in self._listeners:
            if only in ("", listener.key):
                listener.put(payload)

    def _end(self, key: str) -> None:
        for listener in self._listeners:
            if listener.key == key:
                listener.put(None)


async def _write(socket: web.WebSocketResponse, listener: _Listener) -> None:
    while (payload := await listener.outbox.get()) is not None:
        try:
            await socket.send_str(payload.decode())
        except ConnectionError:
            return  # the reading side ends the connection
    await socket.close(code=1000)
