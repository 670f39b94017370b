"""Resting orders on random bars: what must hold whatever the market does."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.accounting import open_account
from quant_pipelines.accounting.margin import MarginTerms
from quant_pipelines.backtest import Book, BookedFill, BookSettings, ExecutionBar
from quant_pipelines.backtest.bar.resting import FILL_WIDTH, Sheet, room_for
from quant_pipelines.backtest.bar.resting_rows import WIDTH
from quant_pipelines.backtest.bar.resting_step import step_orders
from quant_pipelines.backtest.bar.state import StepBar, StepOutcome, opening_state, with_inputs, with_order
from quant_pipelines.backtest.bar.step import step_bar
from quant_pipelines.backtest.bar.stops import TAKE_PROFIT, StopInputs, StopTerms
from quant_pipelines.backtest.book.working import NewOrder
from quant_pipelines.backtest.market.settings import step_terms_of
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.trading import Execution, Specification, TradingRules
from tests.property.examples import examples

SEEDS = st.integers(0, 2**32 - 1)
COSTS = CostSettings(fee_bps=5.0, slippage_bps=2.0, maker_fee_bps=1.0)
NO_ORDERS = np.empty((0, WIDTH))


def bars_of(rng: Any, n: int, *, gap: float = 0.3) -> list[ExecutionBar]:
    """Bars with gaps between some of them; prices near 100, volume a few units."""
    bars, price = [], 100.0
    for i in range(n):
        open_ = price * (1.0 + rng.normal(0.0, 0.01) * (rng.random() < gap))
        close = open_ * (1.0 + rng.normal(0.0, 0.01))
        high = max(open_, close) * (1.0 + abs(rng.normal(0.0, 0.005)))
        low = min(open_, close) * (1.0 - abs(rng.normal(0.0, 0.005)))
        bars.append(ExecutionBar(i * MINUTE_MS, open_, high, low, close, float(rng.uniform(0.0, 9.0))))
        price = close
    return bars


def rules_of(rng: Any) -> TradingRules:
    execution = Execution(
        participation=float(rng.choice([0.0, 0.2])), latency_ms=int(rng.choice([0, 60_000]))
    )
    lots = Specification(lot_size=float(rng.choice([0.0, 0.01])))
    return TradingRules(costs=COSTS, specification=lots, execution=execution)


def order_of(rng: Any, close: float) -> NewOrder:
    kind = str(rng.choice(["limit", "limit", "stop_market", "market"]))
    quantity = round(float(rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 2.0)), 2)
    price = 0.0 if kind == "market" else close * (1.0 + float(rng.normal(0.0, 0.01)))
    return NewOrder(kind, quantity, price, bool(rng.random() < 0.3), bool(rng.random() < 0.2))


def facts(outcome: StepOutcome) -> list[tuple[int, float, float, float]]:
    """Reason and amounts of a bar's fills, in their order."""
    rows = (
        (outcome.gap_reason, outcome.gap_stop),
        (outcome.closing_reason, outcome.closing),
        (outcome.closing_reason, outcome.opening),
        (outcome.stop_reason, outcome.stop),
        (TAKE_PROFIT, outcome.goal),
    )
    return [(reason, *fill) for reason, fill in rows if fill.quantity != 0.0]


@given(SEEDS)
@settings(max_examples=examples(60))
def test_bar_without_orders_equals_step_bar_to_the_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    on = rng.random(8) < 0.4
    values = np.where(on, [0.02, 2.0, 2.0, 2.0, 0.02, 5.0 * MINUTE_MS, 0.02, 0.015], 0.0)
    terms = step_terms_of(rules_of(rng), StopTerms(*values.tolist()), MINUTE_MS)
    if rng.random() < 0.3:
        terms = terms._replace(margin=MarginTerms(np.array([[0.0, 0.01, 0.0]]), 10.0, 0.0125))
    state = opening_state(open_account(1_000.0), 0)
    for bar in bars_of(rng, 60):
        funding, inside = np.where(rng.random(2) < 0.1, rng.normal(0.0, 0.1, 2), 0.0).tolist()
        step = StepBar(*bar[:5], funding, bar.volume, funding_inside=inside)
        expected = step_bar(state, step, terms)
        fills = np.empty((room_for(0), FILL_WIDTH))
        outcome = step_orders(state, step, terms, Sheet(NO_ORDERS, fills))
        assert outcome.state == expected.state
        assert outcome.funding_paid == expected.funding_paid
        assert outcome.funding_inside == expected.funding_inside
        written = [tuple(row[1:5]) for row in fills[: outcome.n_fills].tolist()]
        assert written == facts(expected)
        quantity = round(float(rng.normal(0.0, 5.0)), 2) if rng.random() < 0.4 else 0.0
        state = with_inputs(expected.state, StopInputs(float(rng.uniform(0.5, 2.0)), 0.01))
        state = with_order(state, quantity, 0.0, terms.fills.latency_bars)


def run(seed: int) -> list[tuple[ExecutionBar, dict[int, NewOrder], list[Any], Book, Book]]:
    """Bar, orders that rested before it, its events, and the book before and after."""
    rng = np.random.default_rng(seed)
    stop = float(rng.choice([0.0, 0.01, 0.03]))
    book_settings = BookSettings(10_000.0, rules_of(rng), stop)
    book, placed, seen = Book(book_settings), dict[int, NewOrder](), []
    for bar in bars_of(rng, 80):
        before = Book.from_document(book_settings, book.to_document())
        seen.append(
            (bar, dict(placed), book.step(bar), before, Book.from_document(book_settings, book.to_document()))
        )
        for _ in range(int(rng.integers(0, 3))):
            order = order_of(rng, bar.close)
            placed[book.place(order)] = order
        if rng.random() < 0.1 and book.orders:
            book.cancel(book.orders[0].number)
    return seen


@given(SEEDS)
@settings(max_examples=examples(60))
def test_limit_fills_only_when_traded_through_and_never_beyond_its_price(seed: int) -> None:
    for bar, placed, events, _, _ in run(seed):
        for fill in events:
            if not isinstance(fill, BookedFill) or fill.reason != "limit_order":
                continue
            side, price = np.sign(fill.quantity), placed[fill.order].price
            assert bar.low < price if side > 0 else bar.high > price
            assert side * fill.price <= side * price
            is_gap = side * bar.open < side * price
            assert is_gap or fill.price == price
            assert side * fill.price >= side * min(side * bar.open, side * price) * side


@given(SEEDS)
@settings(max_examples=examples(60))
def test_stop_order_is_never_filled_better_than_its_trigger(seed: int) -> None:
    for bar, placed, events, _, _ in run(seed):
        for fill in events:
            if isinstance(fill, BookedFill) and fill.reason == "stop_order":
                side, price = np.sign(fill.quantity), placed[fill.order].price
                assert bar.high >= price if side > 0 else bar.low <= price
                assert side * fill.price >= side * price


@given(SEEDS)
@settings(max_examples=examples(60))
def test_change_of_equity_is_what_fills_earned_less_their_fees(seed: int) -> None:
    cash, position = 10_000.0, 0.0
    for bar, _, events, _, after in run(seed):
        for fill in events:
            if isinstance(fill, BookedFill):
                cash -= fill.quantity * fill.price + fill.fee
                position += fill.quantity
        assert after.equity == np.float64(after.equity)
        assert abs(cash + position * bar.close - after.equity) < 1e-6
        assert abs(position - after.account.position) < 1e-9


@given(SEEDS)
@settings(max_examples=examples(60))
def test_order_that_only_reduces_never_opens(seed: int) -> None:
    for _, placed, events, before, _ in run(seed):
        position = before.account.position
        for fill in events:
            if not isinstance(fill, BookedFill):
                continue
            if fill.order and placed[fill.order].reduce_only:
                assert position * fill.quantity < 0.0
                assert abs(fill.quantity) <= abs(position) + 1e-9
            position += fill.quantity
            position = 0.0 if abs(position) < 1e-9 else position


@given(SEEDS)
@settings(max_examples=examples(60))
def test_what_rests_is_what_was_placed_less_what_was_filled(seed: int) -> None:
    filled: dict[int, float] = {}
    for _, placed, events, _, after in run(seed):
        for fill in events:
            if isinstance(fill, BookedFill) and fill.order:
                filled[fill.order] = filled.get(fill.order, 0.0) + fill.quantity
        for order in after.orders:
            assert abs(order.quantity - filled.get(order.number, 0.0) - order.leaves) < 1e-9
        assert all(abs(done) <= abs(placed[number].quantity) + 1e-9 for number, done in filled.items())


@given(SEEDS)
@settings(max_examples=examples(60))
def test_split_bar_fills_a_limit_as_the_whole_bar_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = bars_of(rng, 2, gap=0.0)
    whole = ExecutionBar(
        0, first.open, max(first.high, second.high), min(first.low, second.low), second.close, 1.0
    )
    price = 100.0 * (1.0 + float(rng.normal(0.0, 0.01)))
    order = NewOrder("limit", float(rng.choice([-1.0, 1.0])), price)

    def filled(bars: list[ExecutionBar]) -> list[tuple[float, float, float]]:
        book = Book(BookSettings(10_000.0, TradingRules(costs=COSTS)))
        book.step(ExecutionBar(0, 100.0, 100.0, 100.0, 100.0))
        book.place(order)
        events = [
            event for i, bar in enumerate(bars) for event in book.step(bar._replace(ts=(i + 1) * MINUTE_MS))
        ]
        return [(event.quantity, event.price, event.fee) for event in events if isinstance(event, BookedFill)]

    assert filled([first, second]) == filled([whole])
