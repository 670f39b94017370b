"""Stream addresses, commands and every kind of stream, as a plain WebSocket client hears them."""

import asyncio
import json
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import pytest
from aiohttp import web

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
from quant_pipelines.simulator.anchor import Anchor
from quant_pipelines.simulator.connections import Connections
from quant_pipelines.simulator.derivatives import Derivatives
from quant_pipelines.simulator.market import SyntheticMarket
from quant_pipelines.simulator.streams import MarketStreams

ANCHOR_MS = 20_700 * DAY_MS
NOW = ANCHOR_MS + 7 * HOUR_MS + 5
MARKET = SyntheticMarket(Anchor(ANCHOR_MS, seed=3, history_days=40))


class Played(NamedTuple):
    """A client, the address and the streams, whose next second comes when the test says so."""

    session: aiohttp.ClientSession
    url: str
    streams: MarketStreams

    def second(self) -> None:
        self.streams.publish(now_ms=NOW, before_ms=NOW - 1000)


@asynccontextmanager
async def played() -> AsyncIterator[Played]:
    connections = Connections()
    streams = MarketStreams(MARKET, Derivatives(MARKET), lambda: NOW, connections)
    application = web.Application()
    streams.attach(application)
    connections.attach(application)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with asyncio.timeout(20), aiohttp.ClientSession() as session:
            yield Played(session, url, streams)
    finally:
        await runner.cleanup()


def run(scenario: Callable[[Played], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with played() as one:
            await scenario(one)

    asyncio.run(whole())


async def ask(connection: Any, method: str, *params: Any) -> Any:
    await connection.send_json({"method": method, "params": list(params), "id": 7})
    answer = await connection.receive_json()
    assert answer["id"] == 7
    return answer


@pytest.mark.parametrize("prefix", ["/market", "/public", ""])
def test_raw_address_speaks_plainly_and_combined_address_in_envelopes(prefix: str) -> None:
    async def scenario(one: Played) -> None:
        raw = await one.session.ws_connect(f"{one.url}{prefix}/ws/btcusdt@aggTrade/ethusdt@aggTrade")
        names = "btcusdt@aggTrade/!ticker@arr"
        combined = await one.session.ws_connect(f"{one.url}{prefix}/stream?streams={names}")
        one.second()
        assert {(await raw.receive_json())["s"] for _ in range(2)} == {"BTCUSDT", "ETHUSDT"}
        told = {(await combined.receive_json())["stream"] for _ in range(2)}
        assert told == {"btcusdt@aggTrade", "!ticker@arr"}

    run(scenario)


def test_properties_are_read_and_set_as_documented() -> None:
    async def scenario(one: Played) -> None:
        connection = await one.session.ws_connect(f"{one.url}/market/stream")
        assert (await ask(connection, "GET_PROPERTY", "combined"))["result"] is True
        assert (await ask(connection, "SET_PROPERTY", "combined", False))["result"] is None
        assert (await ask(connection, "SUBSCRIBE", "btcusdt@trade"))["result"] is None
        assert (await ask(connection, "LIST_SUBSCRIPTIONS"))["result"] == ["btcusdt@trade"]
        one.second()
        assert (await connection.receive_json())["e"] == "trade"
        codes = [
            (await ask(connection, method, *params))["error"]["code"]
            for method, params in (
                ("SET_PROPERTY", ("combined", "yes")),
                ("GET_PROPERTY", ("speed",)),
                ("GET_PROPERTY", (1,)),
                ("SHOUT", ()),
            )
        ]
        assert codes == [1, 0, 2, 2]

    run(scenario)


SYMBOL_KINDS = [
    "trade",
    "aggTrade",
    "ticker",
    "miniTicker",
    "bookTicker",
    "markPrice",
    "markPrice@1s",
    "depth@0ms",
    "depth@250ms",
    "depth@500ms",
    "depth5",
    "depth10@100ms",
    "depth20@500ms",
    "rpiDepth@500ms",
    "kline_1m",
    "kline_3d",
    "kline_1w",
    "kline_1M",
]
ALL = ["!ticker@arr", "!miniTicker@arr", "!markPrice@arr", "!markPrice@arr@1s", "!bookTicker"]


@pytest.mark.parametrize(
    "name", [*(f"btcusdt@{kind}" for kind in SYMBOL_KINDS), *ALL, "btcusdt_perpetual@continuousKline_1w"]
)
def test_every_stream_that_is_accepted_speaks(name: str) -> None:
    async def scenario(one: Played) -> None:
        connection = await one.session.ws_connect(f"{one.url}/market/ws")
        assert "error" not in await ask(connection, "SUBSCRIBE", name)
        one.second()
        message = await connection.receive_json()
        first = message[0] if isinstance(message, list) else message
        assert first["E"] == NOW
        assert isinstance(message, list) == ("@arr" in name)

    run(scenario)


@pytest.mark.parametrize(
    "name",
    [
        "btxusdt@trade",
        "btcusdt@nonsense",
        "btcusdt@kline_7m",
        "btcusdt@depth7",
        "btcusdt@forceOrder",
        "!contractInfo",
        "BTCUSDT@trade",
        "btcusdt_current_quarter@continuousKline_1m",
        "btcusdt_perpetual@kline_1m",
        "btcusdt",
        "",
    ],
)
def test_name_that_would_stay_silent_is_refused_with_all_its_companions(name: str) -> None:
    async def scenario(one: Played) -> None:
        connection = await one.session.ws_connect(f"{one.url}/public/ws")
        error = (await ask(connection, "SUBSCRIBE", "ethusdt@trade", name))["error"]
        assert error["code"] == 2
        assert repr(name) in error["msg"]
        assert (await ask(connection, "LIST_SUBSCRIPTIONS"))["result"] == []

    run(scenario)


def test_upper_case_is_refused_with_the_name_that_is_meant() -> None:
    async def scenario(one: Played) -> None:
        connection = await one.session.ws_connect(f"{one.url}/market/ws")
        error = (await ask(connection, "SUBSCRIBE", "BTCUSDT@bookTicker"))["error"]
        assert "BTCUSDT@bookTicker" in error["msg"]

    run(scenario)


@pytest.mark.parametrize("address", ["/market/ws/btcusdt@nonsense", "/stream?streams=btxusdt@trade"])
def test_address_with_a_silent_name_is_told_and_ended(address: str) -> None:
    async def scenario(one: Played) -> None:
        connection = await one.session.ws_connect(f"{one.url}{address}")
        assert "would stay silent" in (await connection.receive_json())["error"]["msg"]
        assert (await connection.receive()).data == 1008

    run(scenario)


def test_month_bar_and_week_bar_open_where_the_calendar_says() -> None:
    async def scenario(one: Played) -> None:
        connection = await one.session.ws_connect(f"{one.url}/market/ws/btcusdt@kline_1w/btcusdt@kline_1M")
        one.second()
        bars = {bar["i"]: bar for bar in [(await connection.receive_json())["k"] for _ in range(2)]}
        assert (bars["1w"]["t"] - 4 * DAY_MS) % (7 * DAY_MS) == 0
        assert bars["1w"]["T"] + 1 - bars["1w"]["t"] == 7 * DAY_MS
        assert bars["1M"]["t"] <= NOW <= bars["1M"]["T"]
        assert bars["1M"]["T"] + 1 - bars["1M"]["t"] in {days * DAY_MS for days in (28, 29, 30, 31)}

    run(scenario)


def test_client_that_hangs_up_in_its_handshake_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(one: Played) -> None:
        host, port = one.url.removeprefix("http://").split(":")
        for address in ("/market/ws/btcusdt@trade", "/market/ws/nonsense"):
            line = socket.create_connection((host, int(port)))
            request = (
                f"GET {address} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            line.sendall(request.encode())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.close()  # a reset, before the answer is read
        alive = await one.session.ws_connect(f"{one.url}/market/ws/btcusdt@trade")
        one.second()
        assert json.loads((await alive.receive()).data)["e"] == "trade"

    with caplog.at_level(logging.INFO):
        run(scenario)
    assert [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR] == []
