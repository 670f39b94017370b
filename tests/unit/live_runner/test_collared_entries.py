"""What of an entry is sent later is judged by the prices of its own time, not by those of its decision."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

from live_runner.book.account import AccountBooks, AccountTerms
from live_runner.venue.broker import VenueBroker
from live_runner.venue.chasing import Chasing
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.wire import EntryOrder, Wire
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.account_limits import AccountLimits
from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.risk.account_view import Prices
from quant_pipelines.store.trading import Fill, Intent
from quant_pipelines.store.venue_orders import OrderStep
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.venue import LimitOrder, Touch, VenueOrder
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.gated import gated_trader
from tests.unit.live_runner.test_chasing import Patient
from tests.unit.live_runner.test_denied_reversal import CANARY, NOW_MS
from tests.unit.live_runner.test_races import AT

D = Decimal
TWAP = EntrySettings(order="twap", seconds=60.0, slices=4)
LIMIT = EntrySettings(order="limit", seconds=60.0)


class Market(Patient):
    """A venue whose prices and time are set by hand; what goes at market is filled by the test."""

    now, best = NOW_MS, 100

    async def now_ms(self) -> int:
        return self.now

    async def touch(self, symbol: str) -> Touch:
        return Touch(D(self.best), D(self.best + 1))

    async def amend(self, order: LimitOrder) -> VenueOrder:
        known = self.resting[order.client_order_id]
        self.resting[order.client_order_id] = known._replace(price=order.price)
        return self.resting[order.client_order_id]

    async def place_limit(self, order: LimitOrder) -> VenueOrder:
        await super().place_limit(order)
        self.resting[order.client_order_id] = self.rests(order.client_order_id)._replace(price=order.price)
        return self.resting[order.client_order_id]

    @property
    def prices(self) -> list[Decimal | None]:
        """Where what rests does so."""
        return [order.price for order in self.resting.values()]


class Collared:
    """An entry of 2 that was decided on at 100, at an account whose orders stay within 5 % of the market."""

    def __init__(self, settings: EntrySettings) -> None:
        self.journal, self.venue, self.mark = MemoryJournal([CANARY]), Market(), 100.0
        self.epoch = self.journal.open_epoch("test:1", from_ms(NOW_MS))
        self.gate = AccountBooks(lambda _: Prices(self.mark, self.mark, 0.0), lambda: NOW_MS)
        self.gate.expect(CANARY.id, 1_000.0)
        self.gate.follow(AccountTerms(AccountLimits(max_price_deviation=0.05)))
        self.wire = Wire(print, lambda: None, EntryOrder(settings.kind, settings.n_parts))
        self.wire.blocked_by = ""
        self.trader = gated_trader(self.journal, self.venue, self.epoch, self.gate)
        kind, part = settings.kind, D(2) / settings.n_parts
        self.root = Intent("q1-7-t", "buy", part, "target", from_ms(NOW_MS), kind, decision_price=D(100))
        self.trader.with_broker(self._decide)  # type: ignore[arg-type] - a venue's
        self.trader.take_over(self.root, D(2), D(0))
        self.sent = list[Decimal]()
        rows = OrderRows(self.trader, self.venue, self.epoch)
        self.chasing = Chasing(self.trader, self.venue, rows=rows, wire=self.wire, settings=settings)

        self.chasing.take_up(self.root, NOW_MS, D(2))

    def _decide(self, broker: VenueBroker) -> None:
        broker.step(ExecutionBar(to_ms(AT), 100.0, 100.0, 100.0, 100.0))
        broker.add(self.root, from_ms(NOW_MS))

    async def keep(self, *, after_seconds: int = 0) -> bool:
        """Look at it once more, so much later."""
        self.venue.now += 1000 * after_seconds
        self.chasing.due = 0.0
        return await self.chasing.keep(self._fill)

    async def _fill(self, intent: Intent, _stamp_ms: int) -> None:
        """Fill an order at market, at the mark."""
        at, name, price = from_ms(self.venue.now), intent.client_order_id, D(repr(self.mark))

        def act(broker: VenueBroker) -> None:
            one = Fill(f"1-{name}", name, "buy", intent.quantity, price, D(0), "target", at)
            ended = OrderStep(name, OrderProgress("FILLED", intent.quantity), "1", "")
            broker.stage([one], (), orders=[ended], at=at)

        self.trader.with_broker(act)  # type: ignore[arg-type] - a venue's
        self.sent.append(intent.quantity)

    @property
    def statuses(self) -> list[str]:
        return [one.progress.status for one in self.journal.read_orders(CANARY.id)]


def played(settings: EntrySettings, scenario: Callable[[Collared], Coroutine[Any, Any, None]]) -> None:
    async def play() -> None:
        await scenario(Collared(settings))

    asyncio.run(asyncio.wait_for(play(), 60))


def test_a_later_slice_is_judged_by_the_mark_of_its_own_time() -> None:
    async def scenario(collared: Collared) -> None:
        await collared.keep()
        collared.mark = 110.0
        assert not await collared.keep(after_seconds=15)
        assert collared.sent == 2 * [D("0.5")]

    played(TWAP, scenario)


def test_what_rests_follows_the_market_beyond_the_price_of_its_decision() -> None:
    async def scenario(collared: Collared) -> None:
        await collared.keep()
        collared.mark, collared.venue.best = 110.0, 110
        assert not await collared.keep(after_seconds=3)
        assert (collared.venue.prices, collared.venue.canceled) == ([D(110)], [])

    played(LIMIT, scenario)


def test_what_rests_does_not_follow_a_best_price_far_from_the_mark() -> None:
    async def scenario(collared: Collared) -> None:
        await collared.keep()
        collared.venue.best = 120
        assert not await collared.keep(after_seconds=3)
        assert (collared.venue.prices, collared.venue.canceled) == ([D(100)], [])
        collared.venue.best = 101
        await collared.keep(after_seconds=3)
        assert collared.venue.prices == [D(101)]

    played(LIMIT, scenario)


def test_an_order_is_not_placed_at_a_best_price_far_from_the_mark() -> None:
    async def scenario(collared: Collared) -> None:
        collared.venue.best = 120
        assert await collared.keep()
        assert (collared.venue.prices, collared.statuses) == ([], ["DENIED"])

    played(LIMIT, scenario)


def test_what_goes_on_without_a_known_mark_is_withdrawn() -> None:
    async def scenario(collared: Collared) -> None:
        await collared.keep()
        collared.mark = math.nan
        await collared.keep(after_seconds=3)
        assert collared.venue.canceled == [collared.root.client_order_id]

    played(LIMIT, scenario)
