"""Conditional orders: their life, and the order that they send."""

from typing import Any

import pytest

from quant_pipelines.simulator.queries import VenueError


def code_of(call: Any, *arguments: Any, **more: Any) -> int:
    with pytest.raises(VenueError) as caught:
        call(*arguments, **more)
    return caught.value.code


def status_of(desk: Any, algo: dict[str, Any]) -> str:
    return str(desk.call("GET", "algoOrder", algoId=algo["algoId"])["algoStatus"])


def test_stop_runs_through_its_life_and_sends_one_order(desk: Any) -> None:
    desk.order("BUY", "0.010")
    algo = desk.stop("SELL", "0.010", "58000.0", reduceOnly="true", clientAlgoId="guard")
    desk.price("BTCUSDT", "58000.1")
    assert status_of(desk, algo) == "NEW"
    desk.price("BTCUSDT", "57990")
    assert desk.told("ALGO_UPDATE") == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]
    child = desk.call("GET", "order", symbol="BTCUSDT", origClientOrderId="guard")
    ended = desk.call("GET", "algoOrder", clientAlgoId="guard")
    assert (child["status"], str(child["orderId"])) == ("FILLED", ended["actualOrderId"])
    assert desk.ledger.position("BTCUSDT").quantity == 0


def test_stop_gaps_to_the_price_that_is_there(desk: Any) -> None:
    desk.order("BUY", "0.010")
    desk.stop("SELL", "0.010", "58000.0")
    desk.price("BTCUSDT", "50000")
    assert desk.call("GET", "userTrades", symbol="BTCUSDT")[-1]["price"] == "49999.9"


def test_take_profit_triggers_on_the_other_side(desk: Any) -> None:
    desk.order("BUY", "0.010")
    algo = desk.stop("SELL", "0.010", "61000.0", kind="TAKE_PROFIT_MARKET")
    desk.price("BTCUSDT", "61000")
    assert status_of(desk, algo) == "FINISHED"


def test_stop_on_mark_price_ignores_the_last_price(desk: Any) -> None:
    desk.order("BUY", "0.010")
    algo = desk.stop("SELL", "0.010", "58000.0", workingType="MARK_PRICE")
    desk.price("BTCUSDT", "57000", mark="59000")
    assert status_of(desk, algo) == "NEW"
    desk.price("BTCUSDT", "59000", mark="58000")
    assert status_of(desk, algo) == "FINISHED"


def test_trailing_stop_follows_the_best_price(desk: Any) -> None:
    desk.order("BUY", "0.010")
    algo = desk.stop("SELL", "0.010", "", kind="TRAILING_STOP_MARKET", callbackRate="1")
    for price in ("61000", "60500"):
        desk.price("BTCUSDT", price)
    assert status_of(desk, algo) == "NEW"
    desk.price("BTCUSDT", "60390")
    assert status_of(desk, algo) == "FINISHED"


def test_trailing_stop_sleeps_until_its_activation_price(desk: Any) -> None:
    desk.order("BUY", "0.010")
    more = {"callbackRate": "1", "activatePrice": "62000.0"}
    algo = desk.stop("SELL", "0.010", "", kind="TRAILING_STOP_MARKET", **more)
    for price in ("61000", "60000"):
        desk.price("BTCUSDT", price)
    assert status_of(desk, algo) == "NEW"
    for price in ("62000", "61300"):
        desk.price("BTCUSDT", price)
    assert status_of(desk, algo) == "FINISHED"


def test_close_position_stop_closes_whatever_is_held_then(desk: Any) -> None:
    desk.order("BUY", "0.010")
    desk.stop("SELL", "", "58000.0", closePosition="true")
    desk.order("BUY", "0.020")
    desk.price("BTCUSDT", "57000")
    assert desk.ledger.position("BTCUSDT").quantity == 0


def test_close_position_stop_expires_without_a_position(desk: Any) -> None:
    algo = desk.stop("SELL", "", "58000.0", closePosition="true")
    desk.price("BTCUSDT", "57000")
    assert status_of(desk, algo) == "EXPIRED"


def test_stop_whose_order_is_refused_is_rejected_with_the_reason(desk: Any) -> None:
    desk.stop("SELL", "0.010", "58000.0", reduceOnly="true")
    desk.price("BTCUSDT", "57000")
    assert desk.told("ALGO_UPDATE") == ["NEW", "TRIGGERING", "REJECTED"]
    assert desk.told("ALGO_UPDATE", "rm")[-1] == "ReduceOnly Order is rejected."
    assert desk.ledger.orders == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"trigger": "60500.0"}, -2021),
        ({"trigger": ""}, -1102),
        ({"trigger": "58000.01"}, -1111),
        ({"algoType": "VP"}, -1130),
        ({"type": "MARKET"}, -1116),
        ({"workingType": "LAST"}, -1130),
        ({"quantity": "0.0001"}, -1111),
        ({"clientAlgoId": "taken"}, -4116),
        ({"closePosition": "true"}, -1106),
        ({"type": "TRAILING_STOP_MARKET", "callbackRate": "11"}, -2007),
    ],
)
def test_conditional_order_that_breaks_a_rule_is_refused(
    desk: Any, changes: dict[str, str], code: int
) -> None:
    desk.stop("SELL", "0.010", "57000.0", clientAlgoId="taken")
    wanted = {"side": "SELL", "quantity": "0.010", "trigger": "58000.0"} | changes
    assert code_of(desk.stop, **wanted) == code


def test_a_halted_symbol_takes_no_order_and_rejects_what_triggers(desk: Any) -> None:
    desk.order("BUY", "0.010")
    algo = desk.stop("SELL", "", "58000.0", closePosition="true")
    desk.venue.halted.add("BTCUSDT")
    assert code_of(desk.order, "SELL", "0.010", reduceOnly="true") == -4108
    assert code_of(desk.stop, "SELL", "0.010", "57000.0") == -4108
    desk.price("BTCUSDT", "57990")
    assert status_of(desk, algo) == "REJECTED"
    desk.venue.halted.clear()
    desk.order("SELL", "0.010", reduceOnly="true")
    assert desk.ledger.position("BTCUSDT").quantity == 0


def test_canceled_stop_can_be_neither_canceled_nor_triggered_again(desk: Any) -> None:
    algo = desk.stop("SELL", "0.010", "58000.0")
    answer = desk.call("DELETE", "algoOrder", algoId=algo["algoId"])
    assert answer == {
        "algoId": algo["algoId"],
        "clientAlgoId": algo["clientAlgoId"],
        "code": "200",
        "msg": "success",
    }
    assert code_of(desk.call, "DELETE", "algoOrder", algoId=algo["algoId"]) == -2011
    desk.price("BTCUSDT", "50000")
    assert status_of(desk, algo) == "CANCELED"


def test_cancel_all_leaves_stops_and_cancels_them_by_their_own_call(desk: Any) -> None:
    desk.stop("SELL", "0.010", "58000.0")
    desk.call("DELETE", "allOpenOrders", symbol="BTCUSDT")
    assert len(desk.call("GET", "openAlgoOrders", symbol="BTCUSDT")) == 1
    desk.call("DELETE", "algoOpenOrders", symbol="BTCUSDT")
    assert desk.call("GET", "openAlgoOrders", symbol="BTCUSDT") == []
