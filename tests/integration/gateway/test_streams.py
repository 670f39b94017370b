"""Streams: what comes is told once and in order, a reader resumes where it was, a slow one loses nothing."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.gateway.streams.hub import Hub, TooSlow
from quant_pipelines.gateway.streams.sockets import BEAT_SECONDS
from quant_pipelines.store.bar_partitions import ensure_partitions
from quant_pipelines.store.engine import connect, transaction
from quant_pipelines.store.heartbeats import Alert, add_alert
from quant_pipelines.store.market import seed_symbols
from quant_pipelines.store.tables import bars, deployments

pytestmark = pytest.mark.postgres
BTC = "BTC/USDT:USDT"
WS = "ws://127.0.0.1"


def tell(gate: Any, message: str) -> int:
    with transaction(gate.engine) as connection:
        return add_alert(connection, Alert("info", "test", message, from_ms(gate.now_ms)))


def heard(socket: Any, count: int, most_beats: int = 100) -> list[Any]:
    """Next messages that are rows, as many as come before that many beats."""
    found: list[Any] = []
    n_beats = 0
    while len(found) < count and n_beats < most_beats:
        told = socket.receive_json()
        if told["kind"] == "beat":
            n_beats += 1
        else:
            found.append(told)
    return found


@pytest.fixture
def reader(gate: Any) -> Iterator[Any]:
    """Client in whose loop all of its WebSockets run."""
    with gate.logged_in("whoever") as client:
        yield client


def test_alerts_are_told_as_they_come_and_again_from_a_sequence(gate: Any, reader: Any) -> None:
    before = [tell(gate, f"before {number}") for number in range(3)]
    with reader.websocket_connect(f"{WS}/ws/alerts") as socket:
        first = tell(gate, "first")
        (one,) = heard(socket, 1)
        assert (one["seq"], one["kind"], one["data"]["message"]) == (str(first), "alert", "first")
    missed = [tell(gate, f"missed {number}") for number in range(700)]
    with reader.websocket_connect(f"{WS}/ws/alerts?since={before[1]}") as socket:
        again = heard(socket, 702)
        assert [int(one["seq"]) for one in again] == [before[2], first, *missed]
        later = tell(gate, "later")
        assert [one["seq"] for one in heard(socket, 1)] == [str(later)]


def test_closed_minutes_of_a_symbol_are_told_by_the_time_they_opened(gate: Any, reader: Any) -> None:
    seed_symbols(gate.engine, "binanceusdm", (BTC,), (BTC,), from_ms(gate.now_ms))
    minutes = [gate.now_ms - 60_000 * back for back in (3, 2, 1)]
    prices = dict.fromkeys(("open", "high", "low", "close", "volume", "quote_volume"), 1.0)
    shared = {"exchange": "binanceusdm", "symbol": BTC, "timeframe": "1m", "trades": 1, **prices}
    ensure_partitions(gate.engine, minutes[0], minutes[-1])
    with transaction(gate.engine) as connection:
        rows = [shared | {"ts": from_ms(at), "available_at": from_ms(at + 60_000)} for at in minutes]
        connection.execute(insert(bars), rows)
    with reader.websocket_connect(f"{WS}/ws/market/{BTC}?since={minutes[0]}") as socket:
        told = heard(socket, 2)
    assert [one["seq"] for one in told] == [str(at) for at in minutes[1:]]
    assert told[0]["data"]["close"] == 1.0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ws/market/NOPE", 404),
        ("/ws/strategy/7", 404),
        ("/ws/strategy/x", 422),
        ("/ws/strategy/99999999999999999999", 422),
        ("/ws/alerts?since=-1", 422),
        ("/ws/alerts?since=1-2", 422),
        ("/ws/alerts?since=1234567890123456789", 422),
    ],
)
def test_a_stream_that_there_is_not_is_refused_in_the_one_shape(reader: Any, path: str, status: int) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused, reader.websocket_connect(WS + path):
        pass
    assert refused.value.status_code == status
    assert set(refused.value.json()) == {"status", "error", "request_id"}


def test_without_a_login_or_from_a_page_elsewhere_no_stream_opens(gate: Any, reader: Any) -> None:
    client = gate.client()
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect(f"{WS}/ws/alerts"):
        pass
    assert refused.value.status_code == 401
    for header in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        with pytest.raises(WebSocketDisconnect), reader.websocket_connect(f"{WS}/ws/alerts", headers=header):
            pass
    with reader.websocket_connect(f"{WS}/ws/alerts", headers={"Origin": "http://127.0.0.1"}):
        pass


def test_no_more_streams_open_than_the_settings_say(gate: Any) -> None:
    with gate.with_rules(streams=1).logged_in("whoever") as client:
        with client.websocket_connect(f"{WS}/ws/alerts") as socket:
            tell(gate, "one")
            heard(socket, 1)
            with (
                pytest.raises(WebSocketDenialResponse) as refused,
                client.websocket_connect(f"{WS}/ws/alerts"),
            ):
                pass
            assert refused.value.status_code == 503
        with client.websocket_connect(f"{WS}/ws/alerts"):
            pass


async def taken(following: Any, count: int) -> list[int]:
    """Ids of the next messages."""
    return [(await anext(following)).number for _ in range(count)]


async def told_to_two_readers(gate: Any) -> Any:
    """Told alerts, and what a quick and a slow reader have found of them, the slow one in two turns."""
    hub = Hub(gate.engine, backlog=2)
    place = await asyncio.to_thread(hub.alerts.place_of, gate.engine, "")
    quick, slow = (hub.follow(hub.alerts, place, 5) for _ in range(2))
    told = [await asyncio.to_thread(tell, gate, "one")]
    heard_quickly, heard_slowly = await asyncio.gather(taken(quick, 1), taken(slow, 1))
    # The quick one reads while they come: two looks of the hub would be enough to leave it behind as well.
    reading = asyncio.create_task(taken(quick, 6))
    told += [await asyncio.to_thread(tell, gate, f"more {number}") for number in range(6)]
    heard_quickly += await reading
    with pytest.raises(TooSlow):
        await taken(slow, 6)
    again = hub.follow(hub.alerts, place.moved(0, heard_slowly[-1]), 5)
    heard_slowly += await taken(again, 6)
    for following in (quick, slow, again):
        await following.aclose()  # type: ignore[attr-defined]
    assert hub.n_followers == 0
    return told, heard_quickly, heard_slowly


def test_a_slow_reader_is_let_go_and_finds_everything_from_its_place(gate: Any) -> None:
    told, heard_quickly, heard_slowly = asyncio.run(told_to_two_readers(gate))
    assert heard_quickly == heard_slowly == told


def test_while_the_database_is_away_readers_stay_and_hear_so(gate: Any) -> None:
    away = connect("postgresql://quant@127.0.0.1:9/quant")

    async def follow() -> bool:
        hub = Hub(gate.engine, backlog=4)
        topic = hub.alerts
        place = await asyncio.to_thread(topic.place_of, gate.engine, "")
        following = hub.follow(topic, place, 0.3)
        assert await anext(following) is None
        hub._channels[topic.name]._engine = away
        while not hub.is_away(topic):
            assert await anext(following) is None
        await following.aclose()  # type: ignore[attr-defined]
        return True

    assert asyncio.run(follow())
    away.dispose()


def test_a_login_that_ends_ends_its_streams(gate: Any) -> None:
    client = gate.logged_in("whoever")
    with client, client.websocket_connect(f"{WS}/ws/alerts") as socket:
        assert client.delete("/api/v1/session").status_code == 204
        with pytest.raises(WebSocketDisconnect) as over:
            heard(socket, 1)
    assert over.value.code == 1008


def test_a_login_that_ends_ends_also_a_stream_that_is_never_quiet(gate: Any) -> None:
    client = gate.logged_in("whoever")
    with client, client.websocket_connect(f"{WS}/ws/alerts") as socket:
        assert client.delete("/api/v1/session").status_code == 204
        begun, told = time.monotonic(), {"type": ""}
        while told["type"] != "websocket.close" and time.monotonic() < begun + 3 * BEAT_SECONDS:
            tell(gate, "more")
            told = socket.receive()
    assert (told["type"], told.get("code")) == ("websocket.close", 1008)


def test_a_message_between_two_looks_at_a_login_delays_neither(gate: Any) -> None:
    client = gate.logged_in("whoever")
    with client, client.websocket_connect(f"{WS}/ws/alerts") as socket:
        assert client.delete("/api/v1/session").status_code == 204
        time.sleep(0.2 * BEAT_SECONDS)  # short of a look; what is told puts the beat off
        tell(gate, "the last one")
        begun, told = time.monotonic(), {"type": ""}
        while told["type"] != "websocket.close":
            told = socket.receive()
    assert told.get("code") == 1008
    assert time.monotonic() - begun < BEAT_SECONDS


def test_a_login_that_does_nothing_but_follow_a_stream_ends_unused(gate: Any) -> None:
    idle = gate.with_rules(idle_minutes=10)
    client = idle.logged_in("whoever")
    with client, client.websocket_connect(f"{WS}/ws/alerts") as socket:
        told = {"type": ""}
        for _ in range(3):
            if told["type"] != "websocket.close":
                idle.wait(18)
                told = socket.receive()
    assert (told["type"], told.get("code")) == ("websocket.close", 1008)


def test_streams_are_asked_for_at_a_pace(gate: Any) -> None:
    client, statuses = gate.with_rules(requests_per_minute=10).client(), []
    for _ in range(2):
        with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect(f"{WS}/ws/alerts"):
            pass
        statuses.append(refused.value.status_code)
    assert statuses == [401, 429]


def test_a_leg_that_books_a_bar_after_another_one_is_told_of_too(gate: Any, reader: Any) -> None:
    set_id = gate.deployed()
    with transaction(gate.engine) as connection:
        found = connection.execute(select(deployments).where(deployments.c.id == set_id)).mappings().one()
        row = dict(found) | {"set_id": set_id, "stage": None}
        row.pop("id")
        rows = [row | {"symbol": symbol} for symbol in ("BTC/USDT:USDT", "ETH/USDT:USDT")]
        one, other = (
            connection.execute(insert(deployments).values(each).returning(deployments.c.id)).scalar_one()
            for each in rows
        )
    with reader.websocket_connect(f"{WS}/ws/strategy/{set_id}") as socket:
        told = []
        for leg in (one, other):
            gate.booked(leg, from_ms(gate.now_ms))
            told += heard(socket, 1, most_beats=2)
        assert [message["data"]["deployment_id"] for message in told] == [one, other]


def test_fills_and_books_of_a_deployment_are_told_by_two_numbers(gate: Any, reader: Any) -> None:
    deployment_id = gate.deployed()
    start = from_ms(gate.now_ms)
    with reader.websocket_connect(f"{WS}/ws/strategy/{deployment_id}?since=0-0") as socket:
        gate.booked(deployment_id, start)
        gate.filled(deployment_id, start + timedelta(seconds=1), "t1")
        told = heard(socket, 2)
        assert {one["kind"] for one in told} == {"book", "fill"}
        bar, fill = (int(part) for part in told[-1]["seq"].split("-"))
        assert bar == gate.now_ms
        assert fill == (gate.now_ms + 1000) * 1000
    gate.booked(deployment_id, start + timedelta(minutes=1))
    with reader.websocket_connect(
        f"{WS}/ws/strategy/{deployment_id}?since={bar}-{fill + 5_000_001}"
    ) as socket:
        (again,) = heard(socket, 1)
        assert (again["kind"], again["seq"]) == ("book", f"{bar + 60_000}-{fill + 5_000_001}")


def test_fills_that_a_recovery_books_at_once_are_all_told(gate: Any, reader: Any) -> None:
    deployment_id, at = gate.deployed(), from_ms(gate.now_ms)
    for part in range(3):
        gate.filled(deployment_id, at + timedelta(seconds=part), *(f"{part}-{one}" for one in range(600)))
    with reader.websocket_connect(f"{WS}/ws/strategy/{deployment_id}?since=0-0") as socket:
        told = [one["data"]["trade_id"] for one in heard(socket, 1800, most_beats=3)]
    assert sorted(told) == sorted(f"{part}-{one}" for part in range(3) for one in range(600))
    with reader.websocket_connect(f"{WS}/ws/strategy/{deployment_id}") as socket:
        gate.filled(deployment_id, at + timedelta(seconds=4), *(f"late-{one}" for one in range(600)))
        told = [one["data"]["trade_id"] for one in heard(socket, 600, most_beats=3)]
    assert sorted(told) == sorted(f"late-{one}" for one in range(600))
