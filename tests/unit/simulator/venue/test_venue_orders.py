"""Plain orders: what is accepted, what is refused, and how it is matched."""

from decimal import Decimal
from typing import Any

import pytest

from quant_pipelines.simulator.queries import VenueError
from quant_pipelines.simulator.venue.records import Amendment, FillRecord


def code_of(call: Any, *arguments: Any, **more: Any) -> int:
    with pytest.raises(VenueError) as caught:
        call(*arguments, **more)
    return caught.value.code


def test_market_order_fills_at_the_books_best_price(desk: Any) -> None:
    order = desk.order("BUY", "0.010")
    assert (order["status"], order["executedQty"], order["avgPrice"]) == ("FILLED", "0.010", "60000.1000")
    assert desk.ledger.account.wallet == Decimal(10_000) - Decimal("0.01") * Decimal("60000.1") * Decimal(
        "0.0005"
    )
    assert desk.told("ORDER_TRADE_UPDATE", "x") == ["NEW", "TRADE"]


def test_market_order_walks_the_book_level_by_level(desk: Any) -> None:
    desk.level, desk.levels = Decimal("0.01"), 3
    order = desk.order("BUY", "0.025")
    assert order["cumQuote"] == "1500.00450000"  # 0.010 at 60000.1, 0.010 at 60000.2, 0.005 at 60000.3
    assert len(desk.ledger.store.select(FillRecord)) == 3


def test_market_order_expires_what_the_book_does_not_offer(desk: Any) -> None:
    desk.level = Decimal("0.01")
    order = desk.order("BUY", "0.025")
    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.010")


def test_what_was_taken_stays_away_until_the_next_price(desk: Any) -> None:
    desk.level, desk.levels = Decimal("0.01"), 2
    desk.order("BUY", "0.010")
    assert desk.order("BUY", "0.010")["avgPrice"] == "60000.2000"
    desk.price("BTCUSDT", "60000")
    assert desk.order("BUY", "0.010")["avgPrice"] == "60000.1000"


def test_limit_buy_fills_only_when_price_trades_through(desk: Any) -> None:
    order = desk.order("BUY", "0.010", "59000.0")
    desk.price("BTCUSDT", "59000")
    assert desk.call("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])["status"] == "NEW"
    desk.price("BTCUSDT", "58999.9")
    filled = desk.call("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])
    assert (filled["status"], filled["avgPrice"]) == ("FILLED", "59000.0000")
    trade = desk.call("GET", "userTrades", symbol="BTCUSDT")[0]
    assert (trade["maker"], trade["commission"]) == (True, "0.11800000")


def test_limit_order_gets_no_more_than_what_traded(desk: Any) -> None:
    desk.order("BUY", "0.010", "59000.0", newClientOrderId="patient")
    desk.price("BTCUSDT", "58990", traded="0.004")
    order = desk.call("GET", "order", symbol="BTCUSDT", origClientOrderId="patient")
    assert (order["status"], order["executedQty"]) == ("PARTIALLY_FILLED", "0.004")
    assert desk.call("DELETE", "order", symbol="BTCUSDT", origClientOrderId="patient")["status"] == "CANCELED"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOPE"}, -1121),
        ({"side": "HOLD"}, -1117),
        ({"type": "ICEBERG"}, -1116),
        ({"type": "STOP_MARKET"}, -4120),
        ({"timeInForce": "SOON"}, -1115),
        ({"timeInForce": "GTX", "price": "60100.0"}, -5022),
        ({"timeInForce": "FOK", "price": "60000.0"}, -5021),
        ({"quantity": "0.0101"}, -1111),
        ({"quantity": "0"}, -4003),
        ({"quantity": "abc"}, -1100),
        ({"quantity": "NaN"}, -1100),
        ({"quantity": "-Infinity"}, -1100),
        ({"quantity": "0.01\n"}, -1100),
        ({"price": "1e5"}, -1100),
        ({"newClientOrderId": "ends\n"}, -4015),
        ({"selfTradePreventionMode": "ALWAYS"}, -5039),
        ({"timeInForce": "GTD"}, -1102),
        ({"timeInForce": "GTD", "goodTillDate": "1"}, -5040),
        ({"timeInForce": "GTD", "goodTillDate": "9" * 20}, -5040),
        ({"quantity": "1000000"}, -4005),
        ({"price": "59000.01"}, -1111),
        ({"price": "64000.0"}, -4016),
        ({"quantity": "0.001"}, -4164),
        ({"quantity": "10", "price": "59000.0"}, -2019),
        ({"quantity": "2000"}, -2027),
        ({"reduceOnly": "true"}, -2022),
        ({"positionSide": "LONG"}, -4061),
        ({"newClientOrderId": "with space"}, -4015),
        ({"newClientOrderId": "taken"}, -4116),
    ],
)
def test_order_that_breaks_a_rule_is_refused_with_its_code(
    desk: Any, changes: dict[str, str], code: int
) -> None:
    desk.order("BUY", "0.010", "50000.0", newClientOrderId="taken")
    wanted = {"side": "BUY", "quantity": "0.010", "price": "59000.0"} | changes
    assert code_of(desk.order, **wanted) == code
    assert len(desk.ledger.orders) == 1


def test_client_order_id_is_free_again_once_its_order_has_ended(desk: Any) -> None:
    desk.order("BUY", "0.010", newClientOrderId="again")
    assert desk.order("BUY", "0.010", newClientOrderId="again")["status"] == "FILLED"


def test_immediate_or_cancel_expires_its_rest(desk: Any) -> None:
    desk.level = Decimal("0.004")
    order = desk.order("BUY", "0.010", "60000.1", timeInForce="IOC")
    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.004")


def test_reduce_only_is_cut_to_the_position(desk: Any) -> None:
    desk.order("BUY", "0.010")
    order = desk.order("SELL", "0.050", reduceOnly="true")
    assert (order["origQty"], order["status"]) == ("0.010", "FILLED")
    assert desk.ledger.position("BTCUSDT").quantity == 0


def test_resting_reduce_only_expires_when_the_position_is_gone(desk: Any) -> None:
    desk.order("BUY", "0.010")
    desk.order("SELL", "0.010", "60500.0", reduceOnly="true", newClientOrderId="target")
    desk.order("SELL", "0.010")
    desk.price("BTCUSDT", "60600")
    assert desk.call("GET", "order", symbol="BTCUSDT", origClientOrderId="target")["status"] == "EXPIRED"


def test_reversal_is_one_trade_that_realizes_the_closed_part(desk: Any) -> None:
    desk.order("BUY", "0.010")
    desk.price("BTCUSDT", "61000")
    desk.order("SELL", "0.030")
    trade = desk.call("GET", "userTrades", symbol="BTCUSDT")[-1]
    assert (trade["qty"], trade["realizedPnl"]) == ("0.030", "9.99800000")
    risk = desk.call("GET", "positionRisk", symbol="BTCUSDT")[0]
    assert (risk["positionAmt"], Decimal(risk["entryPrice"])) == ("-0.020", Decimal("60999.9"))


def test_amended_order_keeps_its_ids_and_takes_its_new_price(desk: Any) -> None:
    order = desk.order("BUY", "0.010", "59000.0", newClientOrderId="moving")
    changed = desk.call(
        "PUT",
        "order",
        symbol="BTCUSDT",
        side="BUY",
        origClientOrderId="moving",
        quantity="0.020",
        price="59500.0",
    )
    assert (changed["orderId"], changed["origQty"], changed["price"]) == (
        order["orderId"],
        "0.020",
        "59500.0",
    )


def amended(desk: Any, quantity: str, price: str, side: str = "BUY") -> Any:
    return desk.call(
        "PUT",
        "order",
        symbol="BTCUSDT",
        side=side,
        origClientOrderId="moving",
        quantity=quantity,
        price=price,
    )


def test_amended_order_forgets_what_it_said_of_trades_with_oneself(desk: Any) -> None:
    order = desk.order("BUY", "0.010", "59000.0", newClientOrderId="moving", timeInForce="GTX")
    assert order["selfTradePreventionMode"] == "EXPIRE_MAKER"
    assert amended(desk, "0.010", "59500.0")["selfTradePreventionMode"] == "NONE"
    assert desk.told("ORDER_TRADE_UPDATE", "V") == ["EXPIRE_MAKER", "NONE"]


def test_post_only_order_that_would_take_at_its_new_price_is_canceled(desk: Any) -> None:
    desk.order("BUY", "0.010", "59000.0", newClientOrderId="moving", timeInForce="GTX")
    assert amended(desk, "0.010", "60100.0")["status"] == "CANCELED"
    assert code_of(amended, desk, "0.010", "59000.0") == -2011


def test_order_is_amended_less_than_ten_thousand_times(desk: Any) -> None:
    order = desk.order("BUY", "0.010", "59000.0", newClientOrderId="moving")
    price, quantity = Decimal(59_000), Decimal("0.01")
    with desk.ledger.transaction():
        for number in range(1, 9_999):
            change = (price, price, quantity, quantity, 0)
            desk.ledger.put(Amendment(100 + number, order["orderId"], "BTCUSDT", "moving", *change))
    assert amended(desk, "0.010", "59500.0")["price"] == "59500.0"
    assert code_of(amended, desk, "0.010", "59000.0") == -5026


def test_order_amended_to_no_more_than_it_has_is_canceled(desk: Any) -> None:
    desk.order("BUY", "0.010", "59000.0", newClientOrderId="moving")
    desk.price("BTCUSDT", "58990", traded="0.004")
    ended = amended(desk, "0.004", "59000.0")
    assert (ended["status"], ended["executedQty"]) == ("CANCELED", "0.004")


@pytest.mark.parametrize(
    ("quantity", "price", "side", "code"),
    [
        ("0.010", "59000.0", "BUY", -5027),
        ("0.0101", "59000.0", "BUY", -1111),
        ("0.010", "59000.05", "BUY", -1111),
        ("0.010", "59500.0", "SELL", -1117),
    ],
)
def test_amendment_that_is_refused_leaves_the_order_as_it_is(
    desk: Any, quantity: str, price: str, side: str, code: int
) -> None:
    desk.order("BUY", "0.010", "59000.0", newClientOrderId="moving")
    assert code_of(amended, desk, quantity, price, side) == code
    [left] = desk.call("GET", "openOrders", symbol="BTCUSDT")
    assert (left["origQty"], left["price"]) == ("0.010", "59000.0")


def test_countdown_cancels_the_symbols_orders_at_its_deadline(desk: Any) -> None:
    desk.order("BUY", "0.010", "59000.0")
    desk.stop("SELL", "0.010", "55000.0")
    desk.call("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime=1500)
    desk.price("BTCUSDT", "60000")
    assert len(desk.call("GET", "openOrders")) == 1
    desk.price("BTCUSDT", "60000")
    assert (desk.call("GET", "openOrders"), len(desk.call("GET", "openAlgoOrders"))) == ([], 1)


def test_unknown_and_ended_orders_are_told_apart_by_code(desk: Any) -> None:
    assert code_of(desk.call, "GET", "order", symbol="BTCUSDT", origClientOrderId="never") == -2013
    assert code_of(desk.call, "GET", "order", symbol="BTCUSDT") == -1102
    done = desk.order("BUY", "0.010")
    assert code_of(desk.call, "DELETE", "order", symbol="BTCUSDT", orderId=done["orderId"]) == -2011


def test_trades_are_paged_by_id(desk: Any) -> None:
    for _ in range(3):
        desk.order("BUY", "0.010")
    trades = desk.call("GET", "userTrades", symbol="BTCUSDT", fromId=2, limit=1)
    assert [trade["id"] for trade in trades] == [2]
    assert code_of(desk.call, "GET", "userTrades", symbol="BTCUSDT", fromId=1, startTime=1) == -1128
