"""The venue as a process: kill it, start it again, and its books and its market have gone on."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.client import connect
from quant_pipelines.simulator.venue.service import LEDGER_FILE

BTC = "BTC/USDT:USDT"
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def venue_process(
    home: Path, *, end: signal.Signals = signal.SIGTERM, more: tuple[str, ...] = ()
) -> Iterator[str]:
    command = [
        sys.executable,
        "-P",
        "-m",
        "quant_pipelines.simulator",
        "--port",
        "0",
        "--home",
        str(home),
        *more,
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "listens on" in line
        try:
            yield line.split()[3]
        finally:
            process.send_signal(end)
            process.wait(timeout=15)


def ask(url: str, question: Callable[[Any], Awaitable[Any]], key: str = "demo") -> Any:
    async def run() -> Any:
        client = connect(ExchangeSettings(base_url=url))
        client.apiKey = client.secret = key
        try:
            await client.load_markets()
            return await question(client)
        finally:
            await client.close()

    return asyncio.run(run())


async def trade(client: Any) -> None:
    price = (await client.fetch_ticker(BTC))["last"]
    await client.set_leverage(7, BTC)
    await client.create_order(BTC, "market", "buy", 0.01, None, {"newClientOrderId": "entry"})
    await client.create_order(BTC, "limit", "sell", 0.01, price * 1.04, {"newClientOrderId": "target"})
    guard = {"stopLossPrice": price * 0.9, "reduceOnly": True, "clientOrderId": "guard"}
    await client.create_order(BTC, "market", "sell", 0.01, None, guard)


async def books(client: Any) -> dict[str, Any]:
    [position] = await client.fapiPrivateV3GetPositionRisk({"symbol": "BTCUSDT"})
    return {
        "position": {name: position[name] for name in ("positionAmt", "entryPrice", "updateTime")},
        "wallet": (await client.fapiPrivateV3GetAccount())["totalWalletBalance"],
        "trades": await client.fapiPrivateGetUserTrades({"symbol": "BTCUSDT"}),
        "income": await client.fapiPrivateGetIncome({}),
        "orders": await client.fapiPrivateGetAllOrders({"symbol": "BTCUSDT"}),
        "stops": await client.fapiPrivateGetOpenAlgoOrders({}),
        "settings": await client.fapiPrivateGetSymbolConfig({"symbol": "BTCUSDT"}),
    }


def test_killed_venue_comes_back_with_the_same_books(tmp_path: Path) -> None:
    async def trade_and_read(client: Any) -> Any:
        await trade(client)
        return await books(client)

    with venue_process(tmp_path, end=signal.SIGKILL) as url:
        before = ask(url, trade_and_read)
    with venue_process(tmp_path) as url:
        assert ask(url, books) == before
    connection = sqlite3.connect(tmp_path / LEDGER_FILE)
    amounts = [Decimal(text) for (text,) in connection.execute("SELECT amount FROM income")]
    [[wallet]] = connection.execute("SELECT wallet FROM account").fetchall()
    connection.close()
    assert sum(amounts) == Decimal(wallet) == Decimal(before["wallet"])


def test_dead_man_switch_fires_while_the_venue_is_away(tmp_path: Path) -> None:
    async def arm(client: Any) -> None:
        await trade(client)
        await client.fapiPrivatePostCountdownCancelAll({"symbol": "BTCUSDT", "countdownTime": 1})

    with venue_process(tmp_path, end=signal.SIGKILL) as url:
        ask(url, arm)
    with venue_process(tmp_path) as url:
        orders = ask(url, lambda client: client.fetch_orders(BTC))
    assert {order["clientOrderId"]: order["status"] for order in orders} == {
        "entry": "closed",
        "target": "canceled",
    }


def test_keys_and_wallet_are_what_the_command_line_says(tmp_path: Path) -> None:
    async def total(client: Any) -> float:
        return float((await client.fetch_balance())["USDT"]["total"])

    with venue_process(tmp_path, more=("--key", "mine:mine", "--wallet", "2500")) as url:
        assert ask(url, total, key="mine") == 2500
        with pytest.raises(Exception, match="-2015"):
            ask(url, total, key="demo")
