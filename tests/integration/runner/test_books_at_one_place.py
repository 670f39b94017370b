"""Several deployments on one symbol of an account: an incumbent and its canary, netted at the venue."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.operations import halts
from quant_pipelines.operations.receipt import Signature
from tests.faults.boundaries import Cell
from tests.integration.runner.kills import KILLS, run_until_killed
from tests.integration.runner.stage import Stage, naked_ms, play
from tests.integration.runner.venue_world import (
    HOLD,
    Ledger,
    deploy_canary,
    runner,
    simulator,
    status_of,
    until,
)
from tests.integration.runner.world import execute, rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

Deploy = Callable[..., int]
ROOT = Path(__file__).resolve().parents[3]
ANN = Signature("ann", "the exchange looks odd")
FALL = HOLD.replace("class Hold", "class Fall").replace("return np.ones", "return -np.ones")
STANDING = "select close_position, side, trigger_price from algo_orders where status = 'NEW'"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def deploy_two(deploy: Deploy, engine: Engine, other: str, capital: int = 4_000) -> list[int]:
    """An incumbent that is long, and another deployment beside it on the same account."""
    ids = [deploy_canary(deploy), deploy_canary(deploy, other, capital=capital)]
    query = text(
        "update trading.deployments set account_id = (select min(account_id) from trading.deployments)"
    )
    with engine.begin() as connection:
        connection.execute(query)
    return ids


def held(engine: Engine) -> list[Decimal]:
    """Positions by deployment."""
    return [
        quantity
        for (quantity,) in rows(engine, "select quantity from trading.positions order by deployment_id")
    ]


def have_both(engine: Engine) -> bool:
    return len([quantity for quantity in held(engine) if quantity]) == 2


def is_settled(engine: Engine, ledger: Ledger) -> bool:
    """Whether both hold something, and exactly what the net needs stands at the venue."""
    n_stops = len(ledger.select(STANDING))
    return have_both(engine) and n_stops == bool(sum(held(engine)))


def assert_books_sum_to_the_venues(engine: Engine, ledger: Ledger) -> None:
    ours = rows(
        engine,
        "select trade_id, min(side), sum(quantity), min(price), sum(fee) from trading.fills "
        "where trade_id not like 'internal-%' group by trade_id order by trade_id::bigint",
    )
    assert [tuple(row) for row in ours] == ledger.fills()
    sums = "select sum(coalesce(realized_pnl, 0) - fee) from trading.fills"
    booked = f"coalesce(({sums}), 0) + coalesce((select sum(amount) from trading.income), 0)"  # noqa: S608
    [(change,)] = rows(engine, f"select {booked}")
    assert change == ledger.wallet_change()
    at_venue = [Decimal(text) for (text,) in ledger.select("select quantity from positions")]
    assert sum(held(engine)) == sum(at_venue, Decimal(0))
    query = (
        "select deployment_id, sum(case side when 'buy' then quantity else -quantity end) "
        "from trading.fills group by deployment_id order by deployment_id"
    )
    assert [quantity for _, quantity in rows(engine, query)] == held(engine)
    crossed = (
        "select count(*) from (select sum(case side when 'buy' then quantity else -quantity end * price) "
        "as cash, sum(fee) as fee from trading.fills where trade_id like 'internal-%' group by trade_id) "
        "as pairs where cash <> 0 or fee <> 0"
    )
    assert rows(engine, crossed) == [(0,)]


def halted(engine: Engine) -> list[Any]:
    query = "select source from ops.alerts where severity = 'halt' and resolved_at is null order by source"
    return [source for (source,) in rows(engine, query)]


def test_two_books_on_one_side_have_one_stop_over_their_net(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    deploy_two(deploy, engine, HOLD)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_settled(engine, ledger))

    play(tmp_path, scenario)
    incumbent, canary = held(engine)
    assert incumbent > canary > 0
    entries = [entry for (entry,) in rows(engine, "select entry_price from trading.positions")]
    [(closes, side, trigger)] = ledger.select(STANDING)
    assert (closes, side) == (1, "SELL")
    assert 0 <= Decimal(trigger) - min(entries) * Decimal("0.9") <= Decimal("0.1001")
    with ledger.opened() as file:
        assert naked_ms(file) == 0
    assert halted(engine) == []
    assert_books_sum_to_the_venues(engine, ledger)


@pytest.mark.parametrize("capital", [4_000, 10_000])
def test_opposite_orders_of_one_cycle_cross_and_only_their_net_is_sent(
    capital: int, engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    deploy_two(deploy, engine, FALL, capital)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_settled(engine, ledger))
            await asyncio.sleep(2.5)

    play(tmp_path, scenario)
    incumbent, canary = held(engine)
    assert incumbent > 0 > canary
    orders = [Decimal(quantity) for (quantity,) in ledger.select("select quantity from orders")]
    assert orders == [net for net in (incumbent + canary,) if net]
    inside = rows(
        engine,
        "select sum(quantity), min(price) = max(price) from trading.fills "
        "where trade_id like 'internal-%' group by side",
    )
    assert inside == [(-canary, True)] * 2
    assert status_of(engine, "target") == [("FILLED",)] * 2
    assert halted(engine) == []
    assert_books_sum_to_the_venues(engine, ledger)


def test_a_stop_over_the_net_is_shared_by_the_books_that_it_closes(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    deploy_two(deploy, engine, HOLD)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_settled(engine, ledger))
            stage.move(-0.12)
            await until(lambda: held(engine) == [0, 0])
            await until(lambda: not ledger.select(STANDING))
            await asyncio.sleep(2.5)  # long enough for a second exit, if there were one

    play(tmp_path, scenario)
    closed = rows(
        engine,
        "select reason, count(distinct deployment_id) from trading.fills where side = 'sell' group by reason",
    )
    assert closed == [("net_stop", 2)]
    assert ledger.select("select count(*) from orders where side = 'SELL'") == [(1,)]
    assert halted(engine) == []
    assert_books_sum_to_the_venues(engine, ledger)


def test_a_books_own_stop_is_the_runners_while_another_one_holds(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    near = HOLD.replace("Float(0.05", "Float(0.01")
    deploy_two(deploy, engine, near)

    async def scenario(stage: Stage) -> None:
        stage.move(
            0.02
        )  # the venue fills above the prices of the stream, which are beyond the near stop then
        async with runner(engine, database_url, stage):
            await until(lambda: status_of(engine, "exit") == [("FILLED",)])
            await until(lambda: held(engine)[1] == 0)
            await until(lambda: len(ledger.select(STANDING)) == 1)
            await asyncio.sleep(2.5)

    play(tmp_path, scenario)
    query = (
        "select reason, count(distinct deployment_id) from trading.fills where side = 'sell' group by reason"
    )
    assert rows(engine, query) == [("hard_stop", 1)]
    assert held(engine)[0] > 0
    assert len(ledger.select(STANDING)) == 1
    assert halted(engine) == []
    assert_books_sum_to_the_venues(engine, ledger)


def test_a_liquidation_is_shared_and_halts_every_book(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    ids = deploy_two(deploy, engine, HOLD)
    execute(  # so much that the venue liquidates it
        engine,
        "insert into trading.risk_limits (scope, name, value, updated_at, updated_by) "
        "values ('account', 'max_leverage', 100, now(), 'test')",
    )

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_settled(engine, ledger))
            stage.move(-0.4)  # through stop and liquidation price at once
            await until(lambda: held(engine) == [0, 0])
            await until(lambda: not ledger.select(STANDING))
            for _ in range(2):
                stage.clock.skip_minute()  # payments are asked for once in a whole one
            await until(lambda: rows(engine, "select 1 from trading.income where kind = 'insurance'"))

    play(tmp_path, scenario, wallet=3_000)
    assert rows(engine, "select distinct client_order_id, reason from trading.fills where side = 'sell'") == [
        (None, "liquidation")
    ]
    assert halted(engine) == [f"deployment:{number}" for number in ids]
    assert_books_sum_to_the_venues(engine, ledger)


@pytest.mark.parametrize("other", [HOLD, FALL])
def test_an_operator_closes_one_book_and_the_other_goes_on(
    other: str, engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    ids = deploy_two(deploy, engine, other)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_settled(engine, ledger))
            kept = held(engine)[1]
            close = lambda: halts.flatten(engine, ANN, scope=f"deployment:{ids[0]}", clock=system_clock_ms)  # noqa: E731
            await asyncio.to_thread(close)
            await until(lambda: held(engine) == [0, kept])
            await until(lambda: own_stop_stands(ledger))

    def own_stop_stands(ledger: Ledger) -> bool:
        entry, quantity = rows(
            engine, "select entry_price, quantity from trading.positions where quantity <> 0"
        )[0]
        level = entry * (Decimal("0.95") if quantity > 0 else Decimal("1.05"))
        standing = ledger.select(STANDING)
        return len(standing) == 1 and abs(Decimal(standing[0][2]) - level) <= Decimal("0.1001")

    play(tmp_path, scenario)
    assert halted(engine) == [f"deployment:{ids[0]}"]
    assert_books_sum_to_the_venues(engine, ledger)


def test_an_operator_closes_the_account_and_all_its_books(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    deploy_two(deploy, engine, FALL)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_settled(engine, ledger))
            close = lambda: halts.flatten(engine, ANN, scope="account", clock=system_clock_ms)  # noqa: E731
            await asyncio.to_thread(close)
            await until(lambda: held(engine) == [0, 0])
            await until(lambda: not ledger.select(STANDING))

    play(tmp_path, scenario)
    assert_books_sum_to_the_venues(engine, ledger)


@pytest.mark.parametrize("other", [HOLD, FALL])
def test_funding_is_shared_by_what_each_book_held(
    other: str, engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path, ledger: Ledger
) -> None:
    deploy_two(deploy, engine, other)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_settled(engine, ledger))
            stage.pay("0.0001")
            await until(lambda: len(rows(engine, "select 1 from trading.income")) == 2)

    play(tmp_path, scenario)
    first, second = (
        amount for (amount,) in rows(engine, "select amount from trading.income order by deployment_id")
    )
    incumbent, canary = held(engine)
    assert first < 0
    assert abs(second * incumbent - first * canary) <= Decimal("1e-7") * abs(incumbent)
    [(paid,)] = ledger.select("select amount from income where kind = 'FUNDING_FEE'")
    assert first + second == Decimal(paid)
    assert_books_sum_to_the_venues(engine, ledger)


@pytest.mark.parametrize(
    ("other", "cell"), [(HOLD, KILLS[1]), (HOLD, KILLS[3]), (FALL, KILLS[0]), (FALL, KILLS[1])], ids=str
)
def test_kill_9_around_a_request_leaves_books_that_sum_to_the_venues(
    *,
    other: str,
    cell: Cell,
    engine: Engine,
    database_url: str,
    deploy: Deploy,
    tmp_path: Path,
    ledger: Ledger,
) -> None:
    deploy_two(deploy, engine, other)
    late = "select status from trading.orders where status in ('INITIALIZED', 'SUBMITTED', 'UNKNOWN')"
    with simulator(tmp_path) as venue:
        run_until_killed(database_url, venue.address, cell)

        async def recover() -> None:
            async with runner(engine, database_url, venue):
                venue.clock.skip_minute()
                await until(lambda: is_settled(engine, ledger) and not rows(engine, late))

        asyncio.run(recover())
    assert halted(engine) == []
    assert_books_sum_to_the_venues(engine, ledger)
