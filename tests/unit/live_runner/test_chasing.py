"""What an entry's chase writes of orders that never left: our own word on them is DENIED."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest

from live_runner.book.account import OpenGate
from live_runner.book.recall import recalled
from live_runner.venue.broker import VenueBroker
from live_runner.venue.chasing import Chasing
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.wire import Wire
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.errors import OrderWouldTake, StoreError
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.risk.account_rules import AccountDenial
from quant_pipelines.risk.account_view import AccountOrder
from quant_pipelines.store.trading import Intent, StoredBook
from quant_pipelines.trading.venue import LimitOrder, Touch, VenueOrder
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.gated import gated_trader
from tests.unit.live_runner.memory_venue import MemoryVenue
from tests.unit.live_runner.test_denied_reversal import CANARY, NOW_MS
from tests.unit.live_runner.test_races import AT

ROOT = Intent("q1-7-t", "buy", Decimal(1), "target", from_ms(NOW_MS), "limit")


class Venue(MemoryVenue):
    """Takes no post-only order: the price has moved each time."""

    n_placed = 0

    async def touch(self, symbol: str) -> Touch:
        return Touch(Decimal(99), Decimal(101))

    async def place_limit(self, order: LimitOrder) -> VenueOrder:
        self.n_placed += 1
        raise OrderWouldTake("-5022 would take")

    async def now_ms(self) -> int:
        return NOW_MS


class Patient(Venue):
    """Takes what it is asked for, and lets it rest."""

    def __init__(self) -> None:
        super().__init__()
        self.resting, self.canceled = dict[str, VenueOrder](), list[str]()

    async def place_limit(self, order: LimitOrder) -> VenueOrder:
        name = order.client_order_id
        self.resting[name] = self.rests(name)
        return self.resting[name]

    def rests(self, name: str) -> VenueOrder:
        """Order that rests there."""
        return VenueOrder(name, "1", "ACCEPTED", Decimal(0))

    async def find_order(
        self, symbol: str, *, client_order_id: str = "", venue_order_id: str = ""
    ) -> VenueOrder | None:
        return self.resting.get(client_order_id)

    async def cancel_order(self, symbol: str, client_order_id: str) -> None:
        self.canceled.append(client_order_id)


class Rows(MemoryJournal):
    """Rows that may be away."""

    is_away = False

    def read_book(self, deployment_id: int) -> StoredBook:
        if self.is_away:
            raise StoreError("the database does not answer")
        return super().read_book(deployment_id)


class Changed(OpenGate):
    """An account that denies whatever follows the order of the decision."""

    def ask_again(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        is_root = order.client_order_id == ROOT.client_order_id
        return None if is_root else AccountDenial("restricted_symbol", "deny", "1 is beyond 0")


class Chase:
    """An entry whose submission is committed."""

    def __init__(self, venue: Venue | None = None) -> None:
        self.journal, self.venue = Rows([CANARY]), venue or Venue()
        self.wire = Wire(print, lambda: None)
        self.wire.blocked_by = ""
        epoch = self.journal.open_epoch("test:1", from_ms(NOW_MS))
        self.trader = trader = gated_trader(self.journal, self.venue, epoch, Changed())
        trader.with_broker(_orders)  # type: ignore[arg-type] - a venue's
        rows = OrderRows(trader, self.venue, epoch)
        self.chasing = Chasing(trader, self.venue, rows=rows, wire=self.wire, settings=EntrySettings())
        self.chasing.take_up(ROOT, NOW_MS, ROOT.quantity)

    async def keep(self) -> bool:
        self.chasing.due = 0.0
        return await self.chasing.keep(_never)

    def statuses(self) -> list[str]:
        return [one.progress.status for one in self.journal.read_orders(CANARY.id)]


def _orders(broker: VenueBroker) -> None:
    broker.step(ExecutionBar(to_ms(AT), 100.0, 100.0, 100.0, 100.0))
    broker.add(ROOT, from_ms(NOW_MS))


async def _never(_intent: Intent, _stamp_ms: int) -> None:
    raise AssertionError("nothing goes to market")


def played(scenario: Callable[[Chase], Coroutine[Any, Any, None]]) -> None:
    async def play() -> None:
        await scenario(Chase())

    asyncio.run(asyncio.wait_for(play(), 60))


def test_an_entry_that_is_withdrawn_before_it_was_sent_is_denied() -> None:
    async def scenario(chase: Chase) -> None:
        chase.wire.blocked_by = "the books differ"
        assert await chase.keep()
        assert (chase.venue.n_placed, chase.statuses()) == (0, ["DENIED"])

    played(scenario)


def test_what_the_account_denies_before_it_is_sent_counts_as_no_refusal_of_the_venue() -> None:
    async def scenario(chase: Chase) -> None:
        assert not await chase.keep()
        assert chase.statuses() == ["EXPIRED"]
        await chase.keep()
        assert (chase.venue.n_placed, chase.statuses()) == (1, ["EXPIRED", "DENIED"])
        rows = chase.journal.read_orders(CANARY.id)
        assert recalled(CANARY, rows, (), NOW_MS).refused_ms == ()

    played(scenario)


@pytest.mark.parametrize("looks", [0, 1])
def test_an_entry_that_rests_is_canceled_although_its_rows_are_away(looks: int) -> None:
    async def scenario() -> None:
        venue = Patient()
        chase = Chase(venue)
        for _ in range(1 + looks):
            await chase.keep()
        assert list(venue.resting) == [ROOT.client_order_id]
        chase.trader.outdate()  # as after any failure of a commit
        chase.journal.is_away = True
        await chase.chasing.leave()
        assert venue.canceled == [ROOT.client_order_id]

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_an_entry_that_rests_is_canceled_although_its_rows_do_not_answer() -> None:
    async def scenario() -> None:
        venue, answers = Patient(), threading.Event()
        chase = Chase(venue)
        await chase.keep()
        hanging = asyncio.create_task(asyncio.to_thread(chase.trader.with_broker, lambda _: answers.wait(30)))
        await asyncio.sleep(0.05)
        try:
            await chase.chasing.leave()
            assert venue.canceled == [ROOT.client_order_id]
        finally:
            answers.set()
            await hanging

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_what_the_venue_has_ended_is_not_canceled_again() -> None:
    async def scenario() -> None:
        venue = Patient()
        chase = Chase(venue)
        await chase.keep()
        venue.resting[ROOT.client_order_id] = VenueOrder(ROOT.client_order_id, "1", "EXPIRED", Decimal(0))
        await chase.keep()
        await chase.chasing.leave()
        assert venue.canceled == []

    asyncio.run(asyncio.wait_for(scenario(), 60))
