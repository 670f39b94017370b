"""An event strategy at a venue, without one: what it orders is approved, committed, and told once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pytest

from live_runner.book.account import OpenGate
from live_runner.book.approval import Relations
from live_runner.book.plan import LoadStrategy, plan_of
from live_runner.book.recall import recalled
from live_runner.book.tick import Tick
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.attribution import Attributed
from live_runner.venue.event_broker import EventVenueBroker
from live_runner.venue.opening import open_venue_broker
from live_runner.venue.place import PlaceBooks
from live_runner.venue.receiving import book_trades
from live_runner.venue.wire import Wire
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.risk.account_rules import AccountDenial
from quant_pipelines.risk.account_view import AccountOrder
from quant_pipelines.store.trading import Position
from quant_pipelines.store.venue_orders import OrderStep, Received
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.orders import UNPROVEN, OrderProgress
from quant_pipelines.trading.trips import Signs
from quant_pipelines.trading.venue import VenueTrade
from quant_pipelines.trading.wished import Cancel, Circumstances, PlaceOrder, Step, Wait, next_step
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_races import AT, DEPLOYMENT, SYMBOL

SOURCE = '''
from quant_pipelines.sdk import Bars, Desk, EventStrategy, Float, OrderEvent, Stops


class Once(EventStrategy):
    """Two buys and a sale at the first bar; it writes down what it is told."""

    order_kinds = ("limit",)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2))

    def on_start(self, desk: Desk) -> None:
        desk.memory.update(told=[])
        desk.limit(0.2, 98.04)
        desk.limit(0.3, 97.0, expires_bars=3)
        desk.limit(-0.3, 101.96, post_only=True)

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        desk.memory["orders"] = [order.number for order in desk.orders]

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        desk.memory["told"].append([event.number, event.status, event.quantity, event.leaves, event.reason])
'''
assert DEPLOYMENT.instrument is not None
CANARY = replace(
    DEPLOYMENT,
    source=SOURCE,
    venue="binanceusdm",
    instrument=replace(DEPLOYMENT.instrument, tick_size=Decimal("0.1")),
)
BOUGHT = (1, 2)


class Desk:
    """The deployment, and what a venue would do to it."""

    def __init__(
        self, gate: OpenGate | None = None, source: str = SOURCE, load: LoadStrategy = in_process
    ) -> None:
        self.deployment, self.load = replace(CANARY, source=source), load
        self.journal, self.gate = MemoryJournal([self.deployment]), gate or OpenGate()
        self.n_bars, self.signs = 0, Signs()
        self.open()

    def open(self) -> None:
        """Begin by the rows, as after a restart."""
        self.epoch = self.journal.open_epoch("test:1", AT)
        self.wire = Wire(print, lambda: None)
        self.wire.blocked_by = ""
        series = BarSeries(CANARY.symbol, "1m", to_ms(AT))
        opening = partial(open_venue_broker, stop_fraction=0.05, wire=self.wire)
        rows, stored = self.journal.read_orders(CANARY.id), self.journal.read_book(CANARY.id)
        past = recalled(self.deployment, rows, stored.fills, to_ms(AT))
        relations = Relations(
            gate=self.gate, signs=lambda: self.signs, fills_ms=past.fills_ms, working=past.working
        )
        plan = plan_of(self.deployment, self.load)
        self.trader = Trader(
            self.journal, plan, series, epoch=self.epoch, open_broker=opening, relations=relations
        )

    def pass_bar(self) -> None:
        """Book a bar at 100 and have the strategy asked."""
        ts = np.array([to_ms(AT) + self.n_bars * MINUTE_MS])
        self.n_bars += 1
        price, nothing = np.full(1, 100.0), np.zeros(1)
        rows = BarRows(ts, price, price, price, price, nothing, nothing, nothing.astype(np.int64))
        self.trader.advance(Tick(rows, (), rows, int(ts[0]) + MINUTE_MS, 0.0))

    def at_broker(self, act: Callable[[EventVenueBroker], Any]) -> Any:
        def on_broker(broker: Any) -> Any:
            assert isinstance(broker, EventVenueBroker)
            return act(broker)

        return self.trader.with_broker(on_broker)

    def names(self) -> list[str]:
        return [order.intent.client_order_id for order in self.journal.read_orders(CANARY.id)]

    def becomes(self, number: int, status: OrderStatus, filled: str = "0", *, is_known: bool = True) -> None:
        """Say what the venue says of the order with this place among all, or what was made of its silence."""
        venue_order_id = str(number) if is_known else None
        step = OrderStep(self.names()[number - 1], OrderProgress(status, Decimal(filled)), venue_order_id)
        self.at_broker(lambda broker: broker.follow(step, AT))

    def trades(self, number: int, quantity: str, trade_id: str, second: int) -> None:
        """Book a fill that the venue tells."""
        order = self.journal.read_orders(CANARY.id)[number - 1]
        ts_ms = to_ms(AT + timedelta(seconds=second))
        price, name = order.intent.price or Decimal(0), order.intent.client_order_id
        amounts = (Decimal(quantity), price, Decimal(0), ts_ms, Decimal(0))
        trade = VenueTrade(trade_id, str(number), name, order.intent.side, *amounts)

        def book(broker: EventVenueBroker) -> None:
            books = PlaceBooks(self.journal, self.epoch, {CANARY.id: broker}, Decimal("0.001"))
            book_trades(books, [Attributed(trade, name)], AT, halts={})

        self.at_broker(book)

    def memory(self) -> dict[str, Any]:
        found: dict[str, Any] = self.at_broker(lambda broker: broker.run.to_document()["memory"])
        return found


@pytest.fixture
def desk() -> Desk:
    """A desk whose three orders are committed."""
    made = Desk()
    made.pass_bar()
    return made


def test_orders_are_committed_on_the_grid_before_anything_is_sent(desk: Desk) -> None:
    orders = desk.journal.read_orders(CANARY.id)
    shown = [(one.intent.purpose, str(one.intent.price), one.progress.status) for one in orders]
    assert shown == [
        ("order 1", "98.0", "INITIALIZED"),
        ("order 2", "97.0", "INITIALIZED"),
        ("order 3", "102.0", "INITIALIZED"),
    ]
    wished = desk.at_broker(lambda broker: broker.wished())
    assert [one.most for one in wished] == [
        orders[0].intent.quantity,
        orders[0].intent.quantity + orders[1].intent.quantity,
        orders[2].intent.quantity,
    ]


def test_what_may_be_sent_is_still_known_once_the_rows_were_read_again(desk: Desk) -> None:
    def steps(broker: EventVenueBroker) -> Step:
        around = Circumstances(Decimal(0), may_open=True, now_ms=to_ms(AT) + MINUTE_MS)
        return next_step(broker.wished(), around, {})

    before = desk.at_broker(steps)
    desk.trader.outdate()  # as after any failure that may have left memory ahead of the rows
    assert desk.at_broker(steps) == before == PlaceOrder(desk.names()[0])


def test_who_was_dropped_commits_nothing_over_a_late_fill(desk: Desk) -> None:
    bought = Decimal("0.1")
    received = Received(
        CANARY.id, "binanceusdm", SYMBOL, (), (), Position(bought, Decimal(98), Decimal(0), None)
    )
    desk.trader.leave()
    desk.journal.receive(desk.epoch, [received], AT)
    desk.pass_bar()
    desk.trader.decide_late(to_ms(AT) + MINUTE_MS, 0.0)
    assert desk.journal.tables.positions[CANARY.id, SYMBOL].quantity == bought


def test_what_rests_hinders_no_decision_and_what_is_unknown_does(desk: Desk) -> None:
    for number in (1, 2, 3):
        assert "is not settled" in desk.at_broker(lambda broker: broker.waits_for)
        desk.becomes(number, "ACCEPTED")
    assert desk.at_broker(lambda broker: broker.waits_for) == ""
    assert len(desk.at_broker(lambda broker: broker.open_orders())) == 3
    assert desk.at_broker(lambda broker: broker.view(volatility=0.0, data_age_seconds=0.0).position) == 0.0
    desk.becomes(1, "PARTIALLY_FILLED", "0.1")  # told, and not booked yet
    assert "is not settled" in desk.at_broker(lambda broker: broker.waits_for)
    desk.trades(1, "0.1", "11", 70)
    assert desk.at_broker(lambda broker: broker.waits_for) == ""


@pytest.mark.parametrize("restarts", [False, True])
def test_each_fill_is_told_once_whatever_order_they_come_in(desk: Desk, restarts: bool) -> None:
    for number in (1, 2, 3):
        desk.becomes(number, "ACCEPTED")
    whole = desk.journal.read_orders(CANARY.id)[0].intent.quantity
    desk.becomes(1, "PARTIALLY_FILLED", str(whole / 2))
    desk.trades(1, str(whole / 2), "12", 90)
    desk.pass_bar()
    if restarts:
        desk.open()
    desk.trades(1, str(whole / 2), "11", 80)  # the older one comes late
    desk.becomes(1, "FILLED", str(whole))
    if restarts:
        desk.open()
        desk.at_broker(lambda broker: None)
        desk.wire.blocked_by = ""
    desk.pass_bar()
    half = float(whole / 2)
    assert desk.memory()["told"] == [
        [1, "PARTIALLY_FILLED", half, half, "limit_order"],
        [1, "FILLED", half, 0.0, "limit_order"],
    ]
    desk.pass_bar()
    assert len(desk.memory()["told"]) == 2
    assert desk.memory()["orders"] == [2, 3]


def test_what_ends_by_itself_is_told_with_its_reason(desk: Desk) -> None:
    desk.becomes(1, "REJECTED")
    desk.becomes(2, "ACCEPTED")
    desk.becomes(3, "DENIED")
    desk.pass_bar()
    desk.pass_bar()
    desk.pass_bar()
    desk.becomes(2, "CANCELED")
    desk.pass_bar()
    assert [[*one[:2], one[4]] for one in desk.memory()["told"]] == [
        [1, "CANCELED", "the venue refused it"],
        [3, "CANCELED", "it was not sent"],
        [2, "EXPIRED", "its time is over"],
    ]


@pytest.mark.parametrize("ended", UNPROVEN)
@pytest.mark.parametrize("restarts", [False, True])
def test_order_that_was_given_up_and_works_after_all_is_canceled(
    desk: Desk, ended: OrderStatus, *, restarts: bool
) -> None:
    for number in (2, 3):
        desk.becomes(number, "ACCEPTED")
    desk.becomes(1, "SUBMITTED", is_known=False)
    desk.becomes(1, ended, is_known=False)
    desk.pass_bar()
    assert [one[:2] for one in desk.memory()["told"]] == [[1, "CANCELED"]]
    if restarts:
        desk.open()
    desk.becomes(1, "ACCEPTED")
    around = Circumstances(Decimal(0), may_open=True, now_ms=to_ms(AT))

    def step(broker: EventVenueBroker) -> Step:
        return next_step(broker.wished(), around, {})

    assert desk.at_broker(step) == Cancel(desk.names()[0])
    assert desk.names()[0] not in desk.at_broker(lambda broker: [one[2] for one in broker.kept_orders()])
    desk.becomes(1, "CANCELED")
    assert desk.at_broker(step) == Wait("rests")
    desk.wire.blocked_by = ""
    desk.pass_bar()
    assert len(desk.memory()["told"]) == 1


class Strict(OpenGate):
    """An account that denies every sale, and notes what it is asked about and what was executed."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, float, bool]] = []
        self.filled: list[str] = []

    def ask(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        self.asked.append((round(order.quantity, 6), order.price, order.is_limit))
        return AccountDenial("self_match", "deny", "1 is beyond 0") if order.quantity < 0.0 else None

    def ask_again(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        return AccountDenial("restricted_symbol", "deny", "1 is beyond 0")

    def executed(self, order: AccountOrder) -> None:
        self.filled.append(order.client_order_id)


def test_account_is_asked_about_each_order_and_what_it_denies_is_told() -> None:
    gate = Strict()
    desk = Desk(gate)
    desk.pass_bar()
    assert [one[1:] for one in gate.asked] == [(98.0, True), (97.0, True), (102.0, True)]
    assert len(desk.names()) == 2
    desk.becomes(1, "ACCEPTED")
    desk.becomes(2, "ACCEPTED")
    desk.trades(1, "0.1", "11", 70)
    assert gate.filled == desk.names()[:1]
    desk.pass_bar()
    assert desk.memory()["told"][0][:2] == [3, "CANCELED"]
    assert desk.memory()["told"][0][4] == "denied (self_match: 1 is beyond 0)"
    assert desk.memory()["orders"] == [1, 2]


def test_order_that_fills_after_a_restart_counts_as_executed_once() -> None:
    gate = Strict()
    desk = Desk(gate)
    desk.pass_bar()
    desk.becomes(1, "ACCEPTED")
    desk.becomes(2, "ACCEPTED")
    desk.trades(2, "0.1", "10", 65)
    desk.becomes(2, "PARTIALLY_FILLED", "0.1")
    desk.open()
    desk.trades(1, "0.1", "11", 70)
    desk.trades(1, "0.1", "12", 71)
    desk.trades(2, "0.1", "13", 72)
    assert gate.filled == [desk.names()[1], desk.names()[0]]


def test_what_only_reduces_is_sent_whatever_the_account_denies() -> None:
    desk = Desk(Strict())
    desk.pass_bar()
    opening = desk.journal.read_orders(CANARY.id)[0].intent
    assert "restricted_symbol" in desk.trader.refusal_to_send(opening)
    assert desk.trader.refusal_to_send(replace(opening, reduce_only=True)) == ""
    desk.trader.trip(Trip("frozen", "halted by ann"))
    assert desk.trader.refusal_to_send(replace(opening, reduce_only=True)) == "halted before it was sent"


STOPS = '''
from quant_pipelines.sdk import Bars, Desk, EventStrategy, Float, OrderEvent, Stops


class Outbreak(EventStrategy):
    """Stops on both sides at the first bar, off the grid; it writes down what it is told."""

    order_kinds = ("stop_market",)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2))

    def on_start(self, desk: Desk) -> None:
        desk.memory.update(told=[])
        desk.stop_market(0.2, 101.04)
        desk.stop_market(-0.2, 98.96)

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        pass

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        desk.memory["told"].append([event.number, event.status, event.reason])
        desk.stop_market(1.0, 97.96, reduce_only=True)
'''


@pytest.fixture
def stops() -> Desk:
    """A desk whose two stops are committed."""
    made = Desk(source=STOPS)
    made.pass_bar()
    return made


def test_a_stop_is_committed_at_the_tick_at_which_it_triggers_first_behind_its_price(stops: Desk) -> None:
    intents = [order.intent for order in stops.journal.read_orders(CANARY.id)]
    assert [(one.side, str(one.price), one.order_type) for one in intents] == [
        ("buy", "101.1", "stop_market"),
        ("sell", "98.9", "stop_market"),
    ]


def test_account_is_asked_about_a_stop_at_its_trigger_and_counts_it_as_one_that_takes() -> None:
    gate = Strict()
    desk = Desk(gate, source=STOPS)
    desk.pass_bar()
    assert [one[1:] for one in gate.asked] == [(101.1, False), (98.9, False)]
    [one] = desk.at_broker(lambda broker: broker.open_orders())
    assert (one.trigger_price, one.price) == (101.1, pytest.approx(float("nan"), nan_ok=True))


@pytest.mark.parametrize("restarts", [False, True])
def test_a_stop_rests_until_it_triggers_and_is_told_as_one(stops: Desk, *, restarts: bool) -> None:
    for number in (1, 2):
        assert "is not settled" in stops.at_broker(lambda broker: broker.waits_for)
        stops.becomes(number, "ACCEPTED")
    assert stops.at_broker(lambda broker: broker.waits_for) == ""
    stops.becomes(1, "TRIGGERED")
    assert "is not settled" in stops.at_broker(lambda broker: broker.waits_for)
    whole = str(stops.journal.read_orders(CANARY.id)[0].intent.quantity)
    stops.becomes(1, "PARTIALLY_FILLED", "0.1")
    stops.trades(1, "0.1", "11", 70)
    assert "is not settled" in stops.at_broker(lambda broker: broker.waits_for)  # it takes, and ends at once
    stops.becomes(1, "FILLED", whole)
    stops.trades(1, str(Decimal(whole) - Decimal("0.1")), "12", 71)
    assert stops.at_broker(lambda broker: broker.waits_for) == ""
    if restarts:
        stops.open()
        stops.at_broker(lambda broker: None)
        stops.wire.blocked_by = ""
    stops.pass_bar()
    assert stops.memory()["told"] == [[1, "PARTIALLY_FILLED", "stop_order"], [1, "FILLED", "stop_order"]]
    closing = stops.journal.read_orders(CANARY.id)[2].intent
    assert (closing.side, str(closing.price), closing.reduce_only) == ("sell", "97.9", True)


def test_a_stop_that_was_refused_as_its_price_had_come_has_ended_and_is_told(stops: Desk) -> None:
    stops.becomes(1, "EXPIRED", is_known=False)
    stops.becomes(2, "ACCEPTED")
    stops.pass_bar()
    assert [one[:2] for one in stops.memory()["told"]] == [[1, "CANCELED"]]
