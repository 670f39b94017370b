"""An exit that the venue takes no order for is not sent, is told once, and is tried again at its pace."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from live_runner.book.plan import plan_of
from live_runner.venue.broker import VenueBroker
from live_runner.venue.covering import Around, Covering
from live_runner.venue.liquidation import LiquidationGuard
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.place import PlaceBooks, Seat, VenuePlace
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.risk.account_view import Prices
from quant_pipelines.store.trading import Intent
from quant_pipelines.trading.cover import ExitPosition
from quant_pipelines.trading.flatten import ClosingTerms
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.tries import Tries
from quant_pipelines.trading.venue import AccountPosition
from tests.in_process import in_process
from tests.unit.live_runner.memory_venue import MemoryVenue
from tests.unit.live_runner.test_races import DEPLOYMENT
from tests.unit.live_runner.test_receiving import AT_MS, books_holding


class Trader:
    """A trader whose book is never busy."""

    def __init__(self, books: PlaceBooks, key: int) -> None:
        self.plan = plan_of(replace(DEPLOYMENT, id=key), in_process)
        self.symbol, self.key = DEPLOYMENT.symbol, f"deployment:{key}"
        self._broker = books.brokers[key]

    def with_broker(self, act: Any) -> Any:
        return act(self._broker)

    @contextmanager
    def at_once(self) -> Iterator[VenueBroker]:
        yield self._broker

    def priced(self, intent: Intent) -> Intent:
        return intent


class Venue(MemoryVenue):
    async def closing_terms(self, symbol: str) -> ClosingTerms:
        return ClosingTerms(Decimal("0.1"))

    async def position(self, symbol: str) -> AccountPosition:
        return AccountPosition(symbol, Decimal(1), mark_price=Decimal(100))


class World:
    """Books at one place, whose last bar closed at 100; the smallest order is worth 5, the lot 0.001."""

    def __init__(self, *positions: str) -> None:
        self.books, self.sent, self.told = books_holding(*positions), list[Intent](), list[str]()
        self.place = VenuePlace(self.books.journal, self.books.epoch)
        for key, broker in self.books.brokers.items():
            broker.step(ExecutionBar(AT_MS, 100.0, 101.0, 99.0, 100.0))
            trader: Any = Trader(self.books, key)
            rows = OrderRows(trader, Venue(), self.books.epoch)
            self.place.seats[key] = Seat(trader, None, rows, lambda: "")  # type: ignore[arg-type]

    def covering(self, key: int) -> Covering:
        journal: Any = SimpleNamespace(write_alert=lambda alert: self.told.append(alert.message))
        unasked: Any = None
        around = Around(
            journal,
            unasked,
            self._transmit,
            unasked,
            self.place,
            unasked,
            lambda _: Prices(100.0, 100.0, 0.1),
            RunnerSettings(),
            LiquidationGuard(0.02),
        )
        seat = self.place.seats[key]
        return Covering(seat.trader, Venue(), rows=seat.rows, around=around, tries=Tries())

    async def _transmit(self, intent: Intent, _stamp_ms: int) -> OrderProgress:
        self.sent.append(intent)
        return OrderProgress("REJECTED")


@pytest.mark.parametrize(
    ("positions", "change", "expected"),
    [
        (("0.01",), "-0.01", False),
        (("0.0005",), "-0.0005", True),
        (("1", "-0.01"), "0.01", True),
        (("0.02", "-0.01"), "-0.02", True),
        (("-1", "-0.01"), "0.01", False),
        (("-1", "0.01"), "-0.01", True),
        (("-1", "0.5"), "-0.5", False),
        (("0.01", "-0.01"), "0.01", True),
    ],
)
def test_only_what_brings_the_net_nearer_to_flat_may_be_small(
    positions: tuple[str, ...], change: str, *, expected: bool
) -> None:
    world = World(*positions)
    seat = world.place.seats[7]
    assert asyncio.run(world.place.is_too_small(seat, Decimal(change))) is expected


def test_a_small_exit_that_adds_to_the_net_waits_and_is_told_once() -> None:
    world = World("-1", "0.01")
    exit_now = ExitPosition("close", Decimal("0.01"), None, "operator")

    async def scenario() -> None:
        covering = world.covering(8)
        for _ in range(3):
            await covering._do(exit_now)
        assert covering.tries.exit.n_tries == 3

    asyncio.run(scenario())
    assert world.sent == []
    [told] = world.told
    assert "0.01 is not closed, as the venue takes no order of -0.01" in told


def test_what_the_net_allows_is_sent_however_small_it_is() -> None:
    world = World("1", "0.01")

    async def scenario() -> None:
        await world.covering(8)._do(ExitPosition("exit", Decimal("0.01"), "hard_stop", "stop fired"))

    asyncio.run(scenario())
    assert [intent.quantity for intent in world.sent] == [Decimal("0.01")]
    assert world.told == []
