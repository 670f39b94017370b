"""`quant kill --direct`: with everything dead but the venue, and beside a runner that takes it over."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from live_runner.process.adopted import adopt_kills
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.ccxt_account import CcxtAccount
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.operations import halts
from quant_pipelines.operations.kill import Killed, Readings, kill
from quant_pipelines.operations.kill_journal import new_journal, unadopted
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.trading.venue import MarketOrder, StopOrder
from tests.integration.runner.stage import Stage, play
from tests.integration.runner.venue_world import (
    Ledger,
    assert_books_equal,
    deploy_canary,
    is_protected,
    runner,
    simulator,
    until,
)
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

ANN = Signature("ann", "the exchange looks odd")
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
WORKING = "select 1 from orders where status in ('NEW', 'PARTIALLY_FILLED')"
WAITING = "select 1 from algo_orders where status = 'NEW'"
ALERT = "select source, message from ops.alerts where severity = 'halt' and resolved_at is null order by id"


def kill_command(home: Path, address: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment of a machine on which neither database nor Redis answers."""
    dead = {
        "QUANT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "QUANT_REDIS_URL": "redis://127.0.0.1:1",
    }
    given = dead | {"QUANT_HOME": str(home), "QUANT_EXCHANGE__BASE_URL": address}
    command = ("-P", "-m", "quant_pipelines.cli", "kill", "--direct", "--json")
    signed = ("--operator", "ann", "--reason", "the exchange looks odd")
    return [sys.executable, *command, *signed], os.environ | given


async def trade(venue: CcxtOrders) -> None:
    """Hold two symbols, one of them covered, with entries that wait: a limit order and a conditional one."""
    client = venue._client
    stamp = await venue.now_ms()
    await venue.send(MarketOrder("q1-long", BTC, "buy", Decimal("0.2"), stamp))
    await venue.send(MarketOrder("q1-short", ETH, "sell", Decimal(3), stamp))
    price = (await client.fetch_ticker(BTC))["last"]
    await venue.place_stop(StopOrder("q1-stop", BTC, "sell", Decimal(round(price * 0.9)), stamp))
    await client.create_order(BTC, "limit", "buy", 0.1, round(price * 0.8), {"newClientOrderId": "q1-bid"})
    above = {"triggerPrice": round(price * 1.2), "clientAlgoId": "q1-trigger"}
    await client.create_order(BTC, "STOP_MARKET", "buy", 0.1, None, above)


def test_an_account_is_closed_with_database_redis_dagster_and_runner_dead(tmp_path: Path) -> None:
    venue_home, home = tmp_path / "venue", tmp_path / "home"
    with simulator(venue_home) as venue:

        async def prepare() -> None:
            async with CcxtOrders(ExchangeSettings(base_url=venue.address), "", "") as orders:
                await trade(orders)

        asyncio.run(prepare())
        command, environment = kill_command(home, venue.address)
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        told = json.loads(done.stdout)
        ledger = Ledger(venue_home)
        assert (done.returncode, told["done"], told["left"], told["working"]) == (0, True, [], []), (
            done.stderr
        )
        assert {Decimal(held) for (held,) in ledger.select("select quantity from positions")} == {Decimal(0)}
        assert ledger.select(WORKING) == []
        assert ledger.select(WAITING) == []
        assert sorted(told["canceled"]) == ["q1-bid", "q1-stop", "q1-trigger"]
        again = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert json.loads(again.stdout)["sent"] == []  # nothing is left to do
    assert [record.operator for record in unadopted(home)] == ["ann", "ann"]


def test_a_venue_that_is_away_is_told_and_leaves_a_journal(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)

    async def kill_it() -> Killed:
        async with CcxtAccount(ExchangeSettings(base_url="http://127.0.0.1:1"), "", "") as account:
            return await kill(account, journal, ANN, readings=Readings(2, 0.0))

    killed = asyncio.run(kill_it())
    journal.close()
    assert killed.sentence.startswith("what is left is not known: ")
    assert len(unadopted(tmp_path)) == 1


def test_a_runner_takes_a_kill_over_and_halts_until_a_person_resumes(
    engine: Engine, database_url: str, deploy: Callable[..., int], tmp_path: Path
) -> None:
    ledger, home = Ledger(tmp_path), tmp_path / "home"
    deploy_canary(deploy)

    async def kill_now(stage: Stage) -> None:
        command, environment = kill_command(home, stage.address)
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=asyncio.subprocess.DEVNULL
        )
        assert await process.wait() == 0

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage, home=home):
            await until(lambda: is_protected(engine))
            await kill_now(stage)
            await until(lambda: halted(engine))
            await until(lambda: rows(engine, "select quantity from trading.positions") == [(Decimal(0),)])
            stage.clock.skip_minute()  # nothing is decided on the next bar
            await asyncio.sleep(1.0)
        assert ledger.select("select quantity from positions")[0][0] in ("0", "0.000")
        assert ledger.select(WAITING) == []
        resume = lambda: halts.resume(  # noqa: E731
            engine, ANN, scope="account", clock=system_clock_ms
        )
        await asyncio.to_thread(resume)

    play(tmp_path, scenario)
    assert_books_equal(engine, ledger)
    assert rows(engine, "select reason, client_order_id from trading.fills order by ts desc limit 1") == [
        ("kill", None)
    ]
    actions = [action for (action,) in rows(engine, "select action from ops.audit_logs order by id")]
    assert actions == ["account.killed", "runner.resumed"]
    assert unadopted(home) == []


def test_a_journal_that_no_row_takes_halts_all_the_same_and_once(engine: Engine, tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    journal.write("begun", operator="ann", reason="bad\udcff")
    journal.close()
    assert adopt_kills(engine, tmp_path)
    assert rows(engine, ALERT)[0][0] == "account"
    assert "its journal can't be read" in rows(engine, ALERT)[0][1]
    assert not adopt_kills(engine, tmp_path)
    assert unadopted(tmp_path) == []


def halted(engine: Engine) -> list[Any]:
    return [
        message
        for source, message in rows(engine, ALERT)
        if source == "account" and message.startswith("killed directly by ann at ")
    ]
