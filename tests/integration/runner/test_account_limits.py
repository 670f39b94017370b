"""Limits of an account are measured on all of its books, and its hard stop closes all of them."""

import asyncio
from collections.abc import Callable
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
