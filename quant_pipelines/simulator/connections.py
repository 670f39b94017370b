"""WebSocket connections: who listens to which streams, raw or combined, and what waits to be sent to them."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TypeAlias

import orjson
from aiohttp import WSMsgType, web

from quant_pipelines.simulator.commands import Subscriptions, answer_command

logger = logging.getLogger(__name__)

_MOST_WAITING = 5000  # messages; a consumer that is further behind is cut off, as the venue does
_PREFIXES = ("/public", "/market", "/private", "")
_POLICY = 1008
_LONGEST_REASON = 123  # bytes that a close frame has room for


NameRule: TypeAlias = Callable[[str], str | None]
"""Whether a stream of a name will speak: empty if so, a sentence if not, None if it is of another kind."""


class Connection:
    """One connection; None in its outbox ends it."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self.subscriptions = subscriptions
        self.outbox: asyncio.Queue[bytes | None] = asyncio.Queue(_MOST_WAITING)

    def put(self, payload: bytes | None) -> None:
        """Queue a message; a consumer that is too far behind is cut off instead."""
        if self.outbox.full():
            logger.warning("stream consumer is %d messages behind; connection closed", _MOST_WAITING)
            self.outbox = asyncio.Queue(_MOST_WAITING)
            payload = None
        self.outbox.put_nowait(payload)

    def tell(self, name: str, payload: bytes) -> None:
        """Queue a stream's message, in an envelope where the streams are combined."""
        if name in self.subscriptions.names:
            wrapped = b'{"stream":%b,"data":%b}' % (orjson.dumps(name), payload)
            self.put(wrapped if self.subscriptions.is_combined else payload)


class Connections:
    """All stream connections of the venue; every address has every stream.

    Attributes
    ----------
    rules
        What each kind of stream says of a name, in turn.
    """

    def __init__(self) -> None:
        self.rules: list[NameRule] = []
        self._open: dict[Connection, None] = {}  # in the order in which they came, in every process

    def why_silent(self, name: str) -> str:
        """Return a sentence that says why a stream of a name will never speak; empty when it will."""
        reasons = (rule(name) for rule in self.rules)
        silent = f"stream {name!r} is not served and would stay silent"
        return next((reason for reason in reasons if reason is not None), silent)

    @property
    def names(self) -> list[str]:
        """Streams that somebody listens to, by name."""
        return sorted({name for connection in self._open for name in connection.subscriptions.names})

    def attach(self, application: web.Application) -> None:
        """Serve ``PREFIX/ws``, ``PREFIX/ws/NAME`` and ``PREFIX/stream?streams=NAME/NAME``."""
        for prefix in _PREFIXES:
            for path in (f"{prefix}/ws", f"{prefix}/ws/{{names:.+}}", f"{prefix}/stream"):
                application.router.add_get(path, self.serve)
        application.on_shutdown.append(self.close)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Handle one connection until it ends; one that asks for a silent stream is told so and ended."""
        names = list(_names_of(request))
        is_combined = request.path.endswith("/stream")
        reasons = [reason for name in names if (reason := self.why_silent(name))]
        socket = web.WebSocketResponse(compress=False, heartbeat=180)
        try:
            await socket.prepare(request)
            if reasons:
                await _send_away(socket, reasons[0])
                return socket
        except ConnectionError:
            logger.info("a client hung up in its handshake")
            return web.Response(status=400)  # nobody reads it; a socket that never opened can't be ended
        await self._converse(socket, Connection(Subscriptions(set(names), is_combined=is_combined)))
        return socket

    def publish(self, name: str, payload: bytes) -> None:
        """Send a stream's message to everybody who listens to it."""
        for connection in self._open:
            connection.tell(name, payload)

    def end(self, name: str) -> None:
        """End the connections that listen to a stream."""
        for connection in self._open:
            if name in connection.subscriptions.names:
                connection.put(None)

    async def close(self, _application: web.Application | None = None) -> None:
        """End all connections."""
        for connection in self._open:
            connection.put(None)

    async def _converse(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        self._open[connection] = None
        writer = asyncio.create_task(_write(socket, connection), name="stream writer")
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    connection.put(answer_command(connection.subscriptions, message.data, self.why_silent))
        finally:
            self._open.pop(connection, None)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)


def _names_of(request: web.Request) -> Iterable[str]:
    """Streams that an address asks for; a bare number only tells a client's connections apart."""
    asked = [request.match_info.get("names", ""), *request.query.getall("streams", [])]
    keys = request.query.getall("listenKey", [])
    return (name for text in [*asked, *keys] for name in text.split("/") if name and not name.isdecimal())


async def _send_away(socket: web.WebSocketResponse, reason: str) -> None:
    logger.warning("a connection was refused: %s", reason)
    await socket.send_str(orjson.dumps({"error": {"code": 2, "msg": f"Invalid request: {reason}"}}).decode())
    await socket.close(code=_POLICY, message=reason.encode()[:_LONGEST_REASON])


async def _write(socket: web.WebSocketResponse, connection: Connection) -> None:
    try:
        while (payload := await connection.outbox.get()) is not None:
            await socket.send_str(payload.decode())
        await socket.close()
    except ConnectionError:
        return  # the reading side ends the connection
