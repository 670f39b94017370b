"""Rows of resting orders: placed one after the other, taken back from anywhere, and only as many as fit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.backtest import BacktestSettings, Book, BookSettings, ExecutionBar, run_backtest
from quant_pipelines.backtest.bar.resting_rows import CAPACITY
from quant_pipelines.backtest.book.working import NewOrder
from quant_pipelines.core.errors import BacktestError, StrategyError
from quant_pipelines.portfolio import AllIn
from quant_pipelines.sdk import Bars, Desk, EventStrategy
from quant_pipelines.sdk.trial.bars import random_walk
from quant_pipelines.trading import TradingRules


def book() -> Book:
    made = Book(BookSettings(10_000.0, TradingRules()))
    made.step(ExecutionBar(0, 100.0, 100.0, 100.0, 100.0, 1.0))
    return made


@given(st.lists(st.one_of(st.none(), st.integers(1, 12)), max_size=30))
@settings(max_examples=40)
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


def test_stored_book_with_as_many_orders_as_there_is_room_for_goes_on_and_one_with_more_is_refused() -> None:
    made = book()
    for _ in range(CAPACITY):
        made.place(NewOrder("limit", 1.0, 90.0))
    document = made.to_document()
    assert Book.from_document(made.settings, document).to_document() == document
    document["orders"].append(document["orders"][0] | {"number": CAPACITY + 1})
    with pytest.raises(BacktestError, match="1,025 orders rest at the stored book; expected at most 1,024"):
        Book.from_document(made.settings, document)


class Endless(EventStrategy):
    """A bid more at every close."""

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        """Place as many as one bar allows."""
        for _ in range(CAPACITY + 1):
            desk.limit(0.0001, 1.0)


def test_strategy_that_places_one_order_too_many_is_told_so_with_its_name() -> None:
    bars = random_walk(10, 1)
    with pytest.raises(
        StrategyError, match=r"Endless at the close of .* 1024 orders rest at the book; expected"
    ):
        run_backtest(Endless(), bars, settings=BacktestSettings(rules=TradingRules(sizing=AllIn(1.0))))
