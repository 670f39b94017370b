"""An intent keeps the prices that what it costs is measured against, where they are known."""

import math
from decimal import Decimal

import pytest

from live_runner.book.account import OPEN_GATE, AccountBooks, AccountGate
from live_runner.book.approval import Approval
from live_runner.book.plan import plan_of
from quant_pipelines.risk.account_view import Prices
from quant_pipelines.store.trading import Intent
from tests.in_process import in_process
from tests.unit.live_runner.test_races import AT, DEPLOYMENT

INTENT = Intent("q1-7-a-t", "buy", Decimal(1), "target", AT)
KNOWN, UNKNOWN = (
    AccountBooks(lambda _: Prices(last=100.1), lambda: 0),
    AccountBooks(lambda _: Prices(), lambda: 0),
)


@pytest.mark.parametrize(
    ("gate", "close", "expected"),
    [
        (KNOWN, 100.0, (Decimal("100.0"), Decimal("100.1"))),
        (KNOWN, math.nan, (None, Decimal("100.1"))),
        (UNKNOWN, 100.0, (Decimal("100.0"), None)),
        (OPEN_GATE, 100.0, (Decimal("100.0"), None)),
    ],
)
def test_prices_at_the_decision_are_kept(
    gate: AccountGate, close: float, expected: tuple[Decimal | None, Decimal | None]
) -> None:
    priced = Approval(gate, plan_of(DEPLOYMENT, in_process)).priced(INTENT, close)
    assert (priced.decision_price, priced.arrival_price) == expected
