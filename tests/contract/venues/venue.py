"""A venue on a loopback socket that answers in documented shapes, and misbehaves when a test asks it to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from aiohttp import WSMsgType, web

from quant_pipelines.core.clock import system_clock_ms

Row = TypeVar("Row")
Query = Mapping[str, str]
_PUSH_SECONDS = 0.05


@dataclass
class Faults:
    """How the venue misbehaves; without a change it does not.

    Parameters
    ----------
    skew_ms
        How far its clock is ahead of ours.
    failures
        Answers to give instead of the next ones: status, body, headers.
    most_rows
        A page never has more rows, whatever was asked.
    mix
        Duplicates the first row of each page and gives it unordered.
    mangle
        Changes a document before it is sent.
    """

    skew_ms: int = 0
    failures: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    most_rows: int = 10_000
    mix: bool = False
    mangle: Callable[[str, Any], Any] = lambda _path, document: document


class Venue:
    """What fixture venues share.

    A venue names itself (``id``, ``symbol``), answers REST paths (``rest``), and tells what a subscription
    asks for (``wanted``) and what it pushes (``push``).
    """

    id = ""
    symbol = "BTC/USDT:USDT"
    rest: Mapping[str, str] = MappingProxyType({})
    newest_first = False

    def __init__(self) -> None:
        self.faults = Faults()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.dials = 0
        self._requests: dict[web.WebSocketResponse, web.Request] = {}

    def now(self) -> int:
        """Milliseconds UTC by the venue's clock."""
        return system_clock_ms() + self.faults.skew_ms

    def page(self, rows: list[Row], limit: int, *, newest: bool = True) -> list[Row]:
        """Rows of one page as this venue orders them, with its faults."""
        limit = min(limit, self.faults.most_rows)
        kept = rows[-limit:] if newest else rows[:limit]
        kept = kept[::-1] if self.newest_first else kept
        return [*kept[len(kept) // 2 :], *kept[: len(kept) // 2], *kept[:1]] if self.faults.mix else kept

    def wanted(self, message: Any) -> tuple[list[str], Any]:
        """Keys that a message subscribes to, and the acknowledgment."""
        raise NotImplementedError

    def push(self, key: str, beat: int) -> Any:
        """Message of a subscription; ``beat`` counts them."""
        raise NotImplementedError

    async def drop_streams(self) -> None:
        """Cut every stream, as a broken network does."""
        for socket in list(self._requests):
            request = self._requests[socket]
            if request.transport is not None:
                request.transport.abort()

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Address of the venue while it is open."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            for socket in list(self._requests):
                await socket.close()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._stream(request)
        self.asked.append((request.path, dict(request.query)))
        if self.faults.failures:
            status, body, headers = self.faults.failures.pop(0)
            return web.Response(status=status, text=body, headers=headers, content_type="application/json")
        name = self.rest.get(request.path)
        if name is None:
            return web.json_response({"label": "NOT_FOUND", "code": "404", "msg": request.path}, status=404)
        document = self.faults.mangle(request.path, getattr(self, name)(request.query))
        return web.json_response(document)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self.dials += 1
        self._requests[socket] = request
        pushers: list[asyncio.Task[None]] = []
        try:
            async for message in socket:
                if message.type != WSMsgType.TEXT or message.data == "ping":
                    continue
                keys, acknowledgment = self.wanted(json.loads(message.data))
                await socket.send_json(acknowledgment)
                pushers += [asyncio.create_task(self._push(socket, key)) for key in keys]
        finally:
            self._requests.pop(socket, None)
            for pusher in pushers:
                pusher.cancel()
            await asyncio.gather(*pushers, return_exceptions=True)
        return socket

    async def _push(self, socket: web.WebSocketResponse, key: str) -> None:
        beat = 0
        while not socket.closed:
            beat += 1
            try:
                await socket.send_json(self.push(key, beat))
            except ConnectionError:
                return
            await asyncio.sleep(_PUSH_SECONDS)
