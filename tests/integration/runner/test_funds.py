"""What an account has: read from the venue, stored in units, and each day equal to the venue's wallet."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from live_runner.ports.market_time import ExchangeTime
from live_runner.process.funds import FundsWatch
from live_runner.venue.account_check import Voices
from live_runner.venue.accounts import OrderVenues
from quant_pipelines.core.settings import ExchangeSettings, Settings
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.simulator.venue.booking import Movement, book_income
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.funds import PostgresFunds, newest_funds
from quant_pipelines.trading.funds import Balance, IncomeRow, venue_change
from tests.integration.runner.stage import Stage, play
from tests.integration.runner.venue_world import deploy_canary, is_protected, runner, until
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

UNITS = "select wallet + unrealized, units from trading.balances order by at"
DAYS = "select day, booked, at_venue, rest from trading.wallet_days"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


async def no_warning(sentence: str) -> None:
    raise AssertionError(sentence)


async def never_short(account_id: int, reason: str) -> None:
    raise AssertionError((account_id, reason))


def watch_of(engine: Engine, stage: Stage, short: Any = never_short) -> FundsWatch:
    settings = replace(Settings(), exchange=ExchangeSettings(base_url=stage.address))
    venues = OrderVenues(settings, lambda given: CcxtOrders(given.exchange, "", ""), Voices(no_warning))
    return FundsWatch(PostgresFunds(engine), venues, ExchangeTime(stage.clock), short)


def test_a_deposit_changes_units_and_not_what_one_is_worth(
    engine: Engine, deploy: Callable[..., int], tmp_path: Path
) -> None:
    deploy_canary(deploy)
    [(account_id,)] = rows(engine, "select account_id from trading.deployments")

    async def scenario(stage: Stage) -> None:
        async with CcxtOrders(ExchangeSettings(base_url=stage.address), "", "", clock=stage.clock) as venue:
            watch = watch_of(engine, stage)
            await watch.look(account_id, venue)
            await venue.now_ms()
            stage.clock.skip_minute()
            with stage.venue.ledger.transaction():
                book_income(stage.venue.ledger, Movement("TRANSFER", Decimal(2500), stage.clock()))
            await watch.look(account_id, venue)
            stage.clock.skip_minute()
            await watch.look(account_id, venue)  # its transfer is known by then

    play(tmp_path, scenario)
    before, after, later = [value / units for value, units in rows(engine, UNITS)]
    assert before == after == later == 1
    assert rows(engine, "select amount from trading.transfers where amount = 2500") == [(Decimal(2500),)]
    with transaction(engine) as connection:
        [shown] = newest_funds(connection)
    assert shown["unit_value"] == 1.0
    assert PostgresFunds(engine).peak_value(account_id) == 1
    assert PostgresFunds(engine).peak_value(account_id + 1) == 0


def test_a_day_of_trading_is_equal_to_the_wallet_and_a_foreign_payment_is_named(
    engine: Engine, database_url: str, deploy: Callable[..., int], tmp_path: Path
) -> None:
    deploy_canary(deploy)
    [(account_id,)] = rows(engine, "select account_id from trading.deployments")

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_protected(engine))
            await until(lambda: rows(engine, UNITS))
        today = datetime.fromtimestamp(stage.clock() / 1000, UTC).date()
        async with CcxtOrders(ExchangeSettings(base_url=stage.address), "", "", clock=stage.clock) as venue:
            changes = venue_change(await income_of(venue, today))
            await asyncio.to_thread(PostgresFunds(engine).compare_day, account_id, today, changes, NOON)
            with stage.venue.ledger.transaction():
                book_income(stage.venue.ledger, Movement("WELCOME_BONUS", Decimal(3), stage.clock()))
            tomorrow = today + timedelta(days=1)
            found = await income_of(venue, today)
            bonus = venue_change(row for row in found if row.kind == "WELCOME_BONUS")
            await asyncio.to_thread(PostgresFunds(engine).compare_day, account_id, tomorrow, bonus, NOON)

    play(tmp_path, scenario)
    [(_, booked, at_venue, rest), (day, _, _, foreign)] = rows(engine, DAYS)
    assert booked == at_venue != 0
    assert (rest, foreign) == ({}, {"WELCOME_BONUS": "3.00000000"})
    [(message,)] = rows(engine, "select message from ops.alerts where source like 'account:%'")
    assert message == f"the wallet of {day} differs from the books: WELCOME_BONUS 3"


async def income_of(venue: CcxtOrders, day: date) -> list[IncomeRow]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    start_ms = int(start.timestamp() * 1000)
    return await venue.income(start_ms, start_ms + 86_400_000)


def test_a_transfer_that_was_stored_already_buys_nothing_again(
    engine: Engine, deploy: Callable[..., int]
) -> None:
    deploy_canary(deploy)
    [(account_id,)] = rows(engine, "select account_id from trading.deployments")

    def save(margin: int, flows: list[IncomeRow], minute: int) -> Decimal:
        balance = Balance(Decimal(margin), Decimal(0), Decimal(0), Decimal(0))
        return PostgresFunds(engine).save_balance(
            account_id, balance, flows, NOON + timedelta(minutes=minute)
        )

    old = IncomeRow("TRANSFER:1:", "TRANSFER", 0, Decimal(1000))
    new = IncomeRow("TRANSFER:2:", "TRANSFER", 0, Decimal(550))
    assert save(1000, [old], 0) == 1000  # what came before the first look is part of it
    assert save(1100, [old], 1) == 1000
    assert save(1650, [old, new], 2) == 1500
    assert save(1650, [old, new], 3) == 1500


def test_an_account_short_of_margin_is_told(
    engine: Engine, deploy: Callable[..., int], tmp_path: Path
) -> None:
    deploy_canary(deploy)
    [(account_id,)] = rows(engine, "select account_id from trading.deployments")
    told: list[tuple[int, str]] = []

    async def short(number: int, reason: str) -> None:
        told.append((number, reason))

    class Poor(CcxtOrders):
        async def balance(self) -> Balance:
            return (await super().balance())._replace(maintenance=Decimal(10**9))

    async def scenario(stage: Stage) -> None:
        async with Poor(ExchangeSettings(base_url=stage.address), "", "", clock=stage.clock) as venue:
            await watch_of(engine, stage, short).look(account_id, venue)

    play(tmp_path, scenario)
    assert [number for number, _ in told] == [account_id]
    assert "expected at most 50 %" in told[0][1]
