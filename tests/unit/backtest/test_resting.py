"""Resting orders in one or a few bars: each row of the table is a rule of the fill model."""

from dataclasses import replace

import pytest

from quant_pipelines.backtest import Book, BookedFill, BookSettings, ExecutionBar, OrderEnded
from quant_pipelines.backtest.bar.stops import NO_STOPS, StopInputs
from quant_pipelines.backtest.book.working import NewOrder
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.trading import Execution, Specification, TradingRules

COSTS = CostSettings(fee_bps=10.0, slippage_bps=100.0, maker_fee_bps=2.0)
RULES = TradingRules(costs=COSTS)
Ohlc = tuple[float, float, float, float]
CALM: Ohlc = (100.0, 100.5, 99.5, 100.0)
LIMIT, STOP, MARKET = "limit", "stop_market", "market"


def book_of(rules: TradingRules = RULES, *, hard_stop: float = 0.0, goal: float = 0.0) -> Book:
    book = Book(BookSettings(10_000.0, rules, hard_stop, stops=NO_STOPS._replace(target=goal)))
    play(book, CALM)
    return book


def play(book: Book, *bars: Ohlc, volume: float = 10.0) -> list[tuple[float, float, str]]:
    """Quantity, price and reason of each fill; kind and reason of what ended unfilled."""
    seen: list[tuple[float, float, str]] = []
    for bar in bars:
        for event in book.step(ExecutionBar(book.last_ts + MINUTE_MS, *bar, volume)):
            if isinstance(event, BookedFill):
                seen.append((event.quantity, pytest.approx(event.price), event.reason))
            elif isinstance(event, OrderEnded):
                seen.append((0.0, 0.0, event.status))
    return seen


def test_limit_buy_at_the_low_stays_open() -> None:
    book = book_of()
    book.place(NewOrder(LIMIT, 1.0, 99.0))
    assert play(book, (100.0, 101.0, 99.0, 100.0)) == []
    assert len(book.orders) == 1


def test_limit_that_is_traded_through_fills_at_its_price_with_the_makers_fee() -> None:
    book = book_of()
    book.place(NewOrder(LIMIT, 1.0, 99.0))
    assert play(book, (100.0, 101.0, 98.9, 100.0)) == [(1.0, 99.0, "limit_order")]
    assert book.account.fees == pytest.approx(99.0 * 0.0002)


def test_gap_through_a_limit_fills_at_the_open_which_is_better() -> None:
    book = book_of()
    book.place(NewOrder(LIMIT, 1.0, 99.0))
    assert play(book, CALM, (98.0, 98.5, 97.0, 98.0)) == [(1.0, 98.0, "limit_order")]
    assert book.account.fees == pytest.approx(98.0 * 0.0002)


def test_limit_that_crosses_on_its_first_bar_takes_and_is_not_exceeded() -> None:
    book = book_of()
    book.place(NewOrder(LIMIT, 1.0, 100.4))
    assert play(book, CALM) == [(1.0, 100.4, "limit_order")]  # slippage alone would give 101
    assert book.account.fees == pytest.approx(100.4 * 0.001)


def test_post_only_limit_that_would_cross_is_canceled() -> None:
    book = book_of()
    book.place(NewOrder(LIMIT, 1.0, 100.4, post_only=True))
    assert play(book, CALM) == [(0.0, 0.0, "CANCELED")]


def test_stop_entry_fills_at_its_trigger_and_the_slippage() -> None:
    book = book_of()
    book.place(NewOrder(STOP, 1.0, 101.0))
    assert play(book, (100.0, 102.0, 99.0, 101.5)) == [(1.0, 101.0 * 1.01, "stop_order")]


def test_stop_entry_behind_a_gap_fills_at_the_open_which_is_worse() -> None:
    book = book_of()
    book.place(NewOrder(STOP, 1.0, 101.0))
    assert play(book, (103.0, 104.0, 102.0, 103.0)) == [(1.0, 103.0 * 1.01, "stop_order")]


def test_hard_stop_is_live_in_the_bar_of_a_limit_entry() -> None:
    book = book_of(hard_stop=0.02)
    book.place(NewOrder(LIMIT, 1.0, 99.0))
    events = play(book, (100.0, 100.5, 97.0, 99.5))
    assert events == [(1.0, 99.0, "limit_order"), (-1.0, 99.0 * 0.98 * 0.99, "hard_stop")]


def test_hard_stop_behind_a_stop_entry_fills_at_its_level_though_the_open_was_lower() -> None:
    book = book_of(replace(RULES, costs=CostSettings(0.0, 0.0, 0.0)), hard_stop=0.02)
    book.place(NewOrder(STOP, 1.0, 105.0))
    assert play(book, (100.0, 106.0, 99.0, 106.0)) == [
        (1.0, 105.0, "stop_order"),
        (-1.0, 105.0 * 0.98, "hard_stop"),
    ]


def test_high_of_the_bar_of_a_limit_entry_does_not_count_for_the_target() -> None:
    book = book_of(goal=0.02)
    book.place(NewOrder(LIMIT, 1.0, 99.0))
    assert play(book, (100.0, 104.0, 98.0, 100.0)) == [(1.0, 99.0, "limit_order")]
    assert play(book, (100.0, 101.5, 100.0, 101.0)) == [(-1.0, 99.0 * 1.02, "take_profit")]


def test_opposite_limit_does_not_give_back_at_a_profit_in_the_bar_of_the_entry() -> None:
    book = book_of()
    book.place(NewOrder(LIMIT, 1.0, 99.0))
    book.place(NewOrder(LIMIT, -1.0, 102.0))
    assert play(book, (100.0, 103.0, 98.0, 100.0)) == [(1.0, 99.0, "limit_order")]
    assert [order.quantity for order in book.orders] == [-1.0]


def test_stop_goes_before_the_target_in_one_bar() -> None:
    book = book_of(hard_stop=0.02)
    book.submit(1.0)
    play(book, CALM)
    book.place(NewOrder(LIMIT, -1.0, 102.0, reduce_only=True))
    entry = 101.0
    assert play(book, (100.0, 103.0, 98.0, 100.0)) == [
        (-1.0, entry * 0.98 * 0.99, "hard_stop"),
        (0.0, 0.0, "CANCELED"),
    ]


def test_nearer_stop_order_goes_before_the_hard_stop() -> None:
    book = book_of(replace(RULES, costs=CostSettings(0.0, 0.0, 0.0)), hard_stop=0.05)
    book.submit(2.0)
    play(book, CALM)
    book.place(NewOrder(STOP, -1.0, 98.0, reduce_only=True))
    assert play(book, (100.0, 100.0, 94.0, 95.0)) == [(-1.0, 98.0, "stop_order"), (-1.0, 95.0, "hard_stop")]


def test_stop_order_behind_a_gap_closes_before_a_market_order_adds() -> None:
    book = book_of()
    book.submit(1.0)
    play(book, CALM)
    book.place(NewOrder(STOP, -1.0, 98.0, reduce_only=True))
    book.place(NewOrder(MARKET, 1.0))
    assert play(book, (97.0, 97.5, 96.5, 97.0)) == [
        (-1.0, 97.0 * 0.99, "stop_order"),
        (1.0, 97.0 * 1.01, "target"),
    ]


def test_orders_that_only_reduce_end_with_the_position() -> None:
    book = book_of()
    book.submit(1.0)
    play(book, CALM)
    book.place(NewOrder(LIMIT, -1.0, 101.0, reduce_only=True))
    book.place(NewOrder(STOP, -1.0, 98.0, reduce_only=True))
    assert play(book, (100.0, 102.0, 99.0, 101.0)) == [(-1.0, 101.0, "limit_order"), (0.0, 0.0, "CANCELED")]
    assert book.orders == ()


def test_order_that_only_reduces_never_fills_more_than_is_held() -> None:
    book = book_of()
    book.submit(1.0)
    play(book, CALM)
    book.place(NewOrder(LIMIT, -0.75, 101.0, reduce_only=True))
    book.place(NewOrder(LIMIT, -0.75, 101.5, reduce_only=True))
    assert play(book, (100.0, 102.0, 99.0, 101.0)) == [
        (-0.75, 101.0, "limit_order"),
        (-0.25, 101.5, "limit_order"),
        (0.0, 0.0, "CANCELED"),
    ]
    assert book.account.position == 0.0


def test_nearer_of_two_entries_fills_first() -> None:
    book = book_of()
    book.place(NewOrder(LIMIT, 1.0, 98.0))
    book.place(NewOrder(LIMIT, 2.0, 99.0))
    assert play(book, (100.0, 101.0, 97.0, 100.0)) == [(2.0, 99.0, "limit_order"), (1.0, 98.0, "limit_order")]


def test_reversal_by_a_limit_is_booked_as_close_and_open() -> None:
    book = book_of()
    book.submit(1.0)
    play(book, CALM)
    book.place(NewOrder(LIMIT, -3.0, 101.0))
    assert play(book, (100.0, 102.0, 99.0, 101.0)) == [
        (-1.0, 101.0, "limit_order"),
        (-2.0, 101.0, "limit_order"),
    ]


def test_share_of_the_volume_caps_a_limit_whose_rest_stays_open() -> None:
    rules = replace(RULES, execution=Execution(participation=0.1), specification=Specification(0.1))
    book = book_of(rules)
    book.place(NewOrder(LIMIT, 1.5, 99.0))
    assert play(book, (100.0, 101.0, 98.0, 99.5), volume=2.0) == [(1.0, 99.0, "limit_order")]
    assert [(order.leaves, order.quantity) for order in book.orders] == [(0.5, 1.5)]
    assert play(book, (99.5, 101.0, 98.0, 99.5)) == [(0.2, 99.0, "limit_order")]
    assert play(book, (99.5, 101.0, 98.0, 99.5)) == [(0.3, 99.0, "limit_order")]


def test_share_of_the_volume_is_one_budget_of_all_orders() -> None:
    rules = replace(RULES, execution=Execution(participation=0.1), specification=Specification(0.1))
    book = book_of(rules)
    book.submit(0.6)
    book.place(NewOrder(LIMIT, 1.0, 99.0))
    assert [row[0] for row in play(book, (100.0, 101.0, 98.0, 99.5))] == [0.6, 0.4]


def test_triggered_stop_entry_goes_on_as_a_market_order() -> None:
    rules = replace(RULES, execution=Execution(participation=0.1), specification=Specification(0.1))
    book = book_of(rules)
    book.place(NewOrder(STOP, 1.5, 101.0))
    assert [row[0] for row in play(book, (100.0, 102.0, 99.0, 99.0))] == [1.0]
    assert [order.kind for order in book.orders] == [MARKET]
    assert play(book, (98.0, 99.0, 97.0, 98.0)) == [(0.5, 98.0 * 1.01, "target")]


def test_order_waits_for_the_latency() -> None:
    book = book_of(replace(RULES, execution=Execution(latency_ms=2 * MINUTE_MS)))
    book.place(NewOrder(LIMIT, 1.0, 99.0))
    deep = (100.0, 101.0, 98.0, 100.0)
    assert play(book, deep, deep) == []
    assert play(book, deep) == [(1.0, 99.0, "limit_order")]


def test_expired_order_does_not_fill() -> None:
    book = book_of()
    book.place(NewOrder(LIMIT, 1.0, 99.0, expires_ms=book.last_ts + 2 * MINUTE_MS))
    assert play(book, CALM, (100.0, 101.0, 98.0, 100.0)) == [(0.0, 0.0, "EXPIRED")]


def test_canceled_order_does_not_fill() -> None:
    book = book_of()
    number = book.place(NewOrder(LIMIT, 1.0, 99.0))
    assert book.cancel(number)
    assert not book.cancel(number)
    assert play(book, (100.0, 101.0, 98.0, 100.0)) == []


def test_stop_that_only_reduces_is_gone_once_it_had_nothing_to_reduce() -> None:
    book = book_of()
    book.place(NewOrder(STOP, -1.0, 99.0, reduce_only=True))
    assert play(book, (100.0, 101.0, 98.0, 100.0)) == [(0.0, 0.0, "CANCELED")]


def test_high_before_a_limit_entry_does_not_tighten_its_trailing_stop() -> None:
    book = Book(BookSettings(10_000.0, RULES, stops=NO_STOPS._replace(chandelier=1.0)))
    play(book, CALM)
    book.submit(0.0, inputs=StopInputs(1.0, 0.0))
    book.place(NewOrder(LIMIT, 1.0, 99.0))
    play(book, (100.0, 104.0, 98.5, 100.0))
    assert book.stop_price == pytest.approx(100.0 - 1.0)  # from the close, not from 104


def timed_out_book(rules: TradingRules = RULES, quantity: float = 1.0) -> Book:
    """Book whose position has been held for its time: the order of the time stop fills at the next open."""
    stops = NO_STOPS._replace(time_ms=2.0 * MINUTE_MS)
    book = Book(BookSettings(10_000.0, rules, stops=stops))
    play(book, CALM)
    book.submit(quantity)
    play(book, CALM, CALM)
    assert book.pending == -quantity
    return book


def test_stop_order_behind_a_gap_leaves_nothing_to_the_order_of_a_time_stop() -> None:
    book = timed_out_book()
    book.place(NewOrder(STOP, -1.0, 98.0, reduce_only=True))
    assert play(book, (97.0, 97.5, 96.5, 97.0)) == [(-1.0, 97.0 * 0.99, "stop_order")]
    assert (book.account.position, book.pending) == (0.0, 0.0)


def test_stop_order_over_a_part_leaves_the_rest_to_the_order_of_a_time_stop() -> None:
    book = timed_out_book(quantity=2.0)
    book.place(NewOrder(STOP, -1.5, 98.0, reduce_only=True))
    assert play(book, (97.0, 97.5, 96.5, 97.0)) == [
        (-1.5, 97.0 * 0.99, "stop_order"),
        (-0.5, 97.0 * 0.99, "time_stop"),
    ]
    assert book.account.position == 0.0


@pytest.mark.parametrize(
    ("order", "position"),
    [
        (NewOrder(LIMIT, -1.0, 101.0, reduce_only=True), 0.0),
        (NewOrder(STOP, -1.0, 99.0, reduce_only=True), 0.0),
        (NewOrder(LIMIT, -3.0, 101.0), -2.0),
        (NewOrder(LIMIT, -0.75, 101.0), 0.0),
    ],
    ids=["limit", "stop", "reversal", "part"],
)
def test_exit_that_waits_for_the_latency_never_opens(order: NewOrder, position: float) -> None:
    rules = replace(RULES, execution=Execution(latency_ms=MINUTE_MS), specification=Specification(0.01))
    book = Book(BookSettings(10_000.0, rules, stops=NO_STOPS._replace(time_ms=3.0 * MINUTE_MS)))
    play(book, CALM)
    book.submit(1.0)
    play(book, CALM, CALM)
    book.place(order)
    play(book, CALM, CALM)
    assert book.pending == -1.0
    play(book, (100.0, 102.0, 98.0, 100.0))  # the exit waits, the order doesn't
    play(book, CALM)
    assert book.account.position == pytest.approx(position)


def test_gap_through_the_stop_ends_an_exit_of_more_than_is_left() -> None:
    rules = replace(RULES, execution=Execution(latency_ms=MINUTE_MS))
    book = Book(BookSettings(10_000.0, rules, 0.05, stops=NO_STOPS._replace(time_ms=3.0 * MINUTE_MS)))
    play(book, CALM)
    book.submit(1.0)
    play(book, CALM, CALM)
    book.place(NewOrder(STOP, -0.4, 99.0, reduce_only=True))
    play(book, CALM, CALM)
    assert book.pending == -1.0
    play(book, (100.0, 100.5, 98.0, 98.0))  # the exit waits, the order doesn't
    assert book.pending == pytest.approx(-0.6)
    assert [row[2] for row in play(book, (90.0, 90.0, 90.0, 90.0))] == ["hard_stop"]
    assert (book.account.position, book.pending) == (0.0, 0.0)


def test_float_noise_of_lots_is_no_reversal_behind_a_stop() -> None:
    rules = replace(RULES, specification=Specification(0.1))
    book = book_of(rules, hard_stop=0.05)
    for quantity in (0.7, 0.1):  # held: 0.7999999999999999
        book.submit(quantity)
        play(book, CALM)
    book.submit(-0.8)
    assert [row[2] for row in play(book, (90.0, 90.0, 90.0, 90.0))] == ["hard_stop"]
    assert (book.account.position, book.pending) == (0.0, 0.0)
