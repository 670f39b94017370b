"""Stops that an event strategy places at a venue, without one: committed, asked about, and told once."""

from decimal import Decimal

import pytest

from tests.unit.live_runner.event_desk import CANARY, Desk, Strict

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


def test_an_order_that_is_dropped_is_journaled_at_the_price_that_was_asked_for() -> None:
    dropped = "desk.stop_market(1.0, 97.96, reduce_only=True); desk.limit(0.0, 97.96)"
    source = STOPS.replace("desk.stop_market(0.2, 101.04)", dropped)
    desk = Desk(source=source.replace('("stop_market",)', '("stop_market", "limit")'))
    desk.pass_bar()
    [signal] = desk.journal.tables.signals.values()
    told = [(one["number"], one["quantity"], one["price"]) for one in signal.decision["orders"]]
    assert [(number, price) for number, quantity, price in told if not quantity] == [(0, 97.96), (0, 97.96)]


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
