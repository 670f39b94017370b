"""An order to the other side that is denied before it is sent still leaves the side that it was to leave."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from live_runner.book.account import OpenGate
from live_runner.book.approval import Relations
from live_runner.book.decision import Decided
from live_runner.book.plan import plan_of
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.broker import VenueBroker
from live_runner.venue.link import VenueLink
from live_runner.venue.station import Station
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.errors import ExchangeRefused
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms, to_ms
from quant_pipelines.risk.account_rules import AccountDenial
from quant_pipelines.risk.account_view import AccountOrder
from quant_pipelines.store.trading import Booking, Fill, Intent, Position, Signal
from quant_pipelines.store.venue_orders import Received
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.flatten import ClosingTerms
from quant_pipelines.trading.venue import AccountPosition, MarketOrder, VenueOrder, VenueTrade
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.memory_venue import MemoryVenue
from tests.unit.live_runner.test_following import until
from tests.unit.live_runner.test_races import AT, DEPLOYMENT, SYMBOL

NOW_MS = to_ms(AT) + MINUTE_MS
CANARY = replace(DEPLOYMENT, venue="binanceusdm")
BOUGHT = Fill("1", None, "buy", Decimal(2), Decimal(100), Decimal(0), "target", AT)


class Denying(OpenGate):
    """An account that takes its word back before an order is sent."""

    def ask_again(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        return AccountDenial("restricted_symbol", "deny", "1 is beyond 0")


class TradingVenue(MemoryVenue):
    """Fills every market order at once."""

    def __init__(self) -> None:
        super().__init__()
        self.held = Decimal(2)
        self.sent: list[tuple[str, Decimal, bool]] = []
        self.made: list[VenueTrade] = []

    async def send(self, order: MarketOrder) -> VenueOrder:
        name, side, quantity = order.client_order_id, order.side, order.quantity
        self.sent.append((side, quantity, order.reduce_only))
        self.held += quantity if side == "buy" else -quantity
        money = (quantity, Decimal(100), Decimal(0), NOW_MS, Decimal(0))
        self.made.append(VenueTrade(f"{1 + len(self.sent)}", "9", name, side, *money))
        return VenueOrder(name, "9", "FILLED", quantity)

    async def position(self, symbol: str) -> AccountPosition:
        level = Decimal(50 if self.held > 0 else 150)
        return AccountPosition(symbol, self.held, liquidation_price=level, mark_price=Decimal(100))

    async def trades(self, symbol: str, from_id: str | None) -> list[VenueTrade]:
        first = VenueTrade("1", "8", "", "buy", Decimal(2), Decimal(100), Decimal(0), to_ms(AT), Decimal(0))
        return [first] if from_id is None else [one for one in self.made if int(one.trade_id) >= int(from_id)]

    async def closing_terms(self, symbol: str) -> ClosingTerms:
        return ClosingTerms(Decimal("0.1"), None)

    async def now_ms(self) -> int:
        return NOW_MS


class Counting(OpenGate):
    """An account that lets everything pass, and notes what the venue refuses."""

    def __init__(self) -> None:
        self.refusals: list[tuple[int, int]] = []

    def refused(self, deployment_id: int, at_ms: int) -> None:
        self.refusals.append((deployment_id, at_ms))


class RefusingVenue(TradingVenue):
    """Takes no order."""

    async def send(self, order: MarketOrder) -> VenueOrder:
        raise ExchangeRefused("-2019 margin is insufficient")


class ClosingVenue(TradingVenue):
    """Liquidates what is held once the books were compared, and tells no stream of it."""

    def liquidate(self) -> None:
        self.held = Decimal(0)
        money = (Decimal(2), Decimal(60), Decimal(1), NOW_MS, Decimal(-80))
        self.made.append(VenueTrade("2", "5", "", "sell", *money))

    async def find_order(
        self, symbol: str, *, client_order_id: str = "", venue_order_id: str = ""
    ) -> VenueOrder | None:
        return VenueOrder("autoclose-5", "5", "FILLED", Decimal(2)) if venue_order_id == "5" else None


def play(
    quantity: str, *, is_halted: bool = False, gate: OpenGate | None = None, venue: TradingVenue | None = None
) -> tuple[TradingVenue, MemoryJournal]:
    """A sale of a quantity by who holds 2 is committed, and denied before it is sent, or by the venue."""
    journal, venue = MemoryJournal([CANARY]), venue or TradingVenue()
    epoch = journal.open_epoch("test:1", AT)
    held = Position(Decimal(2), Decimal(100), Decimal(0), None)
    journal.receive(epoch, [Received(CANARY.id, "binanceusdm", SYMBOL, (BOUGHT,), (), held, "")], AT)
    intent = Intent("q1-7-t", "sell", Decimal(quantity), "target", from_ms(NOW_MS))
    signal = Signal(from_ms(NOW_MS), -1.0, 100.0, {"target_side": -1.0})

    def decide(broker: VenueBroker) -> None:
        broker.step(ExecutionBar(to_ms(AT), 100.0, 100.0, 100.0, 100.0))
        whose = (CANARY.id, "binanceusdm", SYMBOL, from_ms(NOW_MS))
        booking = Booking(*whose, broker.checkpoint(), broker.position(), signal=signal, intent=intent)
        journal.book(epoch, booking, from_ms(NOW_MS))
        broker.take(Decided(signal, intent, -float(quantity), -1.0, None), NOW_MS)

    async def scenario() -> None:
        link = VenueLink(Station(journal, venue, RunnerSettings(), epoch, lambda: NOW_MS))
        relations = Relations(gate=gate or Denying())
        series = BarSeries(SYMBOL, "1m", 0)
        plan = plan_of(CANARY, in_process)
        trader = Trader(journal, plan, series, epoch=epoch, open_broker=link.open_broker, relations=relations)
        link.add(trader)
        running = asyncio.create_task(link.run())
        await link.place.first.begun.wait()
        if is_halted:
            trader.follow([Trip("failed", "it broke")])
        if isinstance(venue, ClosingVenue):
            venue.liquidate()
        trader.with_broker(decide)  # type: ignore[arg-type] - a venue's
        await until(lambda: running.done() or status(journal) in ("DENIED", "REJECTED", "FILLED"))
        for _ in range(20):
            await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scenario(), 60))
    return venue, journal


def status(journal: MemoryJournal) -> str:
    return str(journal.tables.orders["q1-7-t"].progress.status)


def test_the_side_that_was_left_is_closed_and_nothing_is_opened() -> None:
    venue, journal = play("4")
    assert status(journal) == "DENIED"
    assert venue.sent == [("sell", Decimal(2), True)]
    assert venue.held == 0
    [said] = [one.message for one, _ in journal.tables.alerts if "closed" in one.message]
    assert said == f"{SYMBOL}: 2 closed, as its strategy leaves it; the order to the other side was denied"


@pytest.mark.parametrize(("quantity", "is_halted"), [("1", False), ("4", True)])
def test_what_does_not_reverse_or_is_halted_closes_nothing(quantity: str, *, is_halted: bool) -> None:
    venue, journal = play(quantity, is_halted=is_halted)
    assert (status(journal), venue.sent, venue.held) == ("DENIED", [], Decimal(2))


def test_an_account_is_told_of_what_the_venue_refuses() -> None:
    gate = Counting()
    _, journal = play("4", gate=gate, venue=RefusingVenue())
    assert status(journal) == "REJECTED"
    assert gate.refusals == [(CANARY.id, NOW_MS)]


@pytest.mark.parametrize("quantity", ["1", "2", "4"])
def test_what_would_reverse_a_position_that_the_venue_has_liquidated_is_not_sent(quantity: str) -> None:
    """Nobody has heard of it: such an order would open more on the other side than its decision asked for."""
    venue, journal = play(quantity, gate=OpenGate(), venue=ClosingVenue())
    assert (venue.sent, venue.held) == ([], 0)
    assert [fill.reason for fill in journal.read_book(CANARY.id).fills] == ["target", "liquidation"]
    assert status(journal) in ("INITIALIZED", "DENIED"), "its link begins again, and denies what was not sent"
