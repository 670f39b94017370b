"""The paper broker."""

import json
from pathlib import Path

import pytest

from quant_pipelines.backtest import Book, BookedFill, BookSettings, ExecutionBar, FundingPayment
from quant_pipelines.backtest.book.values import FundingSlot
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.trading import TradingRules

SETTINGS = BookSettings(1_000.0, TradingRules(costs=CostSettings(0.0, 0.0)), hard_stop=0.1)


def bar(minute: int, price: float = 100.0, **changes: float) -> ExecutionBar:
    plain = ExecutionBar(MINUTE_MS * minute, price, price, price, price)
    return plain._replace(**changes)  # type: ignore[arg-type]


def test_order_fills_at_the_next_bar_and_is_numbered() -> None:
    book = Book(SETTINGS)
    assert book.step(bar(0)) == []
    book.submit(2.0)
    assert book.pending == 2.0
    assert book.step(bar(1, 101.0)) == [BookedFill(1, MINUTE_MS, 2.0, 101.0, 0.0, "target")]
    assert (book.account.position, book.pending) == (2.0, 0.0)
    assert book.stop_price == pytest.approx(90.9)


def test_reversal_books_two_fills_and_a_flatten_says_so() -> None:
    book = Book(SETTINGS)
    book.step(bar(0))
    book.submit(1.0)
    book.step(bar(1))
    book.submit(-2.0)
    fills = [event for event in book.step(bar(2)) if isinstance(event, BookedFill)]
    assert [(fill.number, fill.quantity) for fill in fills] == [(2, -1.0), (3, -1.0)]
    book.submit(1.0, purpose="flatten")
    assert [event.reason for event in book.step(bar(3)) if isinstance(event, BookedFill)] == ["flatten"]


def test_stop_fills_within_the_bar() -> None:
    book = Book(SETTINGS)
    book.step(bar(0))
    book.submit(1.0)
    book.step(bar(1))
    (fill,) = book.step(bar(2, low=80.0))
    assert isinstance(fill, BookedFill)
    assert (fill.reason, fill.price, fill.quantity) == ("hard_stop", 90.0, -1.0)
    assert book.equity == 990.0


def test_funding_received_is_positive() -> None:
    book = Book(SETTINGS)
    book.step(bar(0))
    book.submit(-1.0)
    book.step(bar(1))
    slots = (FundingSlot(2 * MINUTE_MS, 0.01, 120.0), FundingSlot(2 * MINUTE_MS, 0.01, None))
    (payment,) = book.step(bar(2)._replace(funding=slots))
    assert isinstance(payment, FundingPayment)
    assert (payment.ts, round(payment.amount, 12)) == (2 * MINUTE_MS, 2.2)


def test_slot_inside_a_bar_is_paid_at_its_own_time_and_price() -> None:
    """Where no price is told with it: the close that ends there, else the open of the bar around it."""
    book = Book(SETTINGS)
    book.step(bar(0))
    book.submit(-1.0)
    book.step(bar(1))
    at = 2 * MINUTE_MS
    slots = (
        FundingSlot(at, 0.01),
        FundingSlot(at + 10, 0.01, last_price=130.0),
        FundingSlot(at + 20, 0.01, 120.0, 1.0),
    )
    paid = book.step(bar(2, open=95.0)._replace(funding=slots))
    assert [(one.ts, round(one.amount, 12)) for one in paid if isinstance(one, FundingPayment)] == [
        (at, 1.0),
        (at + 20, 2.5),
    ]
    (late,) = book.step(bar(4, open=95.0)._replace(funding=(FundingSlot(at + 90_000, 0.01),)))
    assert isinstance(late, FundingPayment)
    assert round(late.amount, 12) == 0.95


def test_document_restores_the_book_to_the_bit() -> None:
    book = Book(SETTINGS)
    book.step(bar(0))
    book.submit(1.0 / 3.0, target_side=1.0)
    book.step(bar(1, 100.1))
    book.submit(0.1 + 0.2)
    restored = Book.from_document(SETTINGS, json.loads(json.dumps(book.to_document())))
    assert restored.state == book.state
    assert restored.step(bar(2, 99.7)) == book.step(bar(2, 99.7))
    assert restored.to_document() == book.to_document()


def test_fresh_book_survives_its_document() -> None:
    restored = Book.from_document(SETTINGS, json.loads(json.dumps(Book(SETTINGS).to_document())))
    assert (restored.state, restored.equity, restored.account.position) == (None, 1_000.0, 0.0)


def test_bar_that_is_not_newer_is_refused() -> None:
    book = Book(SETTINGS)
    book.step(bar(1))
    with pytest.raises(BacktestError, match="bar is at 60000; expected one after 60000"):
        book.step(bar(1))


def test_order_before_the_first_bar_is_refused() -> None:
    with pytest.raises(BacktestError, match="the book has no bar yet"):
        Book(SETTINGS).submit(1.0)


def test_pending_quantity_counts_as_held() -> None:
    book = Book(SETTINGS)
    book.step(bar(0))
    book.submit(1.5, target_side=1.0)
    view = book.view(data_age_seconds=3)
    assert (view.position, view.target_side, view.data_age_seconds) == (1.5, 1.0, 3.0)


def test_document_of_a_book_keeps_its_form() -> None:
    stored = Path(__file__).with_name("stored_book.json").read_text().strip()
    book = Book.from_document(BookSettings(10_000.0, TradingRules(), 0.05), json.loads(stored))
    assert json.dumps(book.to_document()) == stored
    assert [order.kind for order in book.orders] == ["limit", "stop_market", "market"]
