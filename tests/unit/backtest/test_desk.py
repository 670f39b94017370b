"""The desk: how much an event strategy may order, what is refused, and what a restart keeps."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.backtest import Book, BookSettings, ExecutionBar
from quant_pipelines.backtest.book.desk import BookDesk, Close
from quant_pipelines.backtest.book.event_run import EventRun
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.portfolio import AllIn, Fixed
from quant_pipelines.risk import RiskLimits
from quant_pipelines.sdk import Bars, Desk, EventStrategy, OrderEvent
from quant_pipelines.sdk.trial.bars import random_walk
from quant_pipelines.trading import Specification, TradingRules

FREE = TradingRules(costs=CostSettings(0.0, 0.0, 0.0), sizing=Fixed(10.0))
BARS = random_walk(5, seed=1)


def desk_at(rules: TradingRules = FREE, *, held: float = 0.0) -> tuple[BookDesk, Book]:
    book = Book(BookSettings(10_000.0, rules))
    book.step(ExecutionBar(0, 100.0, 100.0, 100.0, 100.0, 1e9))
    if held:
        book.submit(held)
        book.step(ExecutionBar(MINUTE_MS, 100.0, 100.0, 100.0, 100.0, 1e9))
    desk = BookDesk(book, MINUTE_MS, EventStrategy.order_kinds)
    desk.open(rules.terms, Close(2 * MINUTE_MS))
    return desk, book


def test_size_is_a_share_of_a_full_position() -> None:
    desk, _ = desk_at()
    assert desk.limit(0.25, 90.0) == 1
    assert desk.stop_market(-0.5, 80.0) == 2
    assert [(order.kind, order.quantity) for order in desk.orders] == [("limit", 2.5), ("stop_market", -5.0)]


def test_orders_of_a_side_together_with_what_is_held_are_at_most_a_full_position() -> None:
    desk, _ = desk_at(held=4.0)
    assert desk.limit(0.5, 90.0)
    assert desk.limit(0.5, 89.0)
    assert desk.limit(0.5, 88.0) == 0
    assert [order.quantity for order in desk.orders] == [5.0, 1.0]
    assert "full position" in desk.wishes[-1].placement.reason


def test_orders_beyond_a_limit_are_denied_with_the_rule() -> None:
    desk, _ = desk_at(replace(FREE, limits=RiskLimits(max_position_fraction=0.05)))
    assert desk.limit(0.4, 90.0)
    assert desk.limit(0.4, 90.0) == 0
    denial = desk.wishes[-1].placement.denial
    assert denial is not None
    assert denial.rule == "position_limit"


def test_stop_entry_is_judged_at_its_trigger_where_that_is_higher() -> None:
    desk, _ = desk_at(replace(FREE, limits=RiskLimits(max_position_fraction=0.05)))
    assert desk.stop_market(0.5, 120.0) == 0
    assert desk.stop_market(0.5, 99.0) > 0


def test_order_that_reduces_is_never_denied_and_only_reduces() -> None:
    desk, _ = desk_at(replace(FREE, limits=RiskLimits(max_position_fraction=0.0001)), held=4.0)
    assert desk.limit(-0.4, 110.0)
    assert [(order.quantity, order.reduce_only) for order in desk.orders] == [(-4.0, True)]


def test_order_that_would_turn_beyond_a_limit_is_cut_to_what_closes() -> None:
    desk, _ = desk_at(replace(FREE, limits=RiskLimits(max_position_fraction=0.01)), held=4.0)
    assert desk.market(-1.0)
    assert [(order.quantity, order.reduce_only) for order in desk.orders] == [(-4.0, True)]
    assert desk.wishes[-1].placement.denial is not None


def test_share_of_what_is_held_is_closed_with_reduce_only() -> None:
    desk, _ = desk_at(held=-4.0)
    assert desk.limit(0.5, 90.0, reduce_only=True)
    assert [order.quantity for order in desk.orders] == [2.0]


def test_nothing_is_placed_to_reduce_while_flat() -> None:
    desk, _ = desk_at()
    assert desk.market(1.0, reduce_only=True) == 0


def test_side_that_the_direction_forbids_only_closes() -> None:
    desk, _ = desk_at(replace(FREE, direction="long"), held=4.0)
    assert desk.market(-1.0)
    assert [(order.quantity, order.reduce_only) for order in desk.orders] == [(-4.0, True)]
    assert desk_at(replace(FREE, direction="long"))[0].market(-1.0) == 0


def test_order_below_the_smallest_notional_is_dropped() -> None:
    desk, _ = desk_at(replace(FREE, specification=Specification(0.1, 50.0)))
    assert desk.limit(0.04, 90.0) == 0
    assert desk.limit(0.06, 90.0) > 0


def test_order_that_expires_counts_strategy_bars() -> None:
    desk, _ = desk_at()
    desk.limit(0.1, 90.0, expires_bars=3)
    assert desk.orders[0].expires_ms == 5 * MINUTE_MS


@given(
    st.lists(
        st.tuples(st.sampled_from(["limit", "stop", "market"]), st.floats(-1, 1), st.floats(0.5, 1.5)),
        max_size=12,
    )
)
@settings(max_examples=80)
def test_worst_case_of_all_orders_stays_within_a_full_position(
    wishes: list[tuple[str, float, float]],
) -> None:
    desk, book = desk_at(replace(FREE, sizing=AllIn(0.8)), held=17.0)
    for kind, size, at in wishes:
        if kind == "limit":
            desk.limit(size, 100.0 * at)
        elif kind == "stop":
            desk.stop_market(size, 100.0 * at)
        else:
            desk.market(size)
    longest = book.account.position + sum(max(o.leaves, 0.0) for o in desk.orders if not o.reduce_only)
    shortest = book.account.position + sum(min(o.leaves, 0.0) for o in desk.orders if not o.reduce_only)
    assert longest <= 80.0 + 1e-9
    assert shortest >= -80.0 - 1e-9


class Notes(EventStrategy):
    """Writes down what it is told, and raises when it is asked to."""

    def on_start(self, desk: Desk) -> None:
        desk.memory["told"] = ["start"]

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        desk.memory["told"].append(len(bars))
        if len(bars) == 1:
            desk.limit(0.5, desk.price * 0.99)
        if len(bars) == 4:
            raise ZeroDivisionError("on purpose")

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        desk.memory["told"].append([event.number, event.status, event.reason])


def test_strategy_is_told_its_start_its_fills_and_its_bars_in_this_order_over_restarts() -> None:
    book = Book(BookSettings(10_000.0, FREE))
    document = None
    for at, low in enumerate((100.0, 100.0, 98.0)):
        run = EventRun(Notes(), book, MINUTE_MS, document)
        run.note(book.step(ExecutionBar(at * MINUTE_MS, 100.0, 100.0, low, 100.0)))
        run.act(FREE.terms, Close((at + 1) * MINUTE_MS), BARS.rows(0, at + 1))
        document = json.loads(json.dumps(run.to_document()))
    assert document is not None
    assert document["memory"]["told"] == ["start", 1, 2, [1, "FILLED", "limit_order"], 3]


def test_error_of_a_strategy_names_it_and_the_bar() -> None:
    book = Book(BookSettings(10_000.0, FREE))
    book.step(ExecutionBar(0, 100.0, 100.0, 100.0, 100.0))
    document = {"memory": {"told": []}, "is_started": True, "asked_ms": 0, "events": []}
    run = EventRun(Notes(), book, MINUTE_MS, document)
    with pytest.raises(
        StrategyError, match="Notes at the close of 1970-01-01 00:01 raised ZeroDivisionError: on purpose"
    ):
        run.act(FREE.terms, Close(MINUTE_MS), BARS.rows(0, 4))


def test_orders_that_rest_count_against_the_quota_of_the_day_and_those_that_reduce_are_not_denied() -> None:
    rules = replace(FREE, limits=RiskLimits(max_orders_per_day=3.0))
    desk, book = desk_at(rules, held=4.0)
    assert desk.limit(0.1, 90.0)
    assert desk.limit(0.1, 89.0)
    assert desk.limit(0.1, 88.0) == 0
    denial = desk.wishes[-1].placement.denial
    assert denial is not None
    assert (denial.rule, denial.observed) == ("order_quota", 4.0)
    assert desk.limit(-0.4, 110.0)
    restored = Book.from_document(book.settings, json.loads(json.dumps(book.to_document())))
    assert restored.view().orders_today == book.view().orders_today == 4.0


def test_desk_refuses_a_kind_that_is_not_declared() -> None:
    book = Book(BookSettings(10_000.0, FREE))
    desk = BookDesk(book, MINUTE_MS, ("limit",))
    with pytest.raises(StrategyError, match="order is market; expected one of order_kinds: limit"):
        desk.market(0.5)
