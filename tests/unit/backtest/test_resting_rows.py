"""Rows of resting orders: placed behind one another, taken back from anywhere, and only as many as fit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.backtest import Book, BookSettings, ExecutionBar
from quant_pipelines.backtest.bar.resting_rows import CAPACITY
from quant_pipelines.backtest.book.book import NewOrder
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.trading import TradingRules


def book() -> Book:
    made = Book(BookSettings(10_000.0, TradingRules()))
    made.step(ExecutionBar(0, 100.0, 100.0, 100.0, 100.0, 1.0))
    return made


@given(st.lists(st.one_of(st.none(), st.integers(1, 12)), max_size=30))
@settings(max_examples=40, deadline=None)
def test_what_rests_is_what_was_placed_and_not_taken_back(wishes: list[int | None]) -> None:
    made, expected, last = book(), dict[int, float](), 0
    for wish in wishes:
        if wish is None:
            last += 1
            expected[last] = float(last)
            assert made.place(NewOrder("limit", float(last), 90.0)) == last
        else:
            assert made.cancel(wish) == (expected.pop(wish, None) is not None)
    assert [(order.number, order.quantity) for order in made.orders] == list(expected.items())
    assert made.may_open == (sum(expected.values()), 0.0)


def test_order_beyond_the_capacity_is_refused_until_another_is_taken_back() -> None:
    made = book()
    for _ in range(CAPACITY):
        made.place(NewOrder("limit", 1.0, 90.0))
    with pytest.raises(BacktestError, match=f"{CAPACITY} orders rest at the book; expected fewer"):
        made.place(NewOrder("limit", 1.0, 90.0))
    assert made.view().orders_today == CAPACITY
    assert made.cancel(7)
    assert made.place(NewOrder("limit", 1.0, 90.0)) == CAPACITY + 1
