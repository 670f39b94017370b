"""What goes wrong with a request to the venue: one row each, from the way there to the way back."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol, TypeAlias
from urllib.parse import parse_qsl

import aiohttp
from multidict import MultiDict

from quant_pipelines.simulator.venue.endpoints import ENDPOINTS

LISTEN_KEY = "/fapi/v1/listenKey"
_KLINES = "/fapi/v1/klines"
_HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_NAMES = ("clientOrderId", "clientAlgoId", "orderId", "algoId")
_LATEST_ACCEPT_SECONDS = 1.8
"""The venue promises to take nothing behind the receive window of 2 s that an order is stamped with."""


@dataclass(frozen=True)
class Asked:
    """A request, as the venue's handlers read one, and how long its answer is waited for."""

    method: str
    raw_path: str
    path: str
    headers: Mapping[str, str]
    query: MultiDict[str]
    body: str
    timeout_seconds: float = 10.0

    @property
    def rel_url(self) -> Any:
        return SimpleNamespace(raw_path=self.raw_path)

    @property
    def parameters(self) -> dict[str, str]:
        """Everything that is asked, wherever it stands."""
        return {**self.query, **dict(parse_qsl(self.body, keep_blank_values=True))}

    @property
    def is_of_orders(self) -> bool:
        """Whether it goes to the order side."""
        return (self.method, self.path) in ENDPOINTS

    @property
    def sends(self) -> bool:
        """Whether it sends an order."""
        return self.method == "POST" and self.path in ("/fapi/v1/order", "/fapi/v1/algoOrder")

    @property
    def sends_plain(self) -> bool:
        """Whether it sends an order that works at once: no stop and no take-profit."""
        return self.sends and self.path.endswith("/order")

    @property
    def amends(self) -> bool:
        """Whether it changes an order that rests."""
        return self.method == "PUT" and self.path == "/fapi/v1/order"

    @property
    def cancels(self) -> bool:
        """Whether it takes an order back."""
        return self.method == "DELETE" and self.path in ("/fapi/v1/order", "/fapi/v1/algoOrder")

    @property
    def client_id(self) -> str:
        """Name of the order that it sends, changes or takes back; empty for none."""
        told = self.parameters
        names = ("newClientOrderId", "clientAlgoId", "origClientOrderId")
        return next((told[name] for name in names if told.get(name)), "")

    async def text(self) -> str:
        return self.body


class Reply(NamedTuple):
    """What comes back."""

    status: int
    headers: Mapping[str, str]
    body: str


Carry: TypeAlias = Callable[[Asked], Awaitable[Reply]]
"""Has the venue answer."""


class Way(Protocol):
    """What a fault may do to the way to the venue."""

    chance: Any

    async def carry(self, asked: Asked) -> Reply:
        """Have the venue answer."""

    def accept(self, asked: Asked, after_seconds: float) -> None:
        """Have the venue take an order later, whose stamp it has checked."""

    def ban(self, status: int, seconds: float) -> None:
        """Answer nobody for a while."""

    async def keep_waiting(self, asked: Asked) -> None:
        """Say nothing for as long as an answer is waited for."""


class RequestFault(NamedTuple):
    """One fault: which requests it meets, what it does to them, and how often it may happen."""

    name: str
    meets: Callable[[Asked], bool]
    act: Callable[[Way, Asked], Awaitable[Reply]]
    rate: tuple[float, float] = (0.01, 0.06)


def refused(code: int, message: str, status: int = 400, retry_after: str = "") -> Reply:
    """Document by which the venue refuses."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    return Reply(status, headers, json.dumps({"code": code, "msg": message}, separators=(",", ":")))


async def _drop_before(way: Way, asked: Asked) -> Reply:
    raise aiohttp.ServerDisconnectedError


async def _drop_after(way: Way, asked: Asked) -> Reply:
    await way.carry(asked)
    raise aiohttp.ServerDisconnectedError


async def _reset_after(way: Way, asked: Asked) -> Reply:
    await way.carry(asked)
    raise aiohttp.ClientOSError(104, "Connection reset by peer")


async def _broken_off(way: Way, asked: Asked) -> Reply:
    """Connection ends within the answer."""
    await way.carry(asked)
    raise aiohttp.ClientPayloadError("Response payload is not completed")


async def _late_before(way: Way, asked: Asked) -> Reply:
    await way.keep_waiting(asked)
    raise TimeoutError


async def _late_after(way: Way, asked: Asked) -> Reply:
    await way.carry(asked)
    await way.keep_waiting(asked)
    raise TimeoutError


async def _doubled(way: Way, asked: Asked) -> Reply:
    """aiohttp itself asks again where a connection breaks under what it holds for repeatable."""
    await way.carry(asked)
    return await way.carry(asked)


async def _accepted_late(way: Way, asked: Asked) -> Reply:
    way.accept(asked, way.chance.uniform(0.2, _LATEST_ACCEPT_SECONDS))
    return refused(-1007, "Timeout waiting for response from backend server.", 503)


async def _refused_before(way: Way, asked: Asked, *, reply: Reply) -> Reply:
    return reply


async def _lost_behind(way: Way, asked: Asked, *, reply: Reply) -> Reply:
    await way.carry(asked)
    return reply


async def _banned(way: Way, asked: Asked, *, status: int) -> Reply:
    seconds = way.chance.randint(1, 20)
    way.ban(status, seconds)
    code, words = -1003, "Way too many requests; IP banned until later."
    return refused(code, words, status, str(seconds))


async def _cut(way: Way, asked: Asked) -> Reply:
    reply = await way.carry(asked)
    return reply._replace(body=reply.body[: len(reply.body) // 2])


async def _empty(way: Way, asked: Asked) -> Reply:
    return (await way.carry(asked))._replace(body="")


async def _page(way: Way, asked: Asked) -> Reply:
    return (await way.carry(asked))._replace(body=_HTML.format("Welcome"))


async def _of_another(way: Way, asked: Asked) -> Reply:
    """Answer of an order that somebody else has sent."""
    reply, ours = await way.carry(asked), asked.parameters
    name = ours.get("newClientOrderId") or ours.get("clientAlgoId") or "nobody"
    return reply._replace(body=reply.body.replace(name, "x-somebody-else"))


async def _strange(way: Way, asked: Asked) -> Reply:
    """JSON of another shape than is promised; a refusal stays one."""
    reply = await way.carry(asked)
    document = json.loads(reply.body)
    if reply.status != 200 or document == []:
        return reply  # an empty list can't be told from one that is
    rows = document if isinstance(document, list) else [document]
    shapes = ({"data": document}, [{}], [["told"]], [dict.fromkeys(row) for row in rows])
    if isinstance(document, dict):
        shapes = (*shapes, {}, [], dict.fromkeys(document), {**document, **dict.fromkeys(_NAMES, "x-other")})
    return replace_body(reply, way.chance.choice(shapes))


async def _without_a_candle(way: Way, asked: Asked) -> Reply:
    return _changed_rows(await way.carry(asked), lambda rows: rows[:-1])


async def _revised(way: Way, asked: Asked) -> Reply:
    """Candle that the venue corrects later: its volume is not final yet."""

    def revise(rows: list[Any]) -> list[Any]:
        return [*rows[:-1], [*rows[-1][:5], "0.001", *rows[-1][6:]]] if rows else rows

    return _changed_rows(await way.carry(asked), revise)


def _changed_rows(reply: Reply, change: Callable[[list[Any]], list[Any]]) -> Reply:
    rows = json.loads(reply.body)
    return reply if isinstance(rows, dict) else replace_body(reply, change(rows))


def replace_body(reply: Reply, document: Any) -> Reply:
    """Same answer about something else."""
    return reply._replace(body=json.dumps(document, separators=(",", ":")))


def _orders(asked: Asked) -> bool:
    return asked.is_of_orders


def _sends(asked: Asked) -> bool:
    return asked.sends


def _sends_plain(asked: Asked) -> bool:
    return asked.sends_plain


def _opens(asked: Asked) -> bool:
    return _sends_plain(asked) and "reduceOnly" not in asked.parameters


def _sends_stop(asked: Asked) -> bool:
    return asked.sends and not _sends_plain(asked)


def _deletes(asked: Asked) -> bool:
    return asked.method == "DELETE"


def _asks_for_a_key(asked: Asked) -> bool:
    return asked.path == LISTEN_KEY


def _asks_for_candles(asked: Asked) -> bool:
    return asked.path == _KLINES


def _asks_for_data(asked: Asked) -> bool:
    return not asked.is_of_orders and not _asks_for_a_key(asked)


def _says(code: int, message: str, status: int = 400, retry_after: str = "") -> Any:
    """Refuse without having done anything."""
    return partial(_refused_before, reply=refused(code, message, status, retry_after))


def _loses(code: int, message: str, status: int = 503) -> Any:
    """Do it, and say that nobody knows."""
    return partial(_lost_behind, reply=refused(code, message, status))


_UNKNOWN = "Unknown error, please check your request or try again later."
_UNEXPECTED = "An unexpected response was received from the message bus. Execution status unknown."
_NO_ANSWER = (
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
)
_OVERLOADED = "Server is currently overloaded with other requests. Please try again in a few minutes."
_GATEWAY = Reply(502, {}, _HTML.format("502 Bad Gateway"))

REJECTS: dict[int, str] = {
    -2019: "Margin is insufficient.",
    -2022: "ReduceOnly Order is rejected.",
    -4164: "Order's notional must be no smaller than 5 (unless you choose reduce only).",
    -1111: "Precision is over the maximum defined for this asset.",
    -4014: "Price not increased by tick size.",
    -2027: "Exceeded the maximum allowable position at current leverage.",
    -4131: "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    -2025: "Reach max open order limit.",
    -4045: "Reach max stop order limit.",
    -4061: "Order's position side does not match user's setting.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
}
"""Definite refusals of an order by their code."""

REQUEST_FAULTS: tuple[RequestFault, ...] = (
    RequestFault("drop_before", _orders, _drop_before, (0.01, 0.08)),
    RequestFault("drop_after", _orders, _drop_after, (0.01, 0.08)),
    RequestFault("reset_after", _orders, _reset_after),
    RequestFault("broken_off", _orders, _broken_off, (0.01, 0.08)),
    RequestFault("timeout_before", _orders, _late_before, (0.005, 0.03)),
    RequestFault("timeout_after", _orders, _late_after, (0.005, 0.03)),
    RequestFault("doubled_delete", _deletes, _doubled, (0.8, 1.0)),
    RequestFault("accepted_late", _sends, _accepted_late, (0.3, 0.9)),
    RequestFault("cut_body", _orders, _cut, (0.01, 0.08)),
    RequestFault("empty_body", _orders, _empty),
    RequestFault("html_body", _orders, _page),
    RequestFault("body_of_another", _sends, _of_another, (0.1, 0.6)),
    RequestFault("strange_body", _orders, _strange, (0.02, 0.1)),
    RequestFault("unknown_before", _orders, _says(-1000, _UNKNOWN, 503)),
    RequestFault("unknown_after", _orders, _loses(-1000, _UNKNOWN)),
    RequestFault("unexpected_after", _orders, _loses(-1006, _UNEXPECTED)),
    RequestFault("no_answer_before", _orders, _says(-1007, _NO_ANSWER, 503)),
    RequestFault("no_answer_after", _orders, _loses(-1007, _NO_ANSWER)),
    RequestFault("overloaded", _orders, _says(-1008, _OVERLOADED, 503)),
    RequestFault("many_orders", _sends, _says(-1015, "Too many new orders.", 429, "1"), (0.1, 0.6)),
    RequestFault("wrong_stamp", _orders, _says(-1021, "Timestamp is outside of the recvWindow.")),
    RequestFault("gateway", _orders, partial(_refused_before, reply=_GATEWAY), (0.01, 0.08)),
    RequestFault("limited", _orders, partial(_banned, status=429), (0.005, 0.03)),
    RequestFault("banned", _orders, partial(_banned, status=418), (0.01, 0.04)),
    *(
        RequestFault(f"reject{code}", _opens, _says(code, words), (0.6, 1.0))
        for code, words in REJECTS.items()
        if code not in (-2022, -4045, -4120)
    ),
    RequestFault("reject-2022", _sends_plain, _says(-2022, REJECTS[-2022]), (0.2, 0.6)),
    *(
        RequestFault(f"reject{code}", _sends_stop, _says(code, REJECTS[code]), (0.3, 1.0))
        for code in (-4045, -4120)
    ),
    RequestFault("stop_passed", _sends_stop, _says(-2021, "Order would immediately trigger."), (0.6, 1.0)),
    RequestFault(
        "no_listen_key", _asks_for_a_key, _says(-1125, "This listenKey does not exist."), (0.5, 0.9)
    ),
    RequestFault("data_away", _asks_for_data, _says(-1000, _UNKNOWN, 503), (0.02, 0.2)),
    RequestFault("missing_candle", _asks_for_candles, _without_a_candle, (0.2, 0.8)),
    RequestFault("revised_candle", _asks_for_candles, _revised, (0.2, 0.8)),
)
"""The first of them that happens to a request is the only one."""
