"""What counts yet after a restart is read from the orders and fills of the last hour."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from live_runner.book.recall import recalled
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, to_ms
from quant_pipelines.store.trading import Fill, Intent
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.orders import OrderProgress
from tests.unit.live_runner.test_races import AT, DEPLOYMENT

NOW_MS = to_ms(AT) + 2 * HOUR_MS


def order(minutes_ago: int, status: str, filled: str = "0", purpose: str = "target") -> PlacedOrder:
    close = AT + timedelta(hours=2) - timedelta(minutes=minutes_ago)
    intent = Intent(f"q1-7-{minutes_ago}", "sell", Decimal("0.5"), purpose, close)  # type: ignore[arg-type]
    return PlacedOrder(intent, 1, None, OrderProgress(status, Decimal(filled)), close)  # type: ignore[arg-type]


def test_orders_of_the_last_hour_count_as_sent_executed_or_refused() -> None:
    rows = [
        order(5, "FILLED", "0.5"),
        order(61, "FILLED", "0.5"),
        order(20, "REJECTED"),
        order(10, "CANCELED"),
        order(7, "FILLED", "0.5", purpose="stop"),
    ]
    past = recalled(DEPLOYMENT, rows, (), NOW_MS)
    assert [one.client_order_id for one in past.sent] == ["q1-7-20", "q1-7-10", "q1-7-5"]
    assert [(one.client_order_id, one.quantity) for one in past.executed] == [("q1-7-5", -0.5)]
    assert past.refused_ms == (NOW_MS - 20 * MINUTE_MS,)


def test_parts_that_followed_a_decision_count_as_sent_and_as_nothing_else() -> None:
    rows = [
        order(5, "FILLED", "0.5"),
        order(4, "FILLED", "0.5", purpose="remainder"),
        order(3, "DENIED", purpose="remainder"),
        order(2, "REJECTED", purpose="remainder"),
    ]
    past = recalled(DEPLOYMENT, rows, (), NOW_MS)
    sent = [(one.client_order_id, one.part_of) for one in past.sent]
    assert sent == [("q1-7-5", ""), ("q1-7-4", "q1-7-5"), ("q1-7-2", "q1-7-5")]
    assert [one.client_order_id for one in past.executed] == ["q1-7-5"]
    assert past.refused_ms == ()


def test_a_decision_in_parts_is_recalled_as_all_that_was_ordered_of_it() -> None:
    rows = [
        order(9, "FILLED", "0.5"),
        order(5, "FILLED", "0.5"),
        order(4, "FILLED", "0.5", purpose="remainder"),
        order(3, "CANCELED", "0.2", purpose="remainder"),
    ]
    past = recalled(DEPLOYMENT, rows, (), NOW_MS)
    assert [(one.client_order_id, one.quantity) for one in past.executed] == [
        ("q1-7-9", -0.5),
        ("q1-7-5", -1.2),
    ]


def test_orders_of_an_event_strategy_count_at_their_limit_unless_they_only_reduce() -> None:
    rests = order(5, "ACCEPTED", purpose="order 3")
    limit = replace(rests.intent, order_type="limit", price=Decimal(98))
    rows = [
        replace(rests, intent=limit),
        replace(rests, intent=replace(limit, client_order_id="exit", reduce_only=True)),
    ]
    [sent] = recalled(DEPLOYMENT, rows, (), NOW_MS).sent
    assert (sent.client_order_id, sent.price, sent.is_limit, sent.is_stop) == ("q1-7-5", 98.0, True, False)
    [stop] = recalled(
        DEPLOYMENT, [replace(rests, intent=replace(limit, order_type="stop_market"))], (), NOW_MS
    ).sent
    assert (stop.price, stop.is_limit, stop.is_stop) == (98.0, False, True)


def test_the_times_of_all_fills_are_known() -> None:
    fill = Fill("1", None, "buy", Decimal(1), Decimal(100), Decimal(0), "target", AT)
    past = recalled(DEPLOYMENT, (), (fill, replace(fill, trade_id="2")), NOW_MS)
    assert past.fills_ms == (to_ms(AT), to_ms(AT))


def test_what_works_without_a_fill_is_known_however_old_it_is() -> None:
    rows = [
        order(100, "ACCEPTED", purpose="order 1"),
        order(30, "PARTIALLY_FILLED", "0.1", purpose="order 2"),
        order(20, "CANCELED", purpose="order 3"),
        order(10, "UNKNOWN"),
        order(5, "ACCEPTED", purpose="stop"),
    ]
    past = recalled(DEPLOYMENT, rows, (), NOW_MS)
    assert [one.client_order_id for one in past.working] == ["q1-7-100", "q1-7-10"]
    assert [one.client_order_id for one in past.executed] == ["q1-7-30"]
