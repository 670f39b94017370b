"""Orders of the day as a venue's broker counts them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from live_runner.book.plan import plan_of
from live_runner.venue.broker import BookRows, VenueBroker
from live_runner.venue.wire import Wire
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.store.trading import Intent, StoredBook
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.purposes import CLOSE, STOP, TARGET
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_races import AT, DEPLOYMENT

EMPTY = StoredBook(None, None, (), (), (), None)


def placed(number: int, at: datetime, purpose: str = TARGET) -> PlacedOrder:
    intent = Intent(f"q1-7-{number}", "buy", Decimal(1), purpose, at)
    return PlacedOrder(intent, 1, None, OrderProgress("REJECTED"), at)


def broker_of(orders: list[PlacedOrder]) -> VenueBroker:
    """Broker whose rows are these orders, after a bar that closes an hour after midnight."""
    broker = VenueBroker(
        MemoryJournal(),
        plan_of(DEPLOYMENT, in_process),
        1,
        rows=BookRows(EMPTY, orders),
        stop_fraction=0.05,
        wire=Wire(print, print),
    )
    broker.step(ExecutionBar(to_ms(AT) + 59 * MINUTE_MS, 100.0, 101.0, 99.0, 100.0))
    return broker


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([], 0.0),
        ([placed(1, AT - timedelta(minutes=1)), placed(2, AT), placed(3, AT + timedelta(minutes=9))], 2.0),
        ([placed(1, AT, STOP), placed(2, AT, CLOSE), placed(3, AT)], 1.0),
    ],
    ids=["none", "of this day only", "decided ones only"],
)
def test_orders_of_the_day_are_counted_from_the_rows(orders: list[PlacedOrder], expected: float) -> None:
    view: Any = broker_of(orders).view(volatility=0.0, data_age_seconds=0.0)
    assert view.orders_today == expected
