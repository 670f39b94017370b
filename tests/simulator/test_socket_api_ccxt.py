"""Requests over the WebSocket API ``ws-fapi/v1``: by ccxt, and word for word."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import ccxt
import pytest

BTC = "BTC/USDT:USDT"


def test_ccxt_trades_over_the_socket(play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = world.client
        order = await client.create_order_ws(BTC, "market", "buy", 0.01)
        assert (order["status"], order["filled"]) == ("closed", 0.01)
        resting = await client.create_order_ws(BTC, "limit", "sell", 0.01, 61_000)
        await client.cancel_order_ws(resting["id"], BTC)
        assert (await client.fetch_order(resting["id"], BTC))["status"] == "canceled"
        assert (await client.fetch_balance_ws({"type": "future"}))["USDT"]["total"] > 99_000
        with pytest.raises(ccxt.BaseError, match="-2019"):
            await client.create_order_ws(BTC, "market", "buy", 100)

    play(scenario)


Ask = Callable[..., Awaitable[dict[str, Any]]]


def with_socket(world: Any, talk: Callable[[Ask], Awaitable[None]]) -> Awaitable[None]:
    async def run() -> None:
        url = world.client.urls["api"]["ws"]["ws-api"]["linear"]
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:

            async def ask(method: str, **params: Any) -> dict[str, Any]:
                await socket.send_json({"id": "q", "method": method, "params": params})
                return dict(await socket.receive_json(timeout=5))

            await talk(ask)

    return run()


def signed(world: Any, **params: Any) -> dict[str, Any]:
    whole = {"apiKey": "demo", "timestamp": world.clock(), **params}
    text = "&".join(f"{name}={whole[name]}" for name in sorted(whole))
    return whole | {"signature": hmac.new(b"demo", text.encode(), hashlib.sha256).hexdigest()}


def test_answers_carry_id_status_result_and_limits(play: Any) -> None:
    async def scenario(world: Any) -> None:
        async def talk(ask: Ask) -> None:
            answer = await ask("ticker.book", symbol="BTCUSDT")
            assert (answer["id"], answer["status"]) == ("q", 200)
            assert {"bidPrice", "askPrice"} < set(answer["result"])
            assert {row["rateLimitType"] for row in answer["rateLimits"]} == {"REQUEST_WEIGHT", "ORDERS"}
            assert "rateLimits" not in await ask("ticker.price", symbol="BTCUSDT", returnRateLimits=False)
            status = await ask("v2/account.status", **signed(world))
            assert status["result"]["totalWalletBalance"] == "100000.00000000"
            assert (await ask("userDataStream.start", apiKey="demo"))["result"]["listenKey"]

        await with_socket(world, talk)

    play(scenario)


def test_refusals_carry_the_codes_of_the_rest_side(play: Any) -> None:
    async def scenario(world: Any) -> None:
        async def talk(ask: Ask) -> None:
            forged = signed(world) | {"signature": "forged \ud800"}
            cases = [
                (await ask("account.status", **forged), -1022),
                (await ask("account.status", apiKey="demo"), -1102),
                (await ask("account.status", apiKey="stranger"), -2015),
                (await ask("order.place", **signed(world, symbol="BTCUSDT", side="BUY")), -1102),
                (await ask("session.logon"), -5000),
            ]
            for answer, code in cases:
                assert answer["error"]["code"] == code
                assert answer["status"] >= 400

        await with_socket(world, talk)

    play(scenario)
