"""Where a runner touches the outside: calls of its journal, requests to the venue. One of them breaks.

What breaks is the process, or one call only: then it lives, and does not know what became of that.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias, get_args
from urllib.parse import urlsplit

import aiohttp

from quant_pipelines.core.errors import StoreError
from tests.faults.network import Life, Network, Session, Socket
from tests.faults.requests import Asked

Side: TypeAlias = Literal["journal", "net"]
Death: TypeAlias = Literal["dies before", "dies after"]
Break: TypeAlias = Literal[Death, "lost before", "lost after"]
"""The process dies right before or behind a call; or it lives, and the call's outcome is unknown to it."""
DEATHS: tuple[Death, ...] = get_args(Death)
BREAKS: tuple[Break, ...] = get_args(Break)


class Died(BaseException):
    """The process ended here, without a word."""


class Boundary(NamedTuple):
    """A kind of call: on which side, and what it asks."""

    side: Side
    name: str


class Cell(NamedTuple):
    """One entry of the matrix: at which occurrence of a boundary, counted from 1, what happens."""

    boundary: Boundary
    occurrence: int
    how: Break

    def __str__(self) -> str:
        return f"{self.boundary.side} {self.boundary.name} #{self.occurrence} {self.how}"


@dataclass
class Trap:
    """Counts what passes, and breaks one call after the other.

    Parameters
    ----------
    cells
        Which calls; the second one's occurrence is counted from the break of the first one on.
    end_process
        Ends the process that calls.
    seconds
        Monotonic clock.

    Attributes
    ----------
    passed
        Calls by boundary, since the last break.
    begun
        When each boundary was reached first since then, by that clock.
    armed_at
        When that was.
    is_dead
        Whether the process that calls has died, and no other one has begun: what it still tries counts not.
    """

    cells: tuple[Cell, ...]
    end_process: Callable[[], None]
    seconds: Callable[[], float] = time.monotonic
    passed: Counter[Boundary] = field(default_factory=Counter)
    begun: dict[Boundary, float] = field(default_factory=dict)
    armed_at: float = 0.0
    is_dead: bool = False

    def enter(self, boundary: Boundary, lost: Callable[[], Exception]) -> Break | None:
        """Count a call, and break it before it is done; what is to happen behind it."""
        if self.is_dead:
            return None
        self.passed[boundary] += 1
        now = self.seconds()
        self.begun.setdefault(boundary, now)
        if not self.cells or (boundary, self.passed[boundary]) != self.cells[0][:2]:
            return None
        cell, self.cells = self.cells[0], self.cells[1:]
        self.passed, self.begun, self.armed_at = Counter(), {}, now
        if cell.how == "dies before":
            self._die()
        if cell.how == "lost before":
            raise lost()
        return cell.how

    def leave(self, how: Break | None, lost: Callable[[], Exception]) -> None:
        """Break behind a call, if that is asked for."""
        if how == "dies after":
            self._die()
        if how == "lost after":
            raise lost()

    def arm(self, cell: Cell) -> None:
        """Break a call from now on."""
        self.cells, self.passed = (cell,), Counter()

    def _die(self) -> None:
        self.is_dead = True
        self.end_process()
        raise Died


class WatchedRows:
    """A journal, or rows beside it, whose every call passes a trap; what its ``market`` answers, too."""

    def __init__(self, rows: Any, trap: Trap, prefix: str = "") -> None:
        self._rows, self._trap, self._prefix = rows, trap, prefix

    @property
    def market(self) -> "WatchedRows":
        return WatchedRows(self._rows.market, self._trap, "market.")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method, trap = getattr(self._rows, name), self._trap

        def call(*given: Any) -> Any:
            boundary = Boundary("journal", f"{self._prefix}{name}{_detail(name, given)}")
            how = trap.enter(boundary, _store_is_away)
            answer = method(*given)
            trap.leave(how, _store_is_away)
            return answer

        return call


def _store_is_away() -> StoreError:
    return StoreError("the connection broke: nobody knows whether that was committed")


def _detail(method: str, given: tuple[Any, ...]) -> str:
    """What a call is about, where one method writes rows of several kinds."""
    if method == "follow_order":
        return f" {given[1].progress.status}"
    if method == "add_order":
        return f" {given[2].purpose}"
    if method == "receive":
        return " fills" if any(one.fills for one in given[1]) else " income"
    if method == "book":
        bookings = (given[1], *(given[3] if len(given) > 3 else ()))
        if any(one.resting for one in bookings):
            return " with placed orders"
        return " with an order" if any(one.intent is not None for one in bookings) else " without one"
    return ""


@dataclass
class WatchedNetwork(Network):
    """Network whose every request and dial passes a trap."""

    trap: Trap = field(kw_only=True)

    def session(self, life: Life | None = None) -> "WatchedSession":
        return WatchedSession(self, life or Life())

    async def ask(self, asked: Asked) -> Any:
        boundary = request_boundary(asked.method, asked.path, asked.parameters)
        how = self.trap.enter(boundary, reset)
        answer = await super().ask(asked)
        self.trap.leave(how, reset)
        return answer


class WatchedSession(Session):
    """Session of a watched network."""

    _network: WatchedNetwork

    @asynccontextmanager
    async def ws_connect(self, url: str, **more: Any) -> AsyncIterator[Socket]:
        trap, kind = self._network.trap, urlsplit(url).path.split("/")[1]
        how = trap.enter(Boundary("net", f"DIAL /{kind}"), reset)
        async with super().ws_connect(url, **more) as socket:
            trap.leave(how, reset)
            yield socket


def request_boundary(method: str, path: str, parameters: Mapping[str, str]) -> Boundary:
    """Boundary that a request passes."""
    sends = method == "POST" and path.endswith(("/order", "/algoOrder"))
    return Boundary("net", f"{method} {path}{_kind(parameters) if sends else ''}")


def reset() -> aiohttp.ClientConnectionError:
    """What a client hears of a connection that broke."""
    return aiohttp.ServerDisconnectedError()


def _kind(parameters: Mapping[str, str]) -> str:
    """What an order is for."""
    if "closePosition" in parameters:
        return " closing stop"
    if "triggerPrice" in parameters:
        return " stop of a quantity"
    return " reduce-only" if parameters.get("reduceOnly") else " entry"
