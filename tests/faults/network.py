"""The session that ccxt speaks through: the simulated venue answers in this process, with faults by the seed.

There are no sockets: a request is handed to the venue's own handlers, a stream is a queue with delays.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp import WSMsgType, web
from multidict import CIMultiDict, MultiDict

from quant_pipelines.simulator.commands import Subscriptions, answer_command
from quant_pipelines.simulator.connections import Connection, Connections
from quant_pipelines.simulator.rest import RestAnswers
from quant_pipelines.simulator.venue.endpoints import ENDPOINTS
from quant_pipelines.simulator.venue.service import VenueService

Fault: TypeAlias = Literal[
    "drop_before", "drop_after", "broken_body", "unavailable", "duplicate", "late", "hang_up"
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
_LISTEN_KEY = "/fapi/v1/listenKey"
_UNAVAILABLE = '{"code":-1000,"msg":"Unknown error, please check your request or try again later."}'


@dataclass(frozen=True)
class Asked:
    """A request, as the venue's handlers read one."""

    method: str
    raw_path: str
    path: str
    headers: Mapping[str, str]
    query: MultiDict[str]
    body: str

    @property
    def rel_url(self) -> Any:
        return SimpleNamespace(raw_path=self.raw_path)

    async def text(self) -> str:
        return self.body


@dataclass
class Network:
    """The way to the venue and back.

    Parameters
    ----------
    service, rest, connections
        The venue.
    chance
        Decides delays and faults.
    rates
        How often each fault happens, by itself, to a request or a message of the order side.
    on_event
        Called when the venue has done a request of the order side, and when a message of it is delivered.
    """

    service: VenueService
    rest: RestAnswers
    connections: Connections
    chance: random.Random
    rates: dict[Fault, float]
    on_event: Callable[[], None]
    fired: Counter[Fault] = field(default_factory=Counter)

    def session(self) -> "Session":
        """Open a session of one client."""
        return Session(self)

    def happens(self, fault: Fault) -> bool:
        """Whether a fault happens now."""
        happens = self.chance.random() < self.rates.get(fault, 0.0)
        self.fired[fault] += happens
        return happens

    async def deliver(self, asked: Asked) -> web.Response:
        """Have the venue answer."""
        request: Any = asked
        if (asked.method, asked.path) in ENDPOINTS:
            return await self.service.answer(request)
        if asked.path == _LISTEN_KEY:
            return await self.service.listen_key(request)
        return await self.rest.answer(request)

    async def ask(self, asked: Asked) -> Any:
        """Return what comes back of a request."""
        is_order_side = (asked.method, asked.path) in ENDPOINTS
        await asyncio.sleep(self.chance.uniform(0.001, 0.02))
        if is_order_side and self.happens("drop_before"):
            raise aiohttp.ServerDisconnectedError
        answer = await self.deliver(asked)
        if is_order_side:
            self.on_event()
        await asyncio.sleep(self.chance.uniform(0.001, 0.02))
        body, status = bytes(answer.body).decode(), answer.status  # type: ignore[arg-type]
        if is_order_side and self.happens("drop_after"):
            raise aiohttp.ServerDisconnectedError
        if is_order_side and self.happens("broken_body"):
            body = body[: len(body) // 2]
        elif is_order_side and self.happens("unavailable"):
            body, status = _UNAVAILABLE, 503
        return SimpleNamespace(
            status=status, reason="", headers=CIMultiDict(answer.headers), text=_constant(body), content=None
        )


class Session:
    """``aiohttp.ClientSession`` as far as ccxt uses it."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.closed = False
        self.headers: dict[str, str] = {}

    def get(self, url: Any, **more: Any) -> Any:
        return self._request("GET", url, **more)

    def post(self, url: Any, **more: Any) -> Any:
        return self._request("POST", url, **more)

    def put(self, url: Any, **more: Any) -> Any:
        return self._request("PUT", url, **more)

    def delete(self, url: Any, **more: Any) -> Any:
        return self._request("DELETE", url, **more)

    @asynccontextmanager
    async def ws_connect(self, url: str, **_more: Any) -> AsyncIterator["Socket"]:
        await asyncio.sleep(self._network.chance.uniform(0.001, 0.02))
        yield Socket(self._network, url)

    async def close(self) -> None:
        self.closed = True

    @asynccontextmanager
    async def _request(
        self, method: str, url: Any, *, data: bytes | None, headers: Mapping[str, str], **_more: Any
    ) -> AsyncIterator[Any]:
        parts, body = urlsplit(str(url)), (data or b"").decode()
        raw = f"{parts.path}?{parts.query}" if parts.query else parts.path
        query = MultiDict(parse_qsl(parts.query, keep_blank_values=True))
        yield await self._network.ask(Asked(method, raw, parts.path, CIMultiDict(headers), query, body))


class Wire(Connection):
    """The venue's end of a stream; what is put into it arrives later, in order unless a fault says no."""

    def __init__(self, network: Network, names: set[str], *, is_private: bool) -> None:
        super().__init__(Subscriptions(names, is_combined=False))
        self._network = network
        self._is_private = is_private
        self._last = 0.0
        self.frames: asyncio.Queue[Any] = asyncio.Queue()
        self.is_open = True

    def put(self, payload: bytes | None) -> None:
        network, loop = self._network, asyncio.get_running_loop()
        if self._is_private and network.happens("hang_up"):
            payload = None
        self._last = max(self._last, loop.time() + network.chance.uniform(0.001, 0.02))
        copies = 2 if self._is_private and network.happens("duplicate") else 1
        for _ in range(copies):
            is_late = self._is_private and payload is not None and network.happens("late")
            extra = network.chance.uniform(0.1, 2.0) if is_late else 0.0
            loop.call_at(self._last + extra, self._arrive, payload)

    def hang_up(self) -> None:
        """End it for both."""
        if self.is_open:
            self.is_open = False
            self._network.connections._open.pop(self, None)

    def _arrive(self, payload: bytes | None) -> None:
        if not self.is_open:
            return
        if payload is None:
            self.hang_up()
            self.frames.put_nowait(SimpleNamespace(type=WSMsgType.CLOSE, data=1006))
            return
        self.frames.put_nowait(SimpleNamespace(type=WSMsgType.TEXT, data=payload.decode()))
        if self._is_private:
            self._network.on_event()


class Socket:
    """``aiohttp.ClientWebSocketResponse`` as far as ccxt uses it."""

    _conn = None

    def __init__(self, network: Network, url: str) -> None:
        parts = urlsplit(url)
        _, _, path = parts.path.partition("/ws/")
        told = [text for name, text in parse_qsl(parts.query) if name in ("listenKey", "streams")]
        names = {name for text in [path, *told] for name in text.split("/") if name and not name.isdecimal()}
        self._network = network
        self._wire = Wire(network, names, is_private=parts.path.startswith("/private"))
        if any(network.connections.why_silent(name) for name in names):
            self._wire.put(None)
        else:
            network.connections._open[self._wire] = None

    @property
    def closed(self) -> bool:
        return not self._wire.is_open

    async def receive(self) -> Any:
        return await self._wire.frames.get()

    async def send_str(self, text: str) -> None:
        why_silent = self._network.connections.why_silent
        self._wire.put(answer_command(self._wire.subscriptions, text, why_silent))

    async def ping(self) -> None:
        self._wire.frames.put_nowait(SimpleNamespace(type=WSMsgType.PONG, data=b""))

    async def pong(self, _data: bytes = b"") -> None:
        return None

    async def close(self) -> None:
        self._wire.hang_up()


def _constant(body: str) -> Callable[..., Any]:
    async def text(**_more: Any) -> str:
        return body

    return text
