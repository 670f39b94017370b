"""What a leg does not get is known from its rows, however often they are read, and ends with its target."""

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from live_runner.book.bookings import booking_of
from live_runner.book.plan import plan_of
from live_runner.venue.attribution import Attributed
from live_runner.venue.broker import BookRows
from live_runner.venue.leg_broker import LegVenueBroker
from live_runner.venue.place import PlaceBooks
from live_runner.venue.receiving import book_trades
from live_runner.venue.wire import Wire
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import OrderStep
from quant_pipelines.trading.legs import Loss
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.venue import VenueTrade
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_races import AT, DEPLOYMENT

LEG = replace(DEPLOYMENT, set_id=6, n_legs=2)
PLAN = plan_of(replace(LEG, n_legs=1, set_id=None), in_process)
CLOSE = AT + timedelta(minutes=1)


class Leg:
    """A leg whose target has just become long, at a close of which all is booked."""

    def __init__(self) -> None:
        self.journal = MemoryJournal([LEG])
        self.epoch = self.journal.open_epoch("test:1", AT)
        self.broker = self.opened()
        self.broker.step(ExecutionBar(to_ms(AT), 100.0, 101.0, 99.0, 100.0))
        self.broker.learn(1.0)
        self.book(1)

    def opened(self) -> LegVenueBroker:
        """Broker where the rows end."""
        rows = BookRows(self.journal.read_book(LEG.id), self.journal.read_orders(LEG.id))
        wire = Wire(print, lambda: None)
        return LegVenueBroker(self.journal, PLAN, self.epoch, rows=rows, stop_fraction=0.05, wire=wire)

    def book(self, number: int) -> None:
        """Store its state at a close."""
        close_ms = to_ms(AT) + number * MINUTE_MS
        self.journal.book(
            self.epoch, booking_of(self.broker, PLAN, close_ms, decided=None), AT + timedelta(minutes=number)
        )

    def ordered(self, purpose: str = "target", quantity: str = "2") -> str:
        """Commit an order of the newest close; returns its name."""
        number = len(self.broker.orders)
        name, close = f"q1-7-{number}-{purpose[0]}", CLOSE + timedelta(minutes=number)
        intent = Intent(name, "buy", Decimal(quantity), purpose, close)  # type: ignore[arg-type]
        self.broker.add(intent, CLOSE)
        return name

    def ends(self, name: str, status: OrderStatus, filled: str = "0") -> None:
        """Commit how an order has ended."""
        self.broker.follow(OrderStep(name, OrderProgress(status, Decimal(filled))), CLOSE)

    def trades(self, name: str | None, quantity: str, reason: str = "") -> None:
        """Book a trade of the venue."""
        number, side = str(self.broker.n_fills + 1), "buy" if Decimal(quantity) > 0 else "sell"
        told = (abs(Decimal(quantity)), Decimal(100), Decimal(0), to_ms(CLOSE) + 1, Decimal(0))
        trade = VenueTrade(number, "4", name or "", side, *told)  # type: ignore[arg-type]
        books = PlaceBooks(self.journal, self.epoch, {LEG.id: self.broker}, Decimal("0.001"))
        book_trades(books, [Attributed(trade, name, reason)], CLOSE, halts={})

    def is_lost(self, loss: Loss | None) -> None:
        """Prove what is lost: in memory, read again, and read again behind another close."""
        assert self.broker.lost == self.opened().lost == loss
        self.book(2)
        assert self.opened().lost == loss


@pytest.mark.parametrize(
    ("status", "loss"),
    [("REJECTED", "refused"), ("EXPIRED", "refused"), ("CANCELED", "refused"), ("DENIED", "denied")],
)
def test_an_entry_that_came_to_nothing_is_lost(status: OrderStatus, loss: Loss) -> None:
    leg = Leg()
    leg.ends(leg.ordered(), status)
    leg.is_lost(loss)


def test_an_order_that_ends_behind_the_next_close_is_lost_too() -> None:
    leg = Leg()
    name = leg.ordered()
    leg.book(2)
    leg.ends(name, "REJECTED")
    assert leg.broker.lost == leg.opened().lost == "refused"


def test_what_is_filled_in_part_is_brought_to_its_size_by_the_next_decision() -> None:
    leg = Leg()
    name = leg.ordered()
    leg.ends(name, "EXPIRED", "0.5")
    leg.trades(name, "0.5")
    leg.is_lost(None)


@pytest.mark.parametrize(
    ("reason", "loss"),
    [("liquidation", "liquidated"), ("adl", "deleveraged"), ("settlement", "settled"), ("kill", None)],
)
def test_what_the_venue_closes_is_lost(reason: str, loss: Loss | None) -> None:
    leg = Leg()
    name = leg.ordered()
    leg.ends(name, "FILLED", "2")
    leg.trades(name, "2")
    leg.trades(None, "-1", reason)
    leg.is_lost(loss)


def test_what_was_closed_as_no_stop_stood_is_lost_and_a_stop_that_stood_is_the_strategys() -> None:
    leg = Leg()
    leg.ends(leg.ordered("stop"), "FILLED", "2")
    assert leg.broker.lost is None
    leg.ends(leg.ordered("flatten"), "FILLED", "2")
    leg.is_lost("gapped")


def test_a_refusal_ends_when_the_target_turns_and_what_was_never_sent_with_the_next_decision() -> None:
    refused, denied = Leg(), Leg()
    refused.ends(refused.ordered(), "REJECTED")
    denied.ends(denied.ordered(), "DENIED")
    for target in (1.0, 0.3, math.nan):
        refused.broker.learn(target)
        assert refused.broker.lost == "refused"
    refused.broker.learn(-1.0)
    denied.broker.learn(1.0)
    assert (refused.broker.lost, denied.broker.lost) == (None, None)
    refused.book(2)
    assert refused.opened().lost is None


def test_what_lasts_is_not_hidden_by_what_was_never_sent() -> None:
    leg = Leg()
    leg.ends(leg.ordered(), "REJECTED")
    leg.ends(leg.ordered(), "DENIED")
    assert leg.broker.lost == "refused"
