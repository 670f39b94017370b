from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from live_runner.book.recovery import recover
from quant_pipelines.backtest import Book, BookedFill, BookSettings, ExecutionBar
from quant_pipelines.backtest.bar.stops import StopInputs, StopTerms
from quant_pipelines.backtest.book.working import NewOrder
from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.store.trading import Intent, Signal, StoredBook
from quant_pipelines.trading import Execution, TradingRules
from quant_pipelines.trading.purposes import resting_purpose

OPEN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CLOSE = OPEN + MINUTE
SETTINGS = BookSettings(10_000.0, TradingRules())
EMPTY = StoredBook(None, None, (), (), (), None)
BUY = Intent("q1-1-x-t", "buy", Decimal("1.5"), "target", CLOSE)


def bar(number: int, price: float) -> ExecutionBar:
    return ExecutionBar(to_ms(OPEN) + number * MINUTE_MS, price, price + 1, price - 1, price + 0.3)


def booked(**changes: Any) -> StoredBook:
    """Rows after the first bar: the checkpoint is the book before that bar's decision."""
    book = Book(SETTINGS)
    book.step(bar(0, 100.1))
    signal = Signal(CLOSE, 1.0, 100.4, {"target_side": 1.0, "denied_by": None})
    stored = StoredBook(book.to_document(), CLOSE, (BUY,), (), (), signal)
    return replace(stored, **changes)


def test_a_deployment_without_rows_starts_flat() -> None:
    recovered = recover(SETTINGS, EMPTY)
    assert (recovered.booked_until_ms, recovered.order, recovered.decided_ms) == (None, None, 0)
    assert recovered.book.account.position == 0.0


def test_an_open_intent_is_pending_again_and_fills_as_if_nothing_had_happened() -> None:
    uninterrupted = Book(SETTINGS)
    uninterrupted.step(bar(0, 100.1))
    uninterrupted.submit(1.5, target_side=1.0)
    recovered = recover(SETTINGS, booked())
    assert recovered.order == BUY
    assert recovered.book.step(bar(1, 100.7)) == uninterrupted.step(bar(1, 100.7))
    assert recovered.book.to_document() == uninterrupted.to_document()


def test_recovering_twice_yields_the_same_book() -> None:
    assert recover(SETTINGS, booked()).book.to_document() == recover(SETTINGS, booked()).book.to_document()


def test_a_filled_order_is_not_pending_again() -> None:
    recovered = recover(SETTINGS, booked(open_intents=()))
    assert recovered.order is None
    assert recovered.book.pending == 0.0


def test_the_side_of_a_decision_without_order_is_remembered() -> None:
    recovered = recover(SETTINGS, booked(open_intents=()))
    assert recovered.book.view().target_side == 1.0


def test_a_decision_on_stale_data_is_taken_again() -> None:
    stale = Signal(CLOSE, 1.0, 100.4, {"target_side": 0.0, "denied_by": "stale_data"})
    assert recover(SETTINGS, booked(open_intents=())).decided_ms == to_ms(CLOSE)
    assert recover(SETTINGS, booked(open_intents=(), last_signal=stale)).decided_ms == 0


@pytest.mark.parametrize(
    "stored",
    [
        booked(open_intents=(BUY, replace(BUY, client_order_id="q1-1-y-t"))),
        booked(open_intents=(replace(BUY, bar_close=OPEN),)),
        replace(EMPTY, open_intents=(BUY,)),
    ],
    ids=["two open intents", "an intent of another bar", "an intent without a checkpoint"],
)
def test_rows_that_contradict_each_other_are_refused(stored: StoredBook) -> None:
    with pytest.raises(ReconciliationError, match="expected"):
        recover(SETTINGS, stored)


def test_a_trailing_stop_goes_on_from_what_was_decided_with() -> None:
    """The checkpoint is older than the decision's inputs; they stand in its journal."""
    settings = replace(SETTINGS, stops=StopTerms(chandelier=2.0))
    uninterrupted = Book(settings)
    uninterrupted.step(bar(0, 100.1))
    checkpoint = uninterrupted.to_document()
    uninterrupted.submit(1.5, target_side=1.0, inputs=StopInputs(3.0, 0.0))
    decision = {"target_side": 1.0, "denied_by": None, "stop_inputs": {"atr": 3.0, "deviation": 0.0}}
    stored = booked(state=checkpoint, last_signal=Signal(CLOSE, 1.0, 100.4, decision))
    book = recover(settings, stored).book
    assert book.step(bar(1, 100.7)) == uninterrupted.step(bar(1, 100.7))
    assert book.stop_price == uninterrupted.stop_price == 101.7 - 2.0 * 3.0
    assert [fill.reason for fill in book.step(bar(2, 90.0)) if isinstance(fill, BookedFill)] == [
        "chandelier_stop"
    ]


def test_an_order_that_was_capped_goes_on_where_the_checkpoint_holds_its_rest() -> None:
    """Its intent is of an earlier bar, and the last decision wanted nothing more."""
    settings = replace(SETTINGS, rules=TradingRules(execution=Execution(participation=0.5)))
    uninterrupted = Book(settings)
    uninterrupted.step(bar(0, 100.1)._replace(volume=1.0))
    uninterrupted.submit(1.5, target_side=1.0)
    uninterrupted.step(bar(1, 100.1)._replace(volume=1.0))
    held = Signal(CLOSE + MINUTE, 1.0, 100.4, {"target_side": 1.0, "order_quantity": 0.0, "denied_by": None})
    stored = booked(state=uninterrupted.to_document(), bar_close=CLOSE + MINUTE, last_signal=held)
    recovered = recover(settings, stored)
    assert recovered.order == BUY
    assert recovered.book.pending == 1.0
    assert recovered.book.step(bar(2, 100.7)) == uninterrupted.step(bar(2, 100.7))


def test_decision_that_replaced_an_order_adds_what_it_ordered_to_the_rest() -> None:
    """The intent stands for the rest and for what was ordered besides."""
    book = Book(SETTINGS)
    book.step(bar(0, 100.1))
    book.submit(1.5, target_side=1.0)
    turned = {"target_side": -1.0, "order_quantity": -4.0, "denied_by": None}
    sale = replace(BUY, client_order_id="q1-1-y-t", side="sell", quantity=Decimal("2.5"))
    stored = booked(
        state=book.to_document(), open_intents=(sale,), last_signal=Signal(CLOSE, -1.0, 100.4, turned)
    )
    recovered = recover(SETTINGS, stored)
    assert recovered.order == sale
    assert recovered.book.pending == -2.5


def test_resting_orders_are_those_of_the_checkpoint_with_their_intents() -> None:
    book = Book(SETTINGS)
    book.step(bar(0, 100.1))
    number = book.place(NewOrder("limit", 1.5, 99.0))
    intent = replace(BUY, purpose=resting_purpose(number), order_type="limit", price=Decimal("99.0"))
    document = book.to_document() | {"desk": {"memory": {}, "is_started": True, "asked_ms": 0, "events": []}}
    recovered = recover(SETTINGS, booked(state=document, open_intents=(intent,)))
    assert recovered.order is None
    assert dict(recovered.resting) == {number: intent}
    assert recovered.book.orders == book.orders
    assert recovered.book.pending == 0.0


def test_resting_order_without_its_intent_is_refused() -> None:
    book = Book(SETTINGS)
    book.step(bar(0, 100.1))
    book.place(NewOrder("limit", 1.5, 99.0))
    with pytest.raises(ReconciliationError, match="expected the same"):
        recover(SETTINGS, booked(state=book.to_document() | {"desk": {}}, open_intents=()))
