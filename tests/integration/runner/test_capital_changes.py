"""Capital of a deployment changes while it trades: neither profit nor loss, and a replay pays the same."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from quant_pipelines.accounting.nav import Flow
from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.account.event import run_event_account
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.market.market import SymbolFeed
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.lifecycle.scorecard import daily_returns
from quant_pipelines.research.parity_inputs import BookFills, opening_of
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.store.book_days import income_before
from quant_pipelines.store.capital_changes import read_capital, set_capital
from quant_pipelines.store.deployments import read_deployments
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.lifecycle import read_books
from quant_pipelines.trading import Specification
from tests.integration.runner.conftest import RULES
from tests.integration.runner.world import (
    DEPLOYED,
    HISTORY_START,
    SWITCH,
    SYMBOL,
    execute,
    recording,
    rows,
    world,
)

pytestmark = pytest.mark.postgres

PLACE = {"history_start": HISTORY_START, "created_at": DEPLOYED}


def change(engine: Engine, deployment_id: int, capital: str, minutes: float) -> int:
    now = DEPLOYED + timedelta(minutes=minutes)
    with transaction(engine) as connection:
        return set_capital(
            *(connection, deployment_id, Decimal(capital)),
            actor="ann",
            reason="tried",
            source="operator",
            now=now,
        )


def test_a_book_is_paid_at_the_first_close_after_the_change_as_a_backtest_with_flows_is(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deployment_id = deploy(SWITCH, **PLACE)
    change(engine, deployment_id, "16000", 59.5)
    asyncio.run(world(engine, database_url).play())
    paid = rows(engine, "select ts, amount from trading.income where kind = 'transfer'")
    market = recording()
    bars = market.bars[SYMBOL]
    result = run_event_account(
        [Allocation(compile_strategy("switch", SWITCH).strategy_class(), bars)],
        feeds={SYMBOL: SymbolFeed(funding=market.funding[SYMBOL])},
        settings=BacktestSettings(
            rules=replace(RULES, specification=Specification(0.001, 5.0)),
            trade_from_ms=to_ms(DEPLOYED),
            close_at_end=False,
        ),
        flows=[Flow(to_ms(ts), float(amount)) for ts, amount in paid],
    )
    replayed = result.books[0].result
    ((equity,),) = rows(engine, "select equity from trading.equity order by ts desc limit 1")
    assert paid == [(DEPLOYED + timedelta(minutes=60), Decimal(6000))]
    assert len(replayed.trades) > 4
    assert equity == replayed.final_equity + result.net_flows


def test_capital_that_comes_or_goes_is_no_return(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    """Two books that decide the same, of which one is paid: their daily returns are the same but for lots."""
    left, paid = deploy(SWITCH, **PLACE), deploy(SWITCH, **PLACE)
    change(engine, paid, "25000", 90)
    asyncio.run(world(engine, database_url).play())
    returns = {
        one.deployment_id: daily_returns(one.day_end_equity, one.capital) for one in read_books(engine)
    }
    assert rows(engine, "select deployment_id, amount from trading.income where kind = 'transfer'") == [
        (paid, Decimal(15_000))
    ]
    assert np.abs(returns[left]).max() > 1e-4
    assert returns[paid] == pytest.approx(returns[left], abs=2e-5)


def test_what_a_venues_book_was_paid_at_its_last_close_belongs_to_the_day_that_it_opens(
    engine: Engine, deploy: Callable[..., int]
) -> None:
    """Its state is kept behind that payment; a funding slot at that moment belongs to the next bar."""
    key = deploy(SWITCH, **PLACE, venue="binanceusdm", stage="canary")
    for kind, amount in (("transfer", -4_000), ("funding", 7)):
        execute(
            engine,
            "insert into trading.income (deployment_id, kind, ts, amount) values (:key, :kind, :at, :amount)",
            key=key,
            kind=kind,
            at=DEPLOYED,
            amount=amount,
        )
    with transaction(engine) as connection:
        income = income_before(connection, key, DEPLOYED)
    (deployment,) = read_deployments(engine, ("canary",))
    kept = SimpleNamespace(bar_close=DEPLOYED, state={"marks": None})
    day: Any = SimpleNamespace(opening=kept, decided_at=None)
    opening = opening_of(deployment, day, BookFills((), income))
    assert opening is not None
    account = opening.state["state"]["account"]
    assert (account["cash"], account["funding"]) == (6_000.0, 0.0)


def test_a_change_says_who_and_why_and_stays(engine: Engine, deploy: Callable[..., int]) -> None:
    deployment_id = deploy(SWITCH)
    audit_id = change(engine, deployment_id, "9000", 0)
    change(engine, deployment_id, "8000.5", 1)
    with transaction(engine) as connection:
        assert read_capital(connection, deployment_id) == Decimal("8000.5")
        assert read_capital(connection, 99) is None
    ((action, detail),) = rows(
        engine, "select action, detail from ops.audit_logs where id = :id", id=audit_id
    )
    assert action == "deployment.capital_changed"
    assert detail == {"capital": "9000", "capital_before": "10000", "reason": "tried", "source": "operator"}
    for statement in (
        "update trading.capital_changes set capital = 1",
        "delete from trading.capital_changes",
    ):
        with pytest.raises(IntegrityError, match="changes of capital stay as they are"):
            execute(engine, statement)


@pytest.mark.parametrize("capital", ["-1", "NaN", "Infinity"])
def test_capital_that_can_not_be_is_refused(engine: Engine, deploy: Callable[..., int], capital: str) -> None:
    deployment_id = deploy(SWITCH)
    with pytest.raises((LifecycleError), match=f"capital of deployment:{deployment_id} is {capital}"):
        change(engine, deployment_id, capital, 0)
    assert rows(engine, "select count(*) from trading.capital_changes") == [(0,)]
