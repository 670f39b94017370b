"""Plans on stored evidence: what is written, what is refused with its rule, and the way back."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import DBAPIError

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import Settings
from quant_pipelines.operations.halts import halt
from quant_pipelines.operations.rebalance import drafts, plan_due, rebalance, undo_rebalance
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store.allocation import lock_allocation, newest_plans
from quant_pipelines.store.capital_changes import read_capital, set_capital
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import (
    accounts,
    allocation_plans,
    allocation_rows,
    balances,
    capital_changes,
    deployments,
    transfers,
)
from tests.unit.portfolio.allocation.arms import record

pytestmark = pytest.mark.postgres
BTC, ETH, SOL = "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"


def settings(**values: Any) -> Settings:
    return Settings(allocation=AllocationSettings(**{"tilt": "none", "increase_step": 1.0, **values}))


@pytest.fixture
def traded(world: Any) -> Any:
    """Two deployments with hundred good days out of sample, on two symbols; plans that go all the way."""
    world = replace(world, settings=settings())
    for at, symbol in enumerate((BTC, ETH)):
        number = world.deployment(symbol)
        world.promise(number, record(at, n_days=100, sharpe=8.0, volatility=0.5))
    return world


def ids(world: Any) -> list[int]:
    return sorted(row["id"] for row in world.rows(deployments))


def capitals(world: Any) -> list[Decimal]:
    with transaction(world.engine) as connection:
        return [read_capital(connection, one) or Decimal(0) for one in ids(world)]


def daily(world: Any) -> list[str]:
    return plan_due(world.engine, world.settings, world.clock)


def test_daily_plan_moves_the_capital_of_paper_and_says_why(traded: Any) -> None:
    (told,) = daily(traded)
    assert told.startswith("paper: capital of 2 of 2 deployments changes; targets are ")
    (plan,) = traded.rows(allocation_plans)
    assert (plan["kind"], plan["outcome"], plan["actor"], plan["rule"]) == (
        "daily",
        "applied",
        "allocation",
        None,
    )
    assert plan["equity"] == 200_000
    rows = traded.rows(allocation_rows)
    for row, capital in zip(rows, capitals(traded), strict=True):
        assert (row["actual"], row["bound"], row["capital_before"]) == (0.05, "kelly", 10_000)
        assert (
            row["capital"]
            == capital
            == pytest.approx(Decimal(str(row["target"] * 200_000)), abs=Decimal("0.01"))
        )
        assert row["reason"].startswith("worth no more: a Sharpe ratio of ")
    changes = traded.rows(capital_changes)
    assert [(one["source"], one["actor"]) for one in changes] == [("allocation", "allocation")] * 2
    assert traded.audit()[-1].action == "allocation.applied"


def test_plan_is_made_once_a_day(traded: Any, later: Any) -> None:
    assert len(daily(traded)) == 1
    assert daily(traded) == []
    tomorrow = replace(later(1), settings=traded.settings)
    assert len(daily(tomorrow)) == 1
    assert [plan["day"] for plan in traded.rows(allocation_plans)] == [
        date(2025, 6, 10),
        date(2025, 6, 11),
    ]


def test_proposed_plan_changes_nothing_until_a_person_asks(traded: Any, ann: Signature) -> None:
    careful = replace(traded, settings=settings(paper_mode="propose"))
    daily(careful)
    assert capitals(careful) == [10_000, 10_000]
    receipt = rebalance(careful.engine, careful.settings, ann, clock=careful.clock)
    assert capitals(careful) != [10_000, 10_000]
    assert [plan["outcome"] for plan in careful.rows(allocation_plans)] == ["proposed", "applied"]
    assert (receipt.action, receipt.audit_id) == ("allocation.applied", careful.audit()[-1].id)
    assert careful.audit()[-1].actor == "ann"


def test_undo_restores_to_the_cent_and_once(traded: Any, ann: Signature) -> None:
    daily(traded)
    receipt = undo_rebalance(traded.engine, ann, clock=traded.clock)
    assert capitals(traded) == [10_000, 10_000]
    assert receipt.summary == "paper: plan 1 is taken back for 2 deployments"
    with pytest.raises(LifecycleError, match="no plan has changed capital; expected one to undo"):
        undo_rebalance(traded.engine, ann, clock=traded.clock)
    assert daily(traded) == []  # the day's plan was made; the next one is tomorrow's


def test_undo_leaves_what_somebody_has_changed_since(traded: Any, ann: Signature, bob: Signature) -> None:
    daily(traded)
    first, _ = ids(traded)
    said = {"actor": "bob", "reason": "more", "source": "operator", "now": traded.now}
    with transaction(traded.engine) as connection:
        set_capital(connection, first, Decimal(7_000), **said)
    receipt = undo_rebalance(traded.engine, ann, clock=traded.clock)
    assert capitals(traded) == [7_000, 10_000]
    assert receipt.summary.endswith("for 1 deployments; 1 have changed since and keep what they have")


def test_undo_goes_back_past_plans_that_changed_nothing(traded: Any, later: Any, ann: Signature) -> None:
    daily(traded)
    tomorrow = replace(later(1), settings=traded.settings)
    daily(tomorrow)
    assert [row["capital"] - row["capital_before"] for row in traded.rows(allocation_rows)[2:]] == [0, 0]
    receipt = undo_rebalance(tomorrow.engine, ann, clock=tomorrow.clock)
    assert receipt.summary == "paper: plan 1 is taken back for 2 deployments"
    assert capitals(tomorrow) == [10_000, 10_000]


def test_two_that_plan_the_same_day_make_one_plan(traded: Any) -> None:
    waiting = text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
    with ThreadPoolExecutor(2) as both:
        with transaction(traded.engine) as connection:
            lock_allocation(connection)
            told = [both.submit(daily, traded) for _ in range(2)]
            until = time.monotonic() + 20
            while connection.execute(waiting).scalar_one() < 2 and time.monotonic() < until:
                time.sleep(0.02)
        assert sorted(len(one.result()) for one in told) == [0, 1]
    assert len(traded.rows(allocation_plans)) == 1


def test_without_an_edge_a_paper_deployment_keeps_what_measures_it(traded: Any) -> None:
    loser = traded.deployment(SOL)
    traded.promise(loser, record(9, n_days=100, sharpe=-3.0, volatility=0.5))
    daily(traded)
    row = traded.rows(allocation_rows)[-1]
    assert (row["deployment_id"], row["target"], row["capital"]) == (loser, 0.0, 1_000)
    assert row["reason"].endswith("; keeps 1,000 on paper, to be measured")


def test_days_of_the_book_stand_before_those_out_of_sample(traded: Any) -> None:
    first, _ = ids(traded)
    traded.equity(first, record(5, n_days=20, sharpe=-60.0, volatility=0.3))
    daily(traded)
    row = traded.rows(allocation_rows)[0]
    # The same hundred days: of the newest twenty, those of the book.
    assert row["detail"]["estimate"]["years"] == pytest.approx(100 / 365)
    assert row["detail"]["estimate"]["sharpe"] < 8.0


def test_profit_of_a_book_is_its_own(traded: Any) -> None:
    first, _ = ids(traded)
    traded.equity(first, np.full(10, 0.01))
    profit = 10_000 * (1.01**10 - 1)
    daily(traded)
    (plan,), (row, _) = traded.rows(allocation_plans), traded.rows(allocation_rows)
    assert float(plan["equity"]) == pytest.approx(200_000 + profit)
    assert float(row["capital"]) + profit == pytest.approx(row["target"] * (200_000 + profit), abs=0.02)


def refused(world: Any) -> tuple[str, list[Decimal]]:
    """Rule of the newest plan, and the capital that stands."""
    plan = world.rows(allocation_plans)[-1]
    assert plan["outcome"] == "refused"
    assert world.rows(capital_changes) == []
    assert world.audit()[-1].action == "allocation.refused"
    return plan["rule"], capitals(world)


def test_halted_account_is_refused_and_nothing_but_that_is_written(traded: Any, ann: Signature) -> None:
    halt(traded.engine, ann, scope="account", clock=traded.clock)
    with pytest.raises(
        LifecycleError, match=r"nothing is rebalanced: paper: account is halted: .*\(account_halted\)"
    ):
        rebalance(traded.engine, traded.settings, ann, clock=traded.clock)
    assert refused(traded) == ("account_halted", [10_000, 10_000])
    daily(traded)
    assert len(traded.rows(allocation_plans)) == 1  # said once a day, and tried again
    assert traded.rows(allocation_rows) == []


def test_records_that_are_worth_nothing_are_refused(world: Any, ann: Signature) -> None:
    number = world.deployment()
    world.promise(number, record(1, n_days=100, sharpe=-2.0))
    assert daily(world)[0].endswith("(weights_sum_to_nothing)")
    assert refused(world) == ("weights_sum_to_nothing", [10_000])


def test_account_below_one_lot_is_refused(traded: Any) -> None:
    traded.market()
    with transaction(traded.engine) as connection:
        connection.execute(update(accounts).values(capital=10))
    assert daily(traded)[0].endswith("(account_below_one_lot)")
    assert refused(traded)[0] == "account_below_one_lot"


def test_account_without_equity_is_refused(traded: Any) -> None:
    with transaction(traded.engine) as connection:
        connection.execute(update(accounts).values(capital=0))
    daily(traded)
    assert refused(traded)[0] == "no_equity"


def test_blocked_and_halted_deployments_do_not_rise(traded: Any, ann: Signature) -> None:
    _, second = ids(traded)
    traded.block(BTC)
    halt(traded.engine, ann, scope=f"deployment:{second}", clock=traded.clock)
    daily(traded)
    one, other = traded.rows(allocation_rows)
    assert (one["bound"], one["capital"]) == ("held_back", 10_000)
    assert one["reason"].startswith("may not rise: blocked_data: 3 x gaps")
    assert other["reason"].startswith("may not rise: halted: ")


def live(world: Any, *, wallet: int = 50_000) -> int:
    """Put the deployments on an account at a venue that holds so much; its id."""
    row = {"name": "binanceusdm", "venue": "binanceusdm", "currency": "USDT", "capital": 1_000}
    with transaction(world.engine) as connection:
        made = insert(accounts).values(**row, created_at=world.now).returning(accounts.c.id)
        account = connection.execute(made).scalar_one()
        connection.execute(update(deployments).values(account_id=account, stage="live"))
        funds = {"wallet": wallet, "unrealized": 0, "maintenance": 0, "available": wallet, "units": wallet}
        connection.execute(insert(balances).values(account_id=account, at=world.now, **funds))
    return int(account)


def test_live_plan_is_proposed_and_carried_out_by_a_person(traded: Any, ann: Signature) -> None:
    live(traded)
    daily(traded)
    assert capitals(traded) == [10_000, 10_000]
    (plan,) = traded.rows(allocation_plans)
    assert (plan["outcome"], plan["equity"]) == ("proposed", 50_000)
    rebalance(traded.engine, traded.settings, ann, clock=traded.clock)
    assert capitals(traded) == [row["capital"] for row in traded.rows(allocation_rows)[-2:]]


def test_canary_keeps_its_share(traded: Any, ann: Signature) -> None:
    live(traded)
    first, _ = ids(traded)
    with transaction(traded.engine) as connection:
        connection.execute(update(deployments).where(deployments.c.id == first).values(stage="canary"))
    rebalance(traded.engine, traded.settings, ann, clock=traded.clock)
    assert [row["deployment_id"] for row in traded.rows(allocation_rows)] == ids(traded)[1:]


def test_what_a_canary_holds_counts_in_the_gross(traded: Any, ann: Signature) -> None:
    live(traded, wallet=10_000)
    first, second = ids(traded)
    with transaction(traded.engine) as connection:
        connection.execute(update(deployments).where(deployments.c.id == first).values(stage="canary"))
        said = {"actor": "ann", "reason": "its share", "source": "operator", "now": traded.now}
        set_capital(connection, first, Decimal(9_990), **said)
    rebalance(traded.engine, traded.settings, ann, clock=traded.clock)
    (row,) = traded.rows(allocation_rows)
    assert (row["deployment_id"], row["bound"]) == (second, "max_gross")
    assert row["target"] == pytest.approx(0.001)


def test_live_book_without_an_edge_keeps_one_unit_so_that_its_returns_can_be_told(
    traded: Any, ann: Signature
) -> None:
    loser = traded.deployment(SOL)
    traded.promise(loser, record(9, n_days=100, sharpe=-3.0, volatility=0.5))
    live(traded)
    rebalance(traded.engine, traded.settings, ann, clock=traded.clock)
    row = traded.rows(allocation_rows)[-1]
    assert (row["deployment_id"], row["target"], row["capital"]) == (loser, 0.0, 1)


def test_deposit_changes_the_plan_of_the_day(traded: Any) -> None:
    account = live(traded)
    sooner = replace(traded, settings=settings(live_mode="apply"))
    daily(sooner)
    before = capitals(sooner)
    after = replace(sooner, now_ms=sooner.now_ms + 3_600_000)
    assert daily(after) == []
    at = sooner.now + timedelta(minutes=30)
    paid = {"account_id": account, "number": "1", "ts": at, "amount": 50_000}
    funds = {"wallet": 100_000, "unrealized": 0, "maintenance": 0, "available": 1, "units": 100_000}
    with transaction(sooner.engine) as connection:
        connection.execute(insert(transfers).values(paid))
        connection.execute(insert(balances).values(account_id=account, at=at, **funds))
    daily(after)
    assert capitals(after) == [pytest.approx(2 * one, abs=Decimal("0.02")) for one in before]


def test_rows_of_plans_stay_as_they_are(traded: Any) -> None:
    daily(traded)
    for statement in (
        "update trading.allocation_plans set reason = ''",
        "delete from trading.allocation_rows",
        "truncate trading.allocation_rows",
    ):
        with (
            pytest.raises(DBAPIError, match="plans of the allocation stay as they are"),
            traded.engine.begin() as c,
        ):
            c.execute(text(statement))


def test_books_never_get_more_than_their_weights_by_rounding(traded: Any) -> None:
    for capital in (200_001, 200_002):
        with transaction(traded.engine) as connection:
            connection.execute(update(accounts).values(capital=capital))
        (draft,) = drafts(traded.engine, traded.settings, traded.clock)
        for row in draft.rows:
            assert 0 <= row["weight"] * capital - float(row["capital"]) < 0.01


def test_dry_run_shows_and_writes_nothing(traded: Any) -> None:
    (draft,) = drafts(traded.engine, traded.settings, traded.clock)
    assert [row["bound"] for row in draft.rows] == ["kelly", "kelly"]
    assert traded.rows(allocation_plans) == []
    assert capitals(traded) == [10_000, 10_000]


def test_verbs_of_the_command_line(traded: Any, quant: Any) -> None:
    code, document, _ = quant("rebalance", "--dry-run")
    assert (code, document["plans"][0]["account"], len(document["plans"][0]["rows"])) == (0, "paper", 2)
    code, _, told = quant("rebalance")
    assert (code, "names no reason; expected --reason" in told) == (2, True)
    code, receipt, _ = quant("rebalance", "--operator", "ann", "--reason", "the week's look")
    assert (code, receipt["action"]) == (0, "allocation.applied")
    code, receipt, _ = quant("rebalance", "undo", "--operator", "ann", "--reason", "not yet")
    assert (code, receipt["action"]) == (0, "allocation.undone")
    assert capitals(traded) == [10_000, 10_000]
    code, _, told = quant("rebalance", "undo", "--operator", "ann", "--reason", "again")
    assert (code, told.strip()) == (1, "quant: no plan has changed capital; expected one to undo")


def test_newest_plan_of_each_account_is_shown_with_its_rows(traded: Any) -> None:
    daily(traded)
    with transaction(traded.engine) as connection:
        (plan,) = newest_plans(connection)
    assert plan["account"] == "paper"
    assert [row["symbol"] for row in plan["rows"]] in ([BTC, ETH], [ETH, BTC])
