"""The session that ccxt speaks through: the simulated venue answers in this process, with faults by the seed.

There are no sockets: a request is handed to the venue's own handlers, a stream is a queue with delays.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import WSMsgType, web
from multidict import CIMultiDict, MultiDict

from quant_pipelines.exchange.ccxt_reads import SOON_SECONDS
from quant_pipelines.simulator.commands import Subscriptions, answer_command
from quant_pipelines.simulator.connections import Connection, Connections
from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.rest import RestAnswers
from quant_pipelines.simulator.venue.service import VenueService
from tests.faults.messages import MESSAGE_FAULTS, Arrival
from tests.faults.requests import LISTEN_KEY, REQUEST_FAULTS, Asked, Reply, refused

_LATENCY_SECONDS = (0.001, 0.02)
_AWAY = Reply(503, {}, "<html><body>Service is under maintenance</body></html>")


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
        How often each fault happens, by itself, to what it meets.
    on_event
        Called when the venue has done a request of the order side, and when a message of it is delivered.
    on_order
        Called with every order that is sent, before anybody else sees it.

    Attributes
    ----------
    fired
        How often each fault has happened.
    heard_at
        Loop's time of the last message about the market that was delivered.
    silent_until
        Loop's time until which whoever has sent an order waits for an answer that does not come.
    """

    service: VenueService
    rest: RestAnswers
    connections: Connections
    chance: random.Random
    rates: dict[str, float]
    on_event: Callable[[], None]
    on_order: Callable[[Asked], None] = lambda _asked: None
    fired: Counter[str] = field(default_factory=Counter)
    heard_at: float = 0.0
    silent_until: float = 0.0
    n_asked_while_banned: int = 0
    wires: list["Wire"] = field(default_factory=list)
    _away_until: float = 0.0
    waits_until: float = 0.0
    _banned: tuple[int, float] = (0, 0.0)

    def session(self, life: "Life | None" = None) -> "Session":
        """Open a session of one client, which ends with the life of its process."""
        return Session(self, life or Life())

    def happens(self, fault: str) -> bool:
        """Whether a fault happens now."""
        rate = self.rates.get(fault, 0.0)
        happens = bool(rate) and self.chance.random() < rate
        self.fired[fault] += happens
        return happens

    @property
    def is_away(self) -> bool:
        """Whether nobody is answered."""
        now = asyncio.get_running_loop().time()
        return now < self._away_until or now < self._banned[1]

    def go_away(self, seconds: float) -> None:
        """Let the venue be under maintenance: no answer, and every stream ends."""
        self._away_until = asyncio.get_running_loop().time() + seconds
        self.hang_up(lambda _wire: True)

    def ban(self, status: int, seconds: float) -> None:
        """Answer nobody for a while."""
        self._banned = status, asyncio.get_running_loop().time() + seconds

    def hang_up(self, chosen: Callable[["Wire"], bool]) -> None:
        """End streams."""
        for wire in list(self.wires):
            if chosen(wire):
                wire.deliver(None)

    def calm(self) -> None:
        """Let nothing go wrong any more."""
        self.waits_until = self._banned[1]  # whoever was told to wait does so
        self.rates, self._away_until, self._banned = {}, 0.0, (0, 0.0)
        self.hang_up(lambda wire: wire.is_mute)  # a connection that says nothing does not last for ever

    def accept(self, asked: Asked, after_seconds: float) -> None:
        """Have the venue take an order later, whose stamp it has checked."""

        def take() -> None:
            with suppress(VenueError):  # nobody is told any more
                self.service.ask(asked.method, asked.path, Query(asked.parameters))
            self.on_event()

        asyncio.get_running_loop().call_later(after_seconds, take)

    async def keep_waiting(self, asked: Asked) -> None:
        """Say nothing for as long as an answer is waited for: of a fill behind it nobody may hear so long."""
        if asked.sends_plain:
            self.silent_until = asyncio.get_running_loop().time() + SOON_SECONDS
        await asyncio.sleep(asked.timeout_seconds)

    async def carry(self, asked: Asked) -> Reply:
        """Have the venue answer."""
        request: Any = asked
        if asked.is_of_orders:
            answer = await self.service.answer(request)
            self.on_event()
        elif asked.path == LISTEN_KEY:
            answer = await self.service.listen_key(request)
        else:
            answer = await self.rest.answer(request)
        return _reply(answer)

    async def ask(self, asked: Asked) -> Any:
        """Return what comes back of a request."""
        if asked.sends or asked.amends or asked.cancels:
            self.on_order(asked)
        await self._travel()
        reply = await self._answered(asked)
        await self._travel()
        return SimpleNamespace(
            status=reply.status,
            reason="",
            headers=CIMultiDict(reply.headers),
            text=_constant(reply.body),
            content=None,
        )

    async def _travel(self) -> None:
        await asyncio.sleep(self.chance.uniform(*_LATENCY_SECONDS))

    async def _answered(self, asked: Asked) -> Reply:
        now, (status, banned_until) = asyncio.get_running_loop().time(), self._banned
        if now < banned_until:
            self.n_asked_while_banned += 1
            return refused(-1003, "Way too many requests.", status, str(int(banned_until - now) + 1))
        if now < self._away_until:
            return _AWAY
        for fault in REQUEST_FAULTS:
            if fault.name in self.rates and fault.meets(asked) and self.happens(fault.name):
                return await fault.act(self, asked)
        return await self.carry(asked)


class Life:
    """Life of a process; what it had asked and opened ends with it."""

    def __init__(self) -> None:
        self.is_over = False


class Session:
    """``aiohttp.ClientSession`` as far as ccxt uses it."""

    def __init__(self, network: Network, life: Life) -> None:
        self._network = network
        self._life = life
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
        await self._last()
        await asyncio.sleep(self._network.chance.uniform(*_LATENCY_SECONDS))
        yield Socket(self._network, url, self._life)

    async def close(self) -> None:
        self.closed = True

    @asynccontextmanager
    async def _request(
        self, method: str, url: Any, *, data: bytes | None, headers: Mapping[str, str], **more: Any
    ) -> AsyncIterator[Any]:
        await self._last()
        parts, body = urlsplit(str(url)), (data or b"").decode()
        raw = f"{parts.path}?{parts.query}" if parts.query else parts.path
        query = MultiDict(parse_qsl(parts.query, keep_blank_values=True))
        seconds = float(getattr(more.get("timeout"), "total", None) or 10.0)
        asked = Asked(method, raw, parts.path, CIMultiDict(headers), query, body, seconds)
        answer = await self._network.ask(asked)
        await self._last()
        yield answer

    async def _last(self) -> None:
        """Go no further in a process that has ended."""
        if self._life.is_over:
            await asyncio.Event().wait()


class Wire(Connection):
    """The venue's end of a stream; what is put into it arrives later, in order unless a fault says no."""

    def __init__(self, network: Network, names: set[str], *, is_private: bool, life: Life) -> None:
        super().__init__(Subscriptions(names, is_combined=False))
        self._network = network
        self._life = life
        self.is_private = is_private
        self.chance = network.chance
        self.newest: bytes | None = None
        self.frames: asyncio.Queue[Any] = asyncio.Queue()
        self.is_open = True
        self._last = 0.0
        self._mute_until = 0.0

    @property
    def is_mute(self) -> bool:
        """Whether it is open and delivers nothing."""
        return asyncio.get_running_loop().time() < self._mute_until

    def mute(self, seconds: float) -> None:
        """Leave it open, and deliver nothing."""
        self._mute_until = asyncio.get_running_loop().time() + seconds

    def put(self, payload: bytes | None) -> None:
        if self.is_mute:
            return
        arrivals: list[Arrival] = [(0.0, payload)]
        if payload is not None:
            arrivals = self._arrivals(payload)
            self.newest = payload
        for later, arrives in arrivals:
            self.deliver(arrives, later)

    def deliver(self, payload: bytes | None, later: float = 0.0) -> None:
        """Have a message arrive, in order unless it comes later."""
        loop = asyncio.get_running_loop()
        self._last = max(self._last, loop.time() + self.chance.uniform(*_LATENCY_SECONDS))
        loop.call_at(self._last + later, self._arrive, payload)

    def hang_up(self) -> None:
        """End it for both."""
        if self.is_open:
            self.is_open = False
            self._network.wires.remove(self)
            self._network.connections._open.pop(self, None)

    def _arrivals(self, payload: bytes) -> list[Arrival]:
        network = self._network
        for fault in MESSAGE_FAULTS:
            is_met = fault.name in network.rates and fault.is_private == self.is_private
            if is_met and network.happens(fault.name):
                return fault.act(self, payload)
        return [(0.0, payload)]

    def _arrive(self, payload: bytes | None) -> None:
        if not self.is_open:
            return
        if payload is None or self._life.is_over:
            self.hang_up()
            self.frames.put_nowait(SimpleNamespace(type=WSMsgType.CLOSE, data=1006))
            return
        self.frames.put_nowait(SimpleNamespace(type=WSMsgType.TEXT, data=payload.decode()))
        if self.is_private:
            self._network.on_event()
        else:
            self._network.heard_at = asyncio.get_running_loop().time()


class Socket:
    """``aiohttp.ClientWebSocketResponse`` as far as ccxt uses it."""

    _conn = None

    def __init__(self, network: Network, url: str, life: Life) -> None:
        parts = urlsplit(url)
        _, _, path = parts.path.partition("/ws/")
        told = [text for name, text in parse_qsl(parts.query) if name in ("listenKey", "streams")]
        names = {name for text in [path, *told] for name in text.split("/") if name and not name.isdecimal()}
        self._network = network
        self._wire = Wire(network, names, is_private=parts.path.startswith("/private"), life=life)
        network.wires.append(self._wire)
        if network.is_away or any(network.connections.why_silent(name) for name in names):
            self._wire.deliver(None)
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


def _reply(answer: web.Response) -> Reply:
    return Reply(answer.status, answer.headers, bytes(answer.body).decode())  # type: ignore[arg-type]


def _constant(body: str) -> Callable[..., Any]:
    async def text(**_more: Any) -> str:
        return body

    return text
