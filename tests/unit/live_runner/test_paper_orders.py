"""Paper orders obey the order table: what a bar does to one may follow what the rows say, or is an error."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from live_runner.book.paper import PaperBroker
from live_runner.book.plan import plan_of
from live_runner.book.recovery import recover
from quant_pipelines.backtest import Book, ExecutionBar
from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.store.engine import connect
from quant_pipelines.store.trading import Intent, Signal, StoredBook
from quant_pipelines.trading.orders import OrderProgress
from tests.in_process import in_process
from tests.unit.live_runner.test_races import AT, DEPLOYMENT

PLAN = plan_of(replace(DEPLOYMENT, stage="paper", venue="paper"), in_process)
CLOSE = AT + timedelta(minutes=1)
BUY = Intent("q1-7-x-t", "buy", Decimal("1.5"), "target", CLOSE)


def bar(number: int) -> ExecutionBar:
    return ExecutionBar(to_ms(AT) + number * MINUTE_MS, 100.0, 101.0, 99.0, 100.0)


def broker_of(progress: OrderProgress) -> PaperBroker:
    """After a restart: the book's last bar has ordered, and the rows say how far that order is."""
    book = Book(PLAN.paper_settings)
    book.step(bar(0))
    signal = Signal(CLOSE, 1.0, 100.0, {"target_side": 1.0, "denied_by": None})
    known = {BUY.client_order_id: progress}
    stored = StoredBook(book.to_document(), CLOSE, (BUY,), (), (), signal, known)
    recovered = recover(PLAN.paper_settings, stored)
    nowhere = connect("postgresql://127.0.0.1/quant")  # never connected to
    return PaperBroker(nowhere, PLAN, 1, recovered=recovered, stored=stored)


@pytest.mark.parametrize("status", ["INITIALIZED", "SUBMITTED"])
def test_a_bar_fills_an_order_that_is_on_its_way(status: OrderStatus) -> None:
    (state,) = broker_of(OrderProgress(status)).step(bar(1)).orders
    assert (state.client_order_id, state.status, state.filled_quantity) == (
        BUY.client_order_id,
        "FILLED",
        1.5,
    )


@pytest.mark.parametrize("status", ["FILLED", "CANCELED", "PENDING_CANCEL"])
def test_an_order_that_the_rows_know_further_than_the_book_is_an_error(status: OrderStatus) -> None:
    broker = broker_of(OrderProgress(status, BUY.quantity + 1))
    with pytest.raises(ReconciliationError, match=f"order q1-7-x-t is {status} with 2.5 filled; expected"):
        broker.step(bar(1))


def test_an_order_ends_once() -> None:
    broker = broker_of(OrderProgress("SUBMITTED"))
    assert broker.ended(BUY, "replaced").status == "CANCELED"
    with pytest.raises(ReconciliationError, match="is CANCELED with 0 filled; expected what may follow that"):
        broker.ended(BUY, "replaced again")
