"""Limits of an account are measured on all of its books, and its hard stop closes all of them."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.integration.runner.world import (
    DEPLOYED,
    HISTORY_START,
    OTHER_SYMBOL,
    SWITCH,
    execute,
    rows,
    world,
)

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

PLACE: dict[str, Any] = {"created_at": DEPLOYED, "history_start": HISTORY_START}
Deploy = Callable[..., int]


def on_one_account(engine: Engine, deploy: Deploy) -> None:
    deploy(SWITCH, **PLACE)
    deploy(SWITCH, symbol=OTHER_SYMBOL, **PLACE)
    execute(engine, "update trading.deployments set account_id = (select min(id) from trading.accounts)")


def limit(engine: Engine, name: str, value: str) -> None:
    statement = (
        "insert into trading.risk_limits (scope, name, value, updated_at, updated_by) "
        "values ('account', :name, :value, now(), 'ann')"
    )
    execute(engine, statement, name=name, value=Decimal(value))


def test_what_one_book_holds_is_missing_to_the_other(
    engine: Engine, database_url: str, deploy: Deploy
) -> None:
    on_one_account(engine, deploy)
    limit(engine, "max_gross_notional", "15000")  # each book has 10,000
    asyncio.run(world(engine, database_url, n_bars=200).play())
    denied = rows(
        engine,
        "select decision->>'risk', decision->>'denied_by' from trading.signals "
        "where decision->>'denied_by' is not null",
    )
    assert {rule for _, rule in denied} == {"gross_exposure"}
    assert all(risk.startswith("gross_exposure: ") and risk.endswith("is beyond 15000") for risk, _ in denied)
    total = "select sum(abs(position) * price) as total from trading.equity group by ts"
    gross = f"select max(total) from ({total}) as totals"  # noqa: S608 - our own words
    assert rows(engine, gross)[0][0] < 15_500  # a position that grows by itself is no order


@pytest.mark.parametrize("holds", [True, False])
def test_a_book_that_holds_something_and_can_not_be_opened_lets_the_others_open_nothing(
    engine: Engine, database_url: str, deploy: Deploy, holds: bool
) -> None:
    on_one_account(engine, deploy)
    later = HISTORY_START + timedelta(minutes=161)
    if holds:
        asyncio.run(world(engine, database_url, n_bars=160).play())
        assert rows(engine, "select quantity <> 0 from trading.positions where deployment_id = 1") == [
            (True,)
        ]
        execute(engine, "update trading.checkpoints set state = '{}' where deployment_id = 1")
    else:
        execute(engine, "update trading.deployments set parameters = '{\"no\": 1}' where id = 1")
    asyncio.run(world(engine, database_url, start=later if holds else DEPLOYED, n_bars=220).play())
    assert rows(engine, "select source from ops.alerts where severity = 'halt'") == [("deployment:1",)]
    told = rows(
        engine,
        "select decision->>'risk' from trading.signals where deployment_id <> 1 and bar_close > :later "
        "and decision->>'denied_by' is not null",
        later=later,
    )
    unknown = "book of deployment:1 is not known; expected a number before an order is sent"
    assert {words.split(": ", 1)[1] for (words,) in told} == ({unknown} if holds else set())


def test_hard_stop_of_an_account_closes_every_book_and_halts_it(
    engine: Engine, database_url: str, deploy: Deploy
) -> None:
    on_one_account(engine, deploy)
    limit(engine, "max_account_loss_fraction", "0.000001")
    asyncio.run(world(engine, database_url, n_bars=300).play())
    [(source, message, event)] = rows(
        engine, "select source, message, detail->>'event' from ops.alerts where severity = 'halt'"
    )
    [(account_id,)] = rows(engine, "select min(id) from trading.accounts")
    assert (source, event) == (f"account:{account_id}", "account_loss")
    assert message.startswith("the account has lost ")
    assert rows(engine, "select distinct quantity from trading.positions") == [(Decimal(0),)]
