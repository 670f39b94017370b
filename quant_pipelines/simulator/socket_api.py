"""The WebSocket API ``ws-fapi/v1``: the REST tables asked over one connection."""

import json
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from aiohttp import WSMsgType, web

from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.rest import RestAnswers
from quant_pipelines.simulator.venue.service import VenueService

logger = logging.getLogger(__name__)

_PATH = "/ws-fapi/v1"
_SIGNED: dict[str, tuple[str, str]] = {
    "order.place": ("POST", "/fapi/v1/order"),
    "order.test": ("POST", "/fapi/v1/order/test"),
    "order.modify": ("PUT", "/fapi/v1/order"),
    "order.cancel": ("DELETE", "/fapi/v1/order"),
    "order.status": ("GET", "/fapi/v1/order"),
    "algoOrder.place": ("POST", "/fapi/v1/algoOrder"),
    "algoOrder.cancel": ("DELETE", "/fapi/v1/algoOrder"),
    "account.balance": ("GET", "/fapi/v2/balance"),
    "v2/account.balance": ("GET", "/fapi/v3/balance"),
    "account.status": ("GET", "/fapi/v2/account"),
    "v2/account.status": ("GET", "/fapi/v3/account"),
    "account.position": ("GET", "/fapi/v2/positionRisk"),
    "v2/account.position": ("GET", "/fapi/v3/positionRisk"),
}
_PUBLIC: dict[str, str] = {
    "ping": "/fapi/v1/ping",
    "time": "/fapi/v1/time",
    "depth": "/fapi/v1/depth",
    "ticker.price": "/fapi/v1/ticker/price",
    "ticker.book": "/fapi/v1/ticker/bookTicker",
}
_LISTEN_KEYS = {"userDataStream.start": "POST", "userDataStream.ping": "PUT", "userDataStream.stop": "DELETE"}


class _Request(NamedTuple):
    number: Any
    method: str
    params: Mapping[str, str]


class SocketApi:
    """The API's connections.

    Parameters
    ----------
    service
        The order side.
    rest
        The public side.
    """

    def __init__(self, service: VenueService, rest: RestAnswers) -> None:
        self._service = service
        self._rest = rest

    def attach(self, application: web.Application) -> None:
        """Add the route; it goes before any route that catches all."""
        application.router.add_get(_PATH, self.serve)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one connection's requests, one after the other, until it ends."""
        socket = web.WebSocketResponse(compress=False, heartbeat=180)
        try:
            await socket.prepare(request)
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await socket.send_str(orjson.dumps(self._answer(message.data)).decode())
        except ConnectionError:
            logger.info("a client of the WebSocket API hung up")
        return socket if socket.prepared else web.Response(status=400)

    def _answer(self, text: str) -> dict[str, Any]:
        request = _request_of(text)
        try:
            answer: dict[str, Any] = {"status": 200, "result": self._result(request)}
        except VenueError as error:
            answer = {"status": error.status, "error": {"code": error.code, "msg": error.message}}
        if request.params.get("returnRateLimits") != "false":
            answer["rateLimits"] = self._service.rate_limits()
        return {"id": request.number, **answer}

    def _result(self, request: _Request) -> Any:
        method, params = request.method, request.params
        if method in _SIGNED:
            return self._service.ask(*_SIGNED[method], self._service.signed(params))
        if method in _PUBLIC:
            return self._rest.ask(_PUBLIC[method], Query(params))
        if method in _LISTEN_KEYS:
            return self._service.ask_key(_LISTEN_KEYS[method], params.get("apiKey"))
        logger.warning("method %r of %s is not served by this venue", method, _PATH)
        raise VenueError(-5000, f"Path {_PATH}, Method {method} is invalid", 404)


def _request_of(text: str) -> _Request:
    """Request of a message, its numbers as they were written; one that is no JSON object has no method."""
    try:
        document = json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("params", {}), dict):
        return _Request(None, "", {})
    params = {name: _text(value) for name, value in document.get("params", {}).items()}
    number = json.loads(text).get("id")
    return _Request(number, str(document.get("method", "")), params)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
