"""What the user's stream says, as events: what only a sweep can explain asks for one."""

from typing import Any

import pytest

from quant_pipelines.exchange.venue_rows import event_of

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
