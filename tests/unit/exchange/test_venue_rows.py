"""What the user's stream says, as events: what only a sweep can explain asks for one."""

from typing import Any

import pytest

from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.exchange.venue_limits import brackets_of, max_leverage_of
from quant_pipelines.exchange.venue_rows import event_of, position_of, stop_of
from quant_pipelines.trading.execution import Bracket
from quant_pipelines.trading.venue import StopUpdate

SWEEP, NOTHING = (None,), ()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"e": "ACCOUNT_UPDATE", "a": {"m": "FUNDING_FEE"}}, SWEEP),
        ({"e": "ACCOUNT_UPDATE", "a": {"m": "INSURANCE_CLEAR"}}, SWEEP),
        ({"e": "ACCOUNT_UPDATE", "a": {"m": "ORDER"}}, NOTHING),
        ({"e": "ACCOUNT_UPDATE"}, SWEEP),
        ({"e": "listenKeyExpired"}, SWEEP),
        ({"e": "TRADE_LITE"}, NOTHING),
        ([], NOTHING),
    ],
)
def test_money_that_no_order_moved_and_what_can_not_be_read_are_swept(message: Any, expected: Any) -> None:
    assert event_of(message, "BTC/USDT:USDT", "BTCUSDT") == expected


@pytest.mark.parametrize(("kind", "takes_profit"), [("STOP_MARKET", False), ("TAKE_PROFIT_MARKET", True)])
def test_a_take_profit_is_told_from_a_stop_by_both_ways(kind: str, takes_profit: bool) -> None:
    known = {"side": "SELL", "closePosition": True, "algoStatus": "NEW", "orderType": kind}
    row = {"clientAlgoId": "q1-1-a-s", "algoId": 7, "triggerPrice": "90.0", **known}
    update = {
        "caid": "q1-1-a-s",
        "aid": 7,
        "s": "BTCUSDT",
        "S": "SELL",
        "o": kind,
        "tp": "90.0",
        "cp": True,
        "X": "NEW",
    }
    [event] = event_of({"e": "ALGO_UPDATE", "o": update}, "BTC/USDT:USDT", "BTCUSDT")
    assert isinstance(event, StopUpdate)
    assert stop_of(row) == event.stop
    assert event.stop.takes_profit == takes_profit


@pytest.mark.parametrize(
    ("told", "price"), [({}, None), ({"liquidationPrice": ""}, None), ("0", None), ("90", 90)]
)
def test_a_liquidation_price_of_nothing_is_none(told: Any, price: int | None) -> None:
    more = told if isinstance(told, dict) else {"liquidationPrice": told}
    row = {"positionAmt": "-2", "positionSide": "BOTH", "markPrice": "100", "isolatedMargin": "7", **more}
    held = position_of(row, "BTC/USDT:USDT")
    assert (held.liquidation_price, held.mark_price, held.isolated_margin) == (price, 100, 7)


def test_brackets_are_read_lowest_first_or_refused() -> None:
    row = {"initialLeverage": 5, "maintMarginRatio": 0.02, "cum": 50.0}
    first = {**row, "notionalFloor": 0, "maintMarginRatio": 0.01, "cum": 0.0}
    answer = [{"symbol": "BTCUSDT", "brackets": [{**row, "notionalFloor": 5000}, first]}]
    assert brackets_of(answer) == (Bracket(0.0, 0.01), Bracket(5000.0, 0.02, 50.0))
    assert max_leverage_of(answer) == 5
    for strange in ([], [{"symbol": "BTCUSDT"}]):
        with pytest.raises(ExchangeUnavailable, match="brackets"):
            brackets_of(strange)
