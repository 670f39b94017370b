"""The WebSockets: /ws/market/<symbol>, /ws/strategy/<id>, /ws/alerts, each resumed by ``?since=<seq>``."""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import anyio
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from quant_pipelines.core.bounds import ROW_ID
from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.errors import QuantError
from quant_pipelines.gateway.people import find_person
from quant_pipelines.gateway.problems import Refused, problem, sentence_of, status_of
from quant_pipelines.gateway.route import client_of, require_pace
from quant_pipelines.gateway.services import Services
from quant_pipelines.gateway.streams.hub import Hub, TooSlow, shown
from quant_pipelines.gateway.streams.topics import (
    StreamPlace,
    Topic,
    market_topic,
    strategy_topic,
)

ROUTER = APIRouter()
BEAT_SECONDS: Final = 5.0
_SEND_SECONDS = 10.0
_OVER, _TRY_AGAIN = 1008, 1013


@ROUTER.websocket("/ws/alerts")
async def follow_alerts(socket: WebSocket) -> None:
    """Alerts, each once, in the order of their ids."""
    await _serve(socket, lambda services: socket.app.state.hub.alerts)


@ROUTER.websocket("/ws/market/{symbol:path}")
async def follow_market(socket: WebSocket, symbol: str) -> None:
    """Send closed minutes of a symbol."""
    await _serve(
        socket,
        lambda services: market_topic(services.engine, services.settings.exchange.id, symbol[:100]),
    )


@ROUTER.websocket("/ws/strategy/{deployment_id}")
async def follow_strategy(socket: WebSocket, deployment_id: str) -> None:
    """Books and fills of a deployment."""
    await _serve(socket, lambda services: strategy_topic(services.engine, _number(deployment_id)))


async def _serve(socket: WebSocket, topic_of: Callable[[Services], Topic]) -> None:
    services: Services = socket.app.state.services
    hub: Hub = socket.app.state.hub
    try:
        admitted = await run_in_threadpool(_admitted, services, hub, socket, topic_of)
    except Refused as error:
        await _deny(socket, error.code, error.sentence)
        return
    except QuantError as error:
        await _deny(socket, status_of(error), sentence_of(error))
        return
    await socket.accept(subprotocol=_subprotocol(socket))
    async with anyio.create_task_group() as group:
        group.start_soon(_until_gone, socket, group.cancel_scope)
        with anyio.CancelScope() as counting:
            group.start_soon(_until_out, partial(_is_out, services, socket), hub, admitted, counting)
            await _send_all(socket, services, hub, admitted)
        if counting.cancelled_caught:
            await _close(socket, _OVER, "the login does not count any more")
        group.cancel_scope.cancel()


class _Admitted(NamedTuple):
    """A stream that may be followed: whose login it is, what is followed, and from where on."""

    login_id: int
    topic: Topic
    place: StreamPlace


def _admitted(
    services: Services, hub: Hub, socket: WebSocket, topic_of: Callable[[Services], Topic]
) -> _Admitted:
    require_pace(services, f"address {client_of(socket)}")
    person = find_person(services, socket)
    if person is None:
        raise Refused(401, "no login that counts; expected a session cookie or a bearer token")
    if hub.n_followers >= services.rules.streams:
        raise Refused(503, f"{hub.n_followers} streams are open; expected fewer: see gateway.streams")
    topic = topic_of(services)
    since = socket.query_params.get("since", "")
    return _Admitted(person.login_id, topic, topic.place_of(services.engine, since))


async def _send_all(socket: WebSocket, services: Services, hub: Hub, admitted: _Admitted) -> None:
    """Send what comes until the reader is gone or too slow."""
    _, topic, place = admitted
    reason = "too slow; resume from the last seq"
    following = hub.follow(topic, place, BEAT_SECONDS)
    try:
        async for message in following:
            if message is not None:
                place = place.moved(message.track, message.number)
            told = _beat(services, hub, topic, place) if message is None else shown(message, place)
            async with asyncio.timeout(_SEND_SECONDS):
                await socket.send_json(told)
    except (TooSlow, TimeoutError):
        pass
    except QuantError as error:
        reason = sentence_of(error)
    except WebSocketDisconnect:
        return
    finally:
        await following.aclose()  # type: ignore[attr-defined]
    await _close(socket, _TRY_AGAIN, reason)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(code, reason[:120])


async def _until_out(
    look: Callable[[], bool], hub: Hub, admitted: _Admitted, counting: anyio.CancelScope
) -> None:
    """Look at the login at a pace of its own: what comes, or a reader that takes nothing, delays no look."""
    is_out = False  # it was looked at just now
    while not is_out:
        await asyncio.sleep(BEAT_SECONDS / 2)
        is_out = await hub.logins.is_out(admitted.login_id, look)
    counting.cancel()


def _beat(services: Services, hub: Hub, topic: Topic, place: StreamPlace) -> dict[str, Any]:
    state = "away" if hub.is_away(topic) else "answers"
    as_of = clock_time(services.clock).isoformat()
    return {"seq": str(place), "kind": "beat", "data": {"as_of": as_of, "database": state}}


def _is_out(services: Services, socket: WebSocket) -> bool:
    """Whether the login has ended; while the database is away nobody can say so."""
    try:
        return find_person(services, socket, is_used=False) is None
    except QuantError:
        return False


async def _until_gone(socket: WebSocket, scope: anyio.CancelScope) -> None:
    """Hear nothing of what a reader says but that it goes."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
    scope.cancel()


async def _deny(socket: WebSocket, status_code: int, sentence: str) -> None:
    request_id = str(socket.scope.get("state", {}).get("request_id", ""))
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(problem(request_id, status_code, sentence))
    else:
        await socket.close(_OVER, sentence[:120])


def _subprotocol(socket: WebSocket) -> str | None:
    """One of those offered: some browsers take no other answer."""
    offered = [str(one) for one in socket.scope.get("subprotocols", ())]
    return offered[0] if offered else None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > (ROW_ID.high or 0):
        raise Refused(422, f"deployment_id {text!r:.40} is no id; expected a whole number")
    return int(text)
