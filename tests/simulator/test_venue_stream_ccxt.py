"""The user's stream as the real ccxt client hears it: watch calls, raw events, the end of a listen key."""

import asyncio
from typing import Any

import pytest

BTC = "BTC/USDT:USDT"


def test_user_stream_tells_orders_trades_balance_and_positions(play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = world.client
        assert await client.watch_positions([BTC]) == []  # ccxt answers the first call from a snapshot
        watched = [
            asyncio.create_task(watch)
            for watch in (
                client.watch_orders(BTC),
                client.watch_my_trades(BTC),
                client.watch_balance(),
                client.watch_positions([BTC]),
            )
        ]
        await world.until_listened()
        await world.buy()
        async with asyncio.timeout(10):
            orders, trades, balance, positions = await asyncio.gather(*watched)
        assert orders[0]["clientOrderId"] == "entry"
        assert (trades[0]["amount"], trades[0]["price"]) == (0.01, 60_000.1)
        assert balance["USDT"]["total"] == pytest.approx(100_000 - 0.3000005)
        assert (positions[0]["contracts"], positions[0]["side"]) == (0.01, "long")

    play(scenario)


def test_raw_events_tell_the_whole_life_of_a_stop(play: Any) -> None:
    async def scenario(world: Any) -> None:
        watcher = asyncio.create_task(world.client.watch_orders(BTC))
        await world.until_listened()
        await world.buy()
        await world.stop()
        world.move(57_000)
        states = await world.told("ALGO_UPDATE", "X", 4)
        assert states == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]
        executions = await world.told("ORDER_TRADE_UPDATE", "x", 4)
        assert executions == ["NEW", "TRADE", "NEW", "TRADE"]
        child = (await world.told("ORDER_TRADE_UPDATE", "i", 4))[-1]
        assert (await world.told("ALGO_UPDATE", "ai", 4))[-1] == str(child)
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)

    play(scenario)


def test_listen_key_that_nobody_keeps_alive_expires(play: Any) -> None:
    async def scenario(world: Any) -> None:
        watcher = asyncio.create_task(world.client.watch_orders(BTC))
        await world.until_listened()
        world.ahead_ms += 3_600_000
        world.service.stream.expire()
        async with asyncio.timeout(10):
            while not any(message.get("e") == "listenKeyExpired" for message in world.raw):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)

    play(scenario)
