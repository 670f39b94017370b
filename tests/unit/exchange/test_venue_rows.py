"""What the user's stream says, as events: what only a sweep can explain asks for one."""

from typing import Any

import pytest

from quant_pipelines.exchange.venue_rows import event_of, stop_of
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
