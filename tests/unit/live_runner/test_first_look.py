"""What was traded beside a deployment before its first look is the venue's past, and told once."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from live_runner.venue.sweeps import Sweeps
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.trading.venue import VenueTrade
from tests.unit.live_runner.memory_venue import MemoryVenue
from tests.unit.live_runner.test_late_orders import trade_of
from tests.unit.live_runner.test_races import DEPLOYMENT
from tests.unit.live_runner.test_receiving import AT_MS
from tests.unit.live_runner.test_small_exits import World

BORN_MS = to_ms(DEPLOYMENT.created_at)
BY_HAND = [
    trade_of("", "buy")._replace(trade_id="8", ts_ms=BORN_MS + 1_000),
    trade_of("", "sell")._replace(trade_id="9", ts_ms=BORN_MS + 61_000),
]


class Venue(MemoryVenue):
    """Has made some trades."""

    def __init__(self, made: list[VenueTrade]) -> None:
        super().__init__()
        self.made = made

    async def trades(self, symbol: str, from_id: str | None) -> list[VenueTrade]:
        return self.made

    async def now_ms(self) -> int:
        return AT_MS


def looked(made: list[VenueTrade], swept: str | None = None) -> list[str]:
    """Sweep twice; returns what people are told."""
    world = World("0")
    broker = world.books.brokers[7]
    broker.swept_trade_id = swept
    nothing: Any = SimpleNamespace(book=_nothing)
    sweeps = Sweeps(world.place, Venue(made), nothing, nothing)
    asyncio.run(sweeps.sweep_trades())
    assert broker.swept_trade_id == (made[-1].trade_id if made else "0")
    journal: Any = world.books.journal
    return [alert.message for alert, _ in journal.tables.alerts]


async def _nothing(_symbol: str, trades: list[VenueTrade]) -> Any:
    return [], [trade for trade in trades if trade.venue_order_id != "of a book that has left"]


def test_what_was_traded_by_hand_before_the_first_look_is_told_in_one_alert() -> None:
    [said] = looked(BY_HAND)
    assert said == (
        f"{DEPLOYMENT.symbol}: 2 trades since {DEPLOYMENT.created_at:%Y-%m-%d %H:%M} UTC were ordered by "
        "nobody here, before the venue was looked at for the first time: 8 (buy 0.2 at 100) "
        "to 9 (sell 0.2 at 100); the books begin after them"
    )


@pytest.mark.parametrize(
    "made",
    [
        [],
        [trade_of("", "buy")._replace(ts_ms=BORN_MS - 1)],
        [BY_HAND[0]._replace(venue_order_id="of a book that has left")],
    ],
    ids=["none", "older than the deployment", "ordered by us"],
)
def test_what_is_the_accounts_own_past_is_told_to_nobody(made: list[VenueTrade]) -> None:
    assert looked(made) == []
