"""An entry that a restart finds at rest is asked of the account once: what has filled of it is held."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from live_runner.book.account import AccountBooks, AccountTerms
from live_runner.book.decision import Decided
from live_runner.book.trader import Trader
from live_runner.venue.broker import VenueBroker
from live_runner.venue.chasing import Chasing
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.wire import Wire
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.account_limits import AccountLimits
from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.risk.account_view import Prices
from quant_pipelines.store.trading import Booking, Fill, Intent, Position, Signal
from quant_pipelines.store.venue_orders import OrderStep, Received
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.venue import VenueOrder
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.gated import gated_trader
from tests.unit.live_runner.test_chasing import Patient
from tests.unit.live_runner.test_denied_reversal import CANARY, NOW_MS, SYMBOL
from tests.unit.live_runner.test_races import AT

D = Decimal
ROOT = Intent("q1-7-t", "buy", D(2), "target", from_ms(NOW_MS), "limit", decision_price=D(100))
PART = replace(ROOT, client_order_id="q1-7-r", quantity=D(1), purpose="remainder", price=D(99))
SIGNAL = Signal(
    from_ms(NOW_MS), 1.0, 100.0, {"target_side": 1.0, "order_quantity": 2.0, "view": {"position": 0.0}}
)


class Working(Patient):
    """A venue where an order rests, of which half may be filled."""

    def rests(self, name: str) -> VenueOrder:
        return super().rests(name)._replace(price=D(99))


class Restarted:
    """A runner that begins with the rows of an entry over 2 at 100, and may hold so much at the account."""

    def __init__(self, *, notional: float) -> None:
        self.journal, self.venue = MemoryJournal([CANARY]), Working()
        self.epoch = self.journal.open_epoch("test:1", from_ms(NOW_MS))
        self.gate = AccountBooks(lambda _: Prices(100.0, 100.0, 0.0), lambda: NOW_MS)
        self.gate.expect(CANARY.id, 1_000.0)
        self.gate.follow(AccountTerms(AccountLimits(max_symbol_notional=notional)))
        self.wire = Wire(print, lambda: None)
        self.wire.blocked_by = ""
        self.open_trader().with_broker(self._decide)  # type: ignore[arg-type] - a venue's

    def open_trader(self) -> Trader:
        return gated_trader(self.journal, self.venue, self.epoch, self.gate)

    def _decide(self, broker: VenueBroker) -> None:
        """Book the bar and its decision, and have the order accepted."""
        broker.step(ExecutionBar(to_ms(AT), 100.0, 100.0, 100.0, 100.0))
        whose = (CANARY.id, "binanceusdm", SYMBOL, from_ms(NOW_MS))
        booking = Booking(*whose, broker.checkpoint(), broker.position(), signal=SIGNAL, intent=ROOT)
        self.journal.book(self.epoch, booking, from_ms(NOW_MS))
        broker.take(Decided(SIGNAL, ROOT, 2.0, 1.0, None), NOW_MS)
        self._follow(broker, ROOT, "ACCEPTED", D(0))
        self.venue.resting[ROOT.client_order_id] = self.venue.rests(ROOT.client_order_id)

    def fill(self, intent: Intent, quantity: Decimal, *, ends_as: Any = "PARTIALLY_FILLED") -> None:
        """Book a fill at 100."""

        def act(broker: VenueBroker) -> None:
            name, at = intent.client_order_id, from_ms(NOW_MS)
            one = Fill(f"1-{name}", name, "buy", quantity, D(100), D(0), "target", at)
            held = Position(quantity, D(100), D(0), None)
            whose = (CANARY.id, "binanceusdm", SYMBOL)
            self.journal.receive(self.epoch, [Received(*whose, (one,), (), held, "")], at)
            self._follow(broker, intent, ends_as, quantity)
            shown = self.venue.resting[name]
            self.venue.resting[name] = shown._replace(status=ends_as, filled_quantity=quantity)

        self.open_trader().with_broker(act)  # type: ignore[arg-type] - a venue's

    def follow_by_a_part(self) -> None:
        """Have what the first order has left rest as one of its own."""

        def act(broker: VenueBroker) -> None:
            broker.add(PART, from_ms(NOW_MS))
            self._follow(broker, PART, "ACCEPTED", D(0))
            self.venue.resting[PART.client_order_id] = self.venue.rests(PART.client_order_id)

        self.open_trader().with_broker(act)  # type: ignore[arg-type] - a venue's

    def _follow(self, broker: VenueBroker, intent: Intent, status: Any, filled: Decimal) -> None:
        step = OrderStep(intent.client_order_id, OrderProgress(status, filled), "1", "")
        broker.follow(step, from_ms(NOW_MS))

    async def chasing(self) -> Chasing:
        """Who has taken over what works."""
        trader = self.open_trader()
        trader.with_broker(lambda broker: broker.step(ExecutionBar(to_ms(AT), *4 * [100.0])))
        rows = OrderRows(trader, self.venue, self.epoch)
        chasing = Chasing(trader, self.venue, rows=rows, wire=self.wire, settings=EntrySettings())
        await chasing.recover()
        return chasing


async def never(_intent: Intent, _stamp_ms: int) -> None:
    raise AssertionError("nothing goes to market")


def played(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 60))


@pytest.mark.parametrize(("notional", "canceled"), [(201.0, []), (199.0, [ROOT.client_order_id])])
def test_what_has_filled_of_a_recovered_entry_counts_once(notional: float, canceled: list[str]) -> None:
    async def scenario() -> None:
        restarted = Restarted(notional=notional)
        restarted.fill(ROOT, D(1))
        chasing = await restarted.chasing()
        assert not await chasing.keep(never)
        assert restarted.venue.canceled == canceled

    played(scenario)


@pytest.mark.parametrize(("notional", "canceled"), [(201.0, []), (199.0, [PART.client_order_id])])
def test_a_recovered_part_counts_once_beside_what_was_filled_before_it(
    notional: float, canceled: list[str]
) -> None:
    async def scenario() -> None:
        restarted = Restarted(notional=notional)
        restarted.fill(ROOT, D(1), ends_as="CANCELED")
        restarted.follow_by_a_part()
        chasing = await restarted.chasing()
        assert not await chasing.keep(never)
        assert restarted.venue.canceled == canceled

    played(scenario)


def test_a_decision_that_waits_to_be_sent_is_asked_about_as_a_whole() -> None:
    """The link compares with the venue while the first part lies in the inbox: nobody takes that over."""

    async def scenario() -> None:
        restarted = Restarted(notional=199.0)
        trader, first = restarted.open_trader(), replace(ROOT, client_order_id="q1-8-t", quantity=D("0.5"))

        def decide(broker: VenueBroker) -> None:
            broker.step(ExecutionBar(to_ms(AT), *4 * [100.0]))
            ended = OrderStep(ROOT.client_order_id, OrderProgress("CANCELED", D(0)), "1", "")
            broker.follow(ended, from_ms(NOW_MS))
            broker.take(Decided(SIGNAL, first, 2.0, 1.0, None), NOW_MS)

        trader.with_broker(decide)  # type: ignore[arg-type] - a venue's
        trader.take_over(first, D(2), D(0))  # as it was approved
        assert "200 is beyond 199" in trader.refusal_to_send(first)
        rows = OrderRows(trader, restarted.venue, restarted.epoch)
        settings = EntrySettings(order="iceberg", slices=4)
        await Chasing(trader, restarted.venue, rows=rows, wire=restarted.wire, settings=settings).recover()
        assert "200 is beyond 199" in trader.refusal_to_send(first)

    played(scenario)
