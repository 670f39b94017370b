"""An operator's word closes what is held, on paper at the next bar and at a venue at once, and halts it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.operations import halts
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.trading.flatten import ClosingTerms
from quant_pipelines.trading.venue import MarketOrder
from tests.integration.runner.stage import Stage, play
from tests.integration.runner.venue_world import (
    SYMBOL,
    Ledger,
    assert_books_equal,
    deploy_canary,
    is_protected,
    runner,
    settings_of,
    status_of,
    until,
    waits_for,
)
from tests.integration.runner.world import DEPLOYED, HISTORY_START, SWITCH, World, rows, world

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

Deploy = Callable[..., int]
ANN = Signature("ann", "the exchange looks odd")
HELD = "select quantity from trading.positions"
NOTHING = [(Decimal(0),)]


def flatten(engine: Engine, scope: str) -> None:
    halts.flatten(engine, ANN, scope=scope, clock=system_clock_ms)


@pytest.mark.parametrize("is_account", [False, True])
def test_a_venues_position_is_closed_at_once_and_taken_up_again_after_resume(
    *, is_account: bool, engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    ledger, deployment_id = Ledger(tmp_path), deploy_canary(deploy)
    scope = "account" if is_account else f"deployment:{deployment_id}"

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_protected(engine))
            await asyncio.to_thread(flatten, engine, scope)
            await until(lambda: rows(engine, HELD) == NOTHING)
            await until(lambda: not ledger.select("select 1 from algo_orders where status = 'NEW'"))
            await until(lambda: state_of(engine) == [("HALTED",)])
            resume = lambda: halts.resume(engine, ANN, scope=scope, clock=system_clock_ms)  # noqa: E731
            await asyncio.to_thread(resume)
            stage.clock.skip_minute()
            await until(lambda: rows(engine, HELD) != NOTHING and is_protected(engine), 150)

    play(tmp_path, scenario)
    assert status_of(engine, "close") == [("FILLED",)]
    assert [action for (action,) in rows(engine, "select action from ops.audit_logs order by id")] == [
        "runner.flattened",
        "runner.resumed",
    ]
    assert_books_equal(engine, ledger)


class Small(CcxtOrders):
    """A venue that takes market orders up to a hundredth of a coin."""

    async def closing_terms(self, symbol: str) -> ClosingTerms:
        return (await super().closing_terms(symbol))._replace(largest=Decimal("0.01"))


def test_a_position_larger_than_one_order_may_be_is_closed_in_parts(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    deploy_canary(deploy, capital=Decimal(2_000))

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage, Small):
            await until(lambda: is_protected(engine))
            await asyncio.to_thread(flatten, engine, "account")
            await until(lambda: rows(engine, HELD) == NOTHING)

    play(tmp_path, scenario)
    closing = "select quantity from trading.intents where purpose = 'close'"
    quantities = [quantity for (quantity,) in rows(engine, closing)]
    assert len(quantities) > 1
    assert max(quantities) == Decimal("0.01")


def state_of(engine: Engine) -> list[Any]:
    query = "select detail->'deployments'->0->>'state' from ops.heartbeats where service = 'live_runner'"
    return rows(engine, query)


def test_a_halted_deployment_whose_books_differ_is_closed_as_far_as_the_venue_holds_it(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    ledger, deployment_id = Ledger(tmp_path), deploy_canary(deploy)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_protected(engine))
            async with CcxtOrders(settings_of(stage.address).exchange, "", "", clock=stage.clock) as somebody:
                by_hand = MarketOrder("by-hand", SYMBOL, "sell", Decimal("0.01"), await somebody.now_ms())
                await somebody.send(by_hand)
            await until(lambda: rows(engine, "select 1 from ops.alerts where severity = 'halt'"))
            await until(lambda: "the venue holds" in waits_for(engine))
            await asyncio.to_thread(flatten, engine, f"deployment:{deployment_id}")
            await until(lambda: ledger.select("select quantity from positions") in ([("0",)], [("0.000",)]))
            await asyncio.sleep(1.0)

    play(tmp_path, scenario)
    assert rows(engine, HELD) == [(Decimal("0.010"),)], "what somebody else sold is not ours to book"
    n_exits = rows(engine, "select count(*) from trading.intents where purpose = 'close'")[0][0]
    assert 1 <= n_exits <= 3, "an exit that comes to nothing is paced"


def test_a_paper_position_is_closed_at_the_next_bar_and_stays_closed(
    engine: Engine, database_url: str, deploy: Deploy
) -> None:
    place = {"created_at": DEPLOYED, "history_start": HISTORY_START}
    deployment_id = deploy(SWITCH, **place)
    middle = DEPLOYED + timedelta(minutes=60)

    def played(until_bar: int, start: Any = DEPLOYED) -> World:
        return world(engine, database_url, start=start, n_bars=until_bar)

    asyncio.run(played(180).play())
    if rows(engine, HELD) == NOTHING:
        pytest.fail("the replay holds nothing at its 180th bar; choose another one")
    halts.flatten(engine, ANN, scope=f"deployment:{deployment_id}", clock=lambda: to_ms(middle))
    asyncio.run(played(220, middle).play())
    assert rows(engine, HELD) == NOTHING
    after = "select count(*), min(bar_close) from trading.intents where bar_close > :middle"
    [(count, first)] = rows(engine, after, middle=middle)
    assert count == 1
    assert first <= middle + timedelta(minutes=2)


def test_a_deployment_that_comes_while_the_account_is_halted_is_halted_before_its_first_bar(
    engine: Engine, database_url: str, deploy: Deploy, caplog: pytest.LogCaptureFixture
) -> None:
    halts.halt(engine, ANN, scope="account", clock=lambda: to_ms(DEPLOYED))
    deploy(SWITCH, created_at=DEPLOYED, history_start=HISTORY_START)
    with caplog.at_level("INFO", "live_runner.process.traders"):
        asyncio.run(world(engine, database_url, n_bars=130).play())
    (taken_up,) = [record for record in caplog.records if record.message == "deployment taken up"]
    assert taken_up.__dict__["state"] == "FROZEN"
    assert rows(engine, "select 1 from trading.signals") == []
