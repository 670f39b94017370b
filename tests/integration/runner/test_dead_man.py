"""The venue's timer for entries that rest: renewed, stopped, and never set without a proof."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from live_runner.venue.dead_man import DeadMan
from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.ccxt_account import CcxtAccount
from quant_pipelines.operations.certify import certify, store_certificate
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store.certificates import DEMO, Certificate, has_safe_timer, is_certified
from quant_pipelines.trading.certificate import DEAD_MAN, Proof
from quant_pipelines.trading.venue import LimitOrder, MarketOrder, StopOrder
from tests.integration.runner.stage import Stage, play
from tests.integration.runner.venue_world import SYMBOL

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]


def account_of(stage: Stage, kind: type[CcxtAccount] = CcxtAccount) -> CcxtAccount:
    return kind(ExchangeSettings(base_url=stage.address), "", "", clock=stage.clock)


def test_entries_go_when_nobody_renews_the_timer_and_the_stop_stands(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        async with account_of(stage) as venue:
            price = stage.price.quantize(Decimal(1)) * Decimal("0.9")
            await venue.send(MarketOrder("q1-e", SYMBOL, "buy", Decimal("0.1"), await venue.now_ms()))
            await venue.place_stop(StopOrder("q1-s", SYMBOL, "sell", price, await venue.now_ms()))
            now_ms = await venue.now_ms()
            await venue.place_limit(LimitOrder("q1-r", SYMBOL, "buy", Decimal("0.1"), price, now_ms))
            timer = DeadMan(venue, SYMBOL, is_allowed=True)
            await timer.keep(1)
            await timer.keep(1)  # not due again
            [countdown] = stage.venue.ledger.countdowns.values()
            assert countdown.deadline_ms - stage.clock() == pytest.approx(180_000, abs=10_000)
            stage.clock.ahead_ms += 200_000
            assert await venue.open_orders(SYMBOL) == []
            assert [stop.client_order_id for stop in await venue.open_stops(SYMBOL)] == ["q1-s"]

    play(tmp_path, scenario)


def test_timer_ends_with_the_last_entry_that_rests(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        async with account_of(stage) as venue:
            timer = DeadMan(venue, SYMBOL, is_allowed=True)
            await timer.keep(0)
            assert not stage.venue.ledger.countdowns
            await timer.keep(2)
            assert stage.venue.ledger.countdowns
            await timer.keep(0)
            assert not stage.venue.ledger.countdowns

    play(tmp_path, scenario)


def test_without_a_proof_the_timer_is_never_set(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        async with account_of(stage) as venue:
            await DeadMan(venue, SYMBOL, is_allowed=False).keep(1)
            assert not stage.venue.ledger.countdowns

    play(tmp_path, scenario)


def test_a_timer_that_could_not_be_set_is_set_at_the_next_look(tmp_path: Path) -> None:
    class Away(CcxtAccount):
        is_away = True

        async def cancel_entries_after(self, symbol: str, milliseconds: int) -> None:
            if self.is_away:
                raise ExchangeUnavailable("away")
            await super().cancel_entries_after(symbol, milliseconds)

    async def scenario(stage: Stage) -> None:
        async with account_of(stage, Away) as venue:
            timer = DeadMan(venue, SYMBOL, is_allowed=True)
            await timer.keep(1)
            Away.is_away = False
            await timer.keep(1)
            assert stage.venue.ledger.countdowns

    play(tmp_path, scenario)


class Sweeping(CcxtAccount):
    """A venue whose timer takes the stops, too."""

    async def cancel_entries_after(self, symbol: str, milliseconds: int) -> None:
        await super().cancel_entries_after(symbol, milliseconds)
        for stop in await self.open_stops(symbol) if milliseconds else []:
            await self.cancel_stop(symbol, stop.client_order_id)


@pytest.mark.parametrize(("kind", "stands"), [(CcxtAccount, True), (Sweeping, False)])
def test_certify_records_whether_the_stop_survives_and_passes_in_both_cases(
    kind: type[CcxtAccount], *, stands: bool, engine: Engine, tmp_path: Path
) -> None:
    found: list[Proof] = []

    async def scenario(stage: Stage) -> None:
        async with account_of(stage, kind) as account:
            found.extend(await certify(account, SYMBOL))
            assert await account.working() == []
            assert await account.holdings() == []

    play(tmp_path, scenario)
    [timer] = [step for step in found if step.name == DEAD_MAN]
    assert (timer.passed, timer.is_required) == (stands, False)
    assert found[-1].name == "income"
    record = Certificate("binanceusdm", DEMO, "this", tuple(found), "ann", utc_now())
    receipt: Any = store_certificate(engine, Signature("ann", "before it trades"), record)
    assert "real orders of this code are unlocked" in receipt.summary
    assert is_certified(engine, "binanceusdm", "this")
    assert has_safe_timer(engine, "binanceusdm", "this") is stands
    assert not has_safe_timer(engine, "binanceusdm", "another")
