"""`quant venue certify`: every step at the simulated venue, the record, and what it unlocks."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from live_runner.venue.accounts import OrderVenues, bar
from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.settings import ExchangeSettings, Settings
from quant_pipelines.exchange.ccxt_account import CcxtAccount
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.operations.certify import TRIALS, certify, store_certificate
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store.certificates import DEMO, Certificate, Permits, is_certified
from quant_pipelines.store.deployments import read_deployments
from quant_pipelines.trading.certificate import KeyPermissions, Proof
from quant_pipelines.trading.venue import MarketOrder
from tests.integration.runner.stage import Stage, play
from tests.integration.runner.venue_world import Ledger, deploy_canary, simulator
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

BTC = "BTC/USDT:USDT"
ANN = Signature("ann", "before it trades")
GOOD = KeyPermissions(trades=True, withdraws=False, transfers=False, has_ip_list=True, expires_at=None)


def test_every_step_holds_at_the_simulated_venue_and_the_record_is_kept(
    engine: Engine,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    with simulator(tmp_path / "venue") as venue:
        monkeypatch.setenv("QUANT_EXCHANGE__BASE_URL", venue.address)
        code = main(["venue", "certify", "--operator", "ann", "--reason", "before it trades", "--json"])
        told = json.loads(capsys.readouterr().out)
        held = Ledger(tmp_path / "venue").select("select quantity from positions")
    assert [(step["name"], step["passed"]) for step in told["steps"]] == [(name, True) for name, _ in TRIALS]
    assert code == 0
    assert "it unlocks no real orders" in told["summary"]
    assert {Decimal(quantity) for (quantity,) in held} == {Decimal(0)}
    query = "select place, passed, operator, jsonb_array_length(steps) from trading.certificates"
    assert rows(engine, query) == [(venue.address, True, "ann", len(TRIALS))]
    assert not is_certified(engine, "binanceusdm", told["version"])  # a simulated venue proves nothing of it


def test_a_step_that_fails_ends_the_run_and_what_it_left_is_closed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)

    async def scenario(stage: Stage) -> None:
        async with Deaf(ExchangeSettings(base_url=stage.address), "", "") as account:
            steps = await certify(account, BTC)
        assert steps[-1] == Proof("stream", passed=False, evidence="nothing came within 10 s")

    play(tmp_path, scenario)
    assert {Decimal(quantity) for (quantity,) in ledger.select("select quantity from positions")} == {
        Decimal(0)
    }


class Deaf(CcxtAccount):
    """An account whose stream says nothing."""

    async def events(self, symbol: str) -> Any:
        await asyncio.Event().wait()
        yield symbol


def test_an_account_that_holds_something_is_not_used(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        async with CcxtAccount(ExchangeSettings(base_url=stage.address), "", "") as account:
            stamp_ms = await account.now_ms()
            await account.send(MarketOrder("q1-held", BTC, "buy", Decimal("0.2"), stamp_ms))
            steps = await certify(account, BTC)
            assert (await account.position(BTC)).quantity == Decimal("0.2")
        assert (steps[-1].name, steps[-1].passed) == ("empty account", False)
        assert "expected an empty one" in steps[-1].evidence

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("place", "version", "passed", "is_unlocked"),
    [
        (DEMO, "this", True, True),
        (DEMO, "another", True, False),
        (DEMO, "this", False, False),
        ("http://127.0.0.1:1", "this", True, False),
    ],
)
def test_only_this_code_at_the_demo_venue_unlocks(
    place: str, version: str, *, passed: bool, is_unlocked: bool, engine: Engine
) -> None:
    steps = (Proof("time", passed=passed, evidence="3 ms"),)
    receipt = store_certificate(
        engine, ANN, Certificate("binanceusdm", place, version, steps, "ann", utc_now())
    )
    assert is_certified(engine, "binanceusdm", "this") is is_unlocked
    assert receipt.action == "venue.certified"


@pytest.mark.parametrize(
    ("permissions", "fault", "told"),
    [
        (GOOD, "", ""),
        (GOOD._replace(withdraws=True), "may withdraw", ""),  # told by what it bars
        (GOOD._replace(has_ip_list=False), "", "may be used from any address"),
        (None, "can't be read", ""),
    ],
)
def test_a_key_that_can_move_money_or_is_not_known_opens_nothing_and_still_lets_positions_be_covered(
    permissions: KeyPermissions | None,
    fault: str,
    told: str,
    engine: Engine,
    deploy: Callable[..., int],
    tmp_path: Path,
) -> None:
    deploy_canary(deploy)
    [deployment] = read_deployments(engine, ("canary",))
    heard: list[str] = []

    class Keyed(CcxtOrders):
        async def permissions(self) -> KeyPermissions:
            if permissions is None:
                raise ExchangeUnavailable("sapi is away")
            return (await super().permissions()) if permissions is GOOD else permissions

    async def warn(sentence: str) -> None:
        heard.append(sentence)

    async def scenario(stage: Stage) -> None:
        settings = replace(Settings(), exchange=ExchangeSettings(base_url=stage.address))
        async with OrderVenues(settings, lambda given: Keyed(given.exchange, "", ""), warn) as venues:
            venue = await venues.of(deployment, Permits())
            assert venue is not None
            assert (await venue.position(BTC)).quantity == 0  # it is talked with
            assert fault in venues.fault(deployment.account_id)
            assert bool(fault) == bool(venues.fault(deployment.account_id))

    play(tmp_path, scenario)
    assert len(heard) == bool(told)
    assert all(told in sentence for sentence in heard)


def test_another_version_of_the_code_decides_nothing_until_it_is_certified() -> None:
    real, simulated = (
        Settings(),
        replace(Settings(), exchange=ExchangeSettings(base_url="http://127.0.0.1:1")),
    )
    assert "expected 'quant venue certify'" in bar("binanceusdm", real, Permits(is_approved=True))
    assert bar("binanceusdm", real, Permits(is_approved=True, is_certified=True)) == ""
    assert bar("binanceusdm", simulated, Permits()) == ""
