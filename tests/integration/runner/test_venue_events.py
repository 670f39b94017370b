"""What a venue does to a position by itself, and what becomes of it in our books.

The runner meets a real venue through real ccxt; the test moves the venue's price.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.clock import clock_time
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.trading.venue import MarketOrder, StopOrder, VenueOrder
from tests.integration.runner.stage import Stage, play
from tests.integration.runner.venue_world import (
    Ledger,
    assert_books_equal,
    deploy_canary,
    faults_told,
    is_entered,
    is_protected,
    runner,
    status_of,
    until,
)
from tests.integration.runner.world import execute, rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

Deploy = Callable[..., int]
SLOW_EXIT_MS = 5_000
"""Two seconds, and what a machine that does other things too may add to its requests."""
HALTS = "select message from ops.alerts where severity = 'halt' and resolved_at is null"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def is_flat(engine: Engine) -> bool:
    return rows(engine, "select quantity from trading.positions") == [(Decimal(0),)]


def fill_reasons(engine: Engine) -> set[Any]:
    return {reason for (reason,) in rows(engine, "select reason from trading.fills")}


def test_funding_is_booked_and_the_wallet_is_the_sum_of_the_venues_income(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    deploy_canary(deploy)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_protected(engine))
            stage.pay("0.0001")
            await until(lambda: rows(engine, "select 1 from trading.income"))
            stage.move(0.001)
            stage.pay("-0.0003")
            await until(lambda: len(rows(engine, "select 1 from trading.income")) == 2)

    play(tmp_path, scenario)
    amounts = rows(engine, "select kind, amount from trading.income order by ts")
    assert [kind for kind, _ in amounts] == ["funding", "funding"]
    paid = ledger.select("select amount from income where kind = 'FUNDING_FEE' order by number")
    assert [amount for _, amount in amounts] == [Decimal(text) for (text,) in paid]
    assert amounts[0][1] < 0 < amounts[1][1]
    assert_books_equal(engine, ledger)


@pytest.mark.parametrize("share", [-0.0501, -0.12])
def test_a_stop_that_triggers_at_the_venue_is_booked_once_as_the_stop(
    share: float, engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    deploy_canary(deploy)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_protected(engine))
            stage.move(share)
            await until(lambda: is_flat(engine))
            await until(lambda: status_of(engine, "stop") == [("FILLED",)])
            await asyncio.sleep(2.5)  # long enough for a second exit, if there were one

    play(tmp_path, scenario)
    [(name,)] = rows(engine, "select client_order_id from trading.intents where purpose = 'stop'")
    booked = rows(engine, "select client_order_id, reason from trading.fills where side = 'sell'")
    assert set(booked) == {(name, "hard_stop")}
    assert ledger.select("select count(*) from orders where side = 'SELL'") == [(1,)]
    assert faults_told(engine) == []
    assert_books_equal(engine, ledger)


class Falling(CcxtOrders):
    """The price falls through the stop while it is on its way."""

    def __init__(self, stage: Stage, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.stage = stage

    async def place_stop(self, stop: StopOrder) -> None:
        self.stage.jump(-0.1)
        await super().place_stop(stop)


def test_a_stop_that_would_trigger_at_once_is_an_exit_within_two_seconds(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    deploy_canary(deploy)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage, partial(Falling, stage)):
            await until(lambda: ("FILLED",) in status_of(engine, "flatten"))
            await until(lambda: is_flat(engine))

    play(tmp_path, scenario)
    [(reason,)] = rows(
        engine,
        "select reason from trading.orders join trading.intents using (client_order_id) "
        "where purpose = 'stop'",
    )
    assert "-2021" in reason
    first, last = ledger.select("select min(ts_ms) from fills group by side order by min(ts_ms)")
    assert last[0] - first[0] <= SLOW_EXIT_MS
    assert fill_reasons(engine) == {"target", "hard_stop"}
    assert_books_equal(engine, ledger)


def test_a_liquidation_is_booked_as_external_and_halts_its_deployment(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    deployment_id = deploy_canary(deploy)
    execute(  # so much that the venue liquidates it
        engine,
        "insert into trading.risk_limits (scope, name, value, updated_at, updated_by) "
        "values ('account', 'max_leverage', 100, now(), 'test')",
    )

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_protected(engine))
            stage.move(-0.4)  # through stop and liquidation price at once
            await until(lambda: rows(engine, HALTS))
            await until(lambda: is_flat(engine))
            await until(lambda: not ledger.select("select 1 from algo_orders where status = 'NEW'"))
            stage.clock.skip_minute()
            stage.clock.skip_minute()  # payments are asked for once in a whole one
            await until(lambda: rows(engine, "select 1 from trading.income where kind = 'insurance'"))
            booked = "select max(bar_close) > :now - interval '5 s' from trading.checkpoints"
            await until(lambda: rows(engine, booked, now=clock_time(stage.clock)) == [(True,)], 130)

    play(tmp_path, scenario, wallet=2_200)
    assert rows(engine, "select client_order_id, reason from trading.fills where side = 'sell'") == [
        (None, "liquidation")
    ]
    [(source, message)] = rows(engine, "select source, message from ops.alerts where severity = 'halt'")
    assert source == f"deployment:{deployment_id}"
    assert "EXTERNAL liquidation" in message
    assert ledger.select("select count(*) from orders where client_id not like 'autoclose-%'") == [(1,)]
    assert_books_equal(engine, ledger)


def test_a_listen_key_that_expires_is_replaced_once_and_loses_no_fill(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    deploy_canary(deploy)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_protected(engine) and stage.n_dials == 1)
            # The venue may leave the connection open, and say nothing more on it.
            stage.service.stream.publish({"e": "listenKeyExpired", "E": 1, "listenKey": "it"})
            await until(lambda: stage.n_dials == 2)
            stage.move(-0.06)
            await until(lambda: is_flat(engine))
            assert stage.n_dials == 2

    play(tmp_path, scenario)
    assert fill_reasons(engine) == {"target", "hard_stop"}
    assert_books_equal(engine, ledger)


def test_a_listen_key_that_is_deleted_is_replaced_without_a_dial_storm_and_loses_no_fill(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    deploy_canary(deploy)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_protected(engine) and stage.n_dials == 1)
            for _ in range(2):
                stage.service.stream.close_key("demo")
            stage.move(-0.06)
            await until(lambda: is_flat(engine))
            await until(lambda: sum("@" not in name for name in stage.connections.names) == 1)
            assert stage.n_dials <= 3

    play(tmp_path, scenario)
    assert fill_reasons(engine) == {"target", "hard_stop"}
    assert_books_equal(engine, ledger)


class Filling(CcxtOrders):
    """The disk of the venue is full when the first order comes."""

    def __init__(self, stage: Stage, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.stage: Stage | None = stage

    async def send(self, order: MarketOrder) -> VenueOrder:
        if self.stage is not None:
            self.stage.fill_disk()
            self.stage = None
        return await super().send(order)


def test_a_venue_whose_disk_is_full_refuses_and_the_order_never_was(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    deploy_canary(deploy)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage, partial(Filling, stage)):
            await until(lambda: status_of(engine, "target") == [("REJECTED",)])
            stage.free_disk()
            stage.clock.skip_minute()
            await until(lambda: is_entered(engine), 150)

    play(tmp_path, scenario)
    reasons = rows(
        engine,
        "select status, reason from trading.orders "
        "where status in ('REJECTED', 'FILLED') order by updated_at",
    )
    assert reasons[0][0] == "REJECTED"
    assert "-1008" in reasons[0][1]
    assert "disk" in reasons[0][1]
    assert reasons[1] == ("FILLED", "")
    assert ledger.select("select count(*) from orders") == [(1,)]
    assert_books_equal(engine, ledger)
