"""Nothing opens while nobody knows where the venue liquidates what is held; people are told once."""

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from live_runner.venue.covering import Around
from live_runner.venue.covers import Covers
from live_runner.venue.liquidation import LiquidationGuard
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.trading.tries import Pace
from tests.unit.live_runner.test_liquidation_price import Account, held

Barred = list[tuple[str, bool]]


class OneBook:
    """A place whose only book wants a stop at 90."""

    symbol = "BTC"

    def __init__(self) -> None:
        plan = SimpleNamespace(deployment=SimpleNamespace(id=1))
        trader = SimpleNamespace(plan=plan, symbol="BTC", key="deployment:1")
        self.first = SimpleNamespace(key=1, trader=trader, rows=None, exit_pace=Pace())

    async def look(self, act: Any) -> Any:
        book = SimpleNamespace(position=lambda: SimpleNamespace(quantity=Decimal(10)), stop_price=90.0)
        return act({1: book})


def covers(venue: Account, told: list[str], barred: Barred) -> Covers:
    journal = SimpleNamespace(write_alert=lambda alert: told.append(alert.message))
    protection: Any = SimpleNamespace(standing=SimpleNamespace(stops=[]))
    unasked: Any = None
    asked: Any = (journal, unasked, unasked, unasked, OneBook(), protection, unasked)
    around = Around(*asked, RunnerSettings(), LiquidationGuard(0.02))
    return Covers(
        venue, around, read_back_seconds=2.0, hold_back=lambda *one: barred.append(one), wake=lambda: None
    )


def test_what_nobody_can_compute_bars_entries_until_it_is_known() -> None:
    venue, told, barred = Account(), list[str](), Barred()

    async def scenario() -> None:
        heeding = covers(venue, told, barred)
        venue.failure = ExchangeUnavailable("away")
        await heeding.heed(held())
        await heeding.heed(held())
        venue.failure = None
        await heeding.heed(held("2"))

    asyncio.run(scenario())
    assert barred == [("BTC", True), ("BTC", True), ("BTC", False)]
    assert told == ["BTC: the venue tells no liquidation price, and it can't be computed: away"]


def test_a_computed_price_moves_the_stop_before_it() -> None:
    told, barred = list[str](), Barred()
    asyncio.run(covers(Account(), told, barred).heed(held()))
    assert barred == [("BTC", True)]
    assert told == [
        "BTC: the stop at 90 is -2 % before the liquidation at 91.8367; expected 2 %; it is moved to 94.5918"
    ]
