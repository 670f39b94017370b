"""Modes and settings of an account that somebody changes: refused by name, and what is held stays covered."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.ccxt_account import CcxtAccount
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.operations.certify import certify
from quant_pipelines.trading.modes import AccountModes
from tests.integration.runner.stage import Stage, play
from tests.integration.runner.venue_world import (
    FLIP,
    Ledger,
    deploy_canary,
    is_protected,
    reduced_by,
    runner,
    status_of,
    until,
)
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

Deploy = Callable[..., int]
BTC = "BTC/USDT:USDT"
STANDING = "select source, message from ops.alerts where source like 'barred:%' and resolved_at is null"
HELD = "select quantity from trading.positions"
ENTRIES = "select count(*) from orders where reduce_only = 0"


class Person(CcxtOrders):
    """Somebody who changes settings of the account beside the runner."""

    async def set_multi_assets(self, *, is_on: bool) -> None:
        value = {"multiAssetsMargin": str(is_on).lower()}
        await self._client.fapiPrivatePostMultiAssetsMargin(value)


def person(stage: Stage) -> Person:
    return Person(ExchangeSettings(base_url=stage.address), "", "", clock=stage.clock)


def switch(stage: Stage, **flags: bool) -> None:
    """Switch modes of the account without any event."""
    ledger = stage.venue.ledger
    with ledger.transaction():
        ledger.put(replace(ledger.account, **flags))


@pytest.mark.parametrize(
    ("flags", "modes"),
    [
        ({}, AccountModes()),
        ({"is_hedged": True}, AccountModes(has_hedge=True)),
        ({"has_multi_assets": True}, AccountModes(has_multi_assets=True)),
        ({"has_portfolio_margin": True}, AccountModes(has_portfolio_margin=True)),
    ],
)
def test_modes_are_read_as_the_account_has_them(
    flags: dict[str, bool], modes: AccountModes, tmp_path: Path
) -> None:
    async def scenario(stage: Stage) -> None:
        switch(stage, **flags)
        async with person(stage) as venue:
            assert await venue.modes() == modes

    play(tmp_path, scenario)


def test_certify_refuses_an_account_in_hedge_mode_by_name(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        switch(stage, is_hedged=True)
        async with CcxtAccount(ExchangeSettings(base_url=stage.address), "", "") as account:
            steps = await certify(account, BTC)
        assert (steps[-1].name, steps[-1].passed) == ("settings", False)
        assert "the account has hedge mode; expected one-way mode" in steps[-1].evidence
        assert stage.venue.ledger.account.is_hedged, "a person's mode is not changed"

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        ("is_hedged", "hedge mode"),
        ("has_multi_assets", "multi-assets mode"),
        ("has_portfolio_margin", "portfolio margin"),
    ],
)
def test_a_mode_at_the_start_is_refused_by_name_and_nothing_opens(
    flag: str, name: str, engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    deploy_canary(deploy)

    async def scenario(stage: Stage) -> None:
        switch(stage, **{flag: True})
        async with runner(engine, database_url, stage):
            await until(lambda: f"the account has {name}" in reduced_by(engine))
            await until(lambda: rows(engine, STANDING))  # written by the next look, within a second

    play(tmp_path, scenario)
    [(source, message)] = rows(engine, STANDING)
    assert source.startswith("barred:deployment:")
    assert f"the account has {name}; expected" in message
    assert Ledger(tmp_path).select(ENTRIES) == [(0,)]


def test_a_mode_that_changes_opens_nothing_more_lets_the_strategy_leave_and_ends_with_it(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    deploy_canary(deploy, FLIP)
    ledger = Ledger(tmp_path)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage), person(stage) as somebody:
            await until(lambda: is_protected(engine))
            await somebody.set_multi_assets(is_on=True)
            await until(lambda: rows(engine, STANDING), 5.0)
            stage.clock.skip_minute()  # its strategy wants the other side now
            await until(lambda: rows(engine, HELD) == [(0,)], 60.0)
            await asyncio.sleep(3)
            assert "multi-assets mode" in reduced_by(engine)
            assert rows(engine, HELD) == [(0,)], "what its strategy leaves is closed, and no more"
            before = ledger.select(ENTRIES)
            await somebody.set_multi_assets(is_on=False)
            await until(lambda: not rows(engine, STANDING), 5.0)
            stage.clock.skip_minute()
            stage.clock.skip_minute()
            await until(lambda: ledger.select(ENTRIES) > before, 60.0)

    play(tmp_path, scenario)


def test_an_order_that_hedge_mode_refuses_has_the_account_read_again(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    deploy_canary(deploy, FLIP)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage):
            await until(lambda: is_protected(engine))
            switch(stage, is_hedged=True)
            stage.clock.skip_minute()
            await until(lambda: rows(engine, STANDING), 60.0)

    play(tmp_path, scenario)
    assert ("REJECTED",) in status_of(engine, "target")
    assert "the account has hedge mode" in rows(engine, STANDING)[0][1]


def test_leverage_that_somebody_changes_is_put_back_with_an_alert(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    deploy_canary(deploy)
    put_back = "select message from ops.alerts where message like '%put back%'"

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage), person(stage) as somebody:
            await until(lambda: is_protected(engine))
            await somebody.prepare(BTC, 20)
            await until(lambda: rows(engine, put_back), 10.0)
            assert await somebody.prepare(BTC, 5) == ""

    play(tmp_path, scenario)
    assert rows(engine, put_back) == [
        (f"{BTC} has margin CROSSED, leverage 20, set beside the runner; put back to CROSSED, 5",)
    ]


def test_leverage_that_can_not_be_put_back_opens_nothing_until_it_can_be(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    deploy_canary(deploy)
    standing = "select message from ops.alerts where source like 'barred:%' and resolved_at is null"

    class Stubborn(CcxtOrders):
        """A venue that keeps a leverage of 20."""

        async def prepare(self, symbol: str, leverage: int) -> str:
            return await super().prepare(symbol, 200)

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage, Stubborn):
            await until(lambda: rows(engine, standing))
            await until(lambda: "leverage 125 at most; expected 200" in reduced_by(engine))
            await asyncio.sleep(2)

    play(tmp_path, scenario)
    assert Ledger(tmp_path).select(ENTRIES) == [(0,)]


class Stranger(CcxtOrders):
    """Talks with a key that the venue does not know."""

    def __init__(self, settings: ExchangeSettings, _key: str, _secret: str, **options: Any) -> None:
        super().__init__(settings, "stranger", "secret", **options)


def test_a_wrong_key_stops_its_account_with_one_sentence_and_paper_goes_on(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    wrong = deploy_canary(deploy)
    now = utc_now()
    place = {"created_at": now - timedelta(minutes=3), "history_start": now - timedelta(hours=3)}
    paper = deploy(FLIP, stage="paper", tick_size="0.1", **place)
    halts = "select source, message from ops.alerts where severity = 'halt' and resolved_at is null"
    booked = "select deployment_id from trading.checkpoints"

    async def scenario(stage: Stage) -> None:
        async with runner(engine, database_url, stage, Stranger):
            await until(lambda: rows(engine, halts))
            await until(lambda: (paper,) in rows(engine, booked))

    play(tmp_path, scenario)
    [(source, message)] = rows(engine, halts)
    assert source == f"deployment:{wrong}"
    assert "-2015" in message
    assert "\n" not in message
    assert Ledger(tmp_path).select(ENTRIES) == [(0,)]
