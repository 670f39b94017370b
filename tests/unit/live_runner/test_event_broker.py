"""An event strategy at a venue, without one: what it orders is approved, committed, and told once."""

from dataclasses import replace
from decimal import Decimal

import pytest

from live_runner.venue.event_broker import EventVenueBroker
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.store.trading import Position
from quant_pipelines.store.venue_orders import Received
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.orders import UNPROVEN
from quant_pipelines.trading.wished import Cancel, Circumstances, PlaceOrder, Step, Wait, next_step
from tests.unit.live_runner.event_desk import CANARY, Desk, Strict
from tests.unit.live_runner.test_races import AT, SYMBOL

BOUGHT = (1, 2)


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
