"""A contract that its exchange ends: nothing opens in it, and what is held is closed before."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, to_ms
from quant_pipelines.exchange import CcxtSource
from tests.integration.runner.stage import Stage, play
from tests.integration.runner.venue_world import (
    HOLD,
    SYMBOL,
    Ledger,
    assert_books_equal,
    deploy_canary,
    is_protected,
    runner,
    until,
)
from tests.integration.runner.world import DEPLOYED, rows, world

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

Deploy = Callable[..., int]
STANDING = "select message from ops.alerts where source = 'listing:BTC/USDT:USDT' and resolved_at is null"
HELD = "select quantity from trading.positions"


def test_states_of_contracts_are_those_that_the_exchange_tells_within_an_hour(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        async with CcxtSource(ExchangeSettings(base_url=stage.address), clock=stage.clock) as source:
            [usual] = (await source.contract_states([SYMBOL, "NONE/USDT:USDT"])).values()
            assert usual == (SYMBOL, "TRADING", True, "USDT", True, None)
            end_ms = stage.clock() + 2 * HOUR_MS
            stage.delist(end_ms)
            stage.clock.ahead_ms += HOUR_MS + MINUTE_MS
            [ending] = (await source.contract_states([SYMBOL])).values()
            assert ending == usual._replace(ends_at_ms=end_ms)
            stage.clock.ahead_ms += 2 * HOUR_MS
            [ended] = (await source.contract_states([SYMBOL])).values()
            assert ended == ending._replace(word="SETTLING", is_trading=False)

    play(tmp_path, scenario)


def test_a_contract_that_ends_soon_is_not_entered(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    deploy_canary(deploy)

    async def scenario(stage: Stage) -> None:
        stage.delist(stage.clock() + 20 * HOUR_MS)
        async with runner(engine, database_url, stage):
            await until(lambda: rows(engine, STANDING))
            stage.clock.skip_minute()
            await asyncio.sleep(4)

    play(tmp_path, scenario)
    [(message,)] = rows(engine, STANDING)
    assert message.startswith(f"{SYMBOL} is delisted: its exchange settles it at ")
    assert Ledger(tmp_path).select("select count(*) from orders") == [(0,)]
    [state] = rows(
        engine, "select detail->'deployments'->0->>'state', detail->'deployments'->0->>'halted_by' "
        "from ops.heartbeats where service = 'live_runner'"
    )  # fmt: skip
    assert state == ("HALTED", message)


def test_what_is_held_is_closed_before_the_end_and_the_alert_ends_with_the_announcement(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    deploy_canary(deploy)
    ledger = Ledger(tmp_path)

    async def scenario(stage: Stage) -> None:
        stage.delist(stage.clock() + DAY_MS + 20 * MINUTE_MS)  # its 24 hours begin in 20 minutes
        async with runner(engine, database_url, stage):
            await until(lambda: is_protected(engine))
            assert rows(engine, STANDING) == []
            stage.clock.ahead_ms += 20 * MINUTE_MS
            await until(lambda: rows(engine, HELD) == [(Decimal(0),)])
            await until(lambda: rows(engine, STANDING))
            await until(lambda: not ledger.select("select 1 from algo_orders where status = 'NEW'"))

    play(tmp_path, scenario)
    assert_books_equal(engine, ledger)
    assert {reason for (reason,) in rows(engine, "select reason from trading.fills where side = 'sell'")} == {
        "delisting"
    }
    told = "select message from ops.alerts where message like '%closed for delisting%'"
    assert len(rows(engine, told)) == 1
    assert ledger.select("select distinct reduce_only from orders where side = 'SELL'") == [(1,)]


def test_a_paper_book_leaves_before_the_end_with_that_reason(
    engine: Engine, database_url: str, deploy: Deploy
) -> None:
    deploy(HOLD, created_at=DEPLOYED)
    played = world(engine, database_url)
    played.source.ends[SYMBOL] = to_ms(DEPLOYED) + DAY_MS + 30 * MINUTE_MS
    asyncio.run(played.play())
    fills = rows(engine, "select side, reason from trading.fills order by trade_id")
    assert fills[0] == ("buy", "target")
    assert fills[-1] == ("sell", "delisting")
    assert rows(engine, HELD) == [(Decimal(0),)]


def test_a_symbol_with_another_margin_asset_does_not_trade_and_the_rest_goes_on(
    engine: Engine, database_url: str, deploy: Deploy
) -> None:
    odd, usual = deploy(HOLD, created_at=DEPLOYED), deploy(HOLD, created_at=DEPLOYED, symbol="ETH/USDT:USDT")
    played = world(engine, database_url)
    played.source.margin_assets[SYMBOL] = "USDC"
    asyncio.run(played.play())
    traded = {number for (number,) in rows(engine, "select distinct deployment_id from trading.fills")}
    assert traded == {usual}
    assert odd != usual
    assert rows(engine, STANDING) == [(f"{SYMBOL} has margin asset USDC; expected USDT",)]
