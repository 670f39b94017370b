"""Order of events within one execution bar."""

import pytest

from quant_pipelines.accounting import Account, open_account
from quant_pipelines.backtest.bar.state import FillTerms
from quant_pipelines.backtest.bar.step import (
    BookState,
    StepBar,
    StepOutcome,
    StepTerms,
    close_out,
    opening_state,
    step_bar,
    with_order,
)
from quant_pipelines.backtest.bar.stops import TIME_STOP
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
from quant_pipelines.costs import CostTerms

FREE = StepTerms(CostTerms(0.0, 0.0), 0.10, 0.0, HOUR_MS)
COSTLY = StepTerms(CostTerms(0.001, 0.01), 0.10, 0.0, HOUR_MS)


def bar(
    open_: float = 100.0, high: float = 105.0, low: float = 95.0, close: float = 101.0, funding: float = 0.0
) -> StepBar:
    return StepBar(10 * HOUR_MS, open_, high, low, close, funding)


def book(position: float = 0.0, *, pending: float = 0.0, stop: float = 0.0) -> BookState:
    account = Account(1_000.0, position, 100.0 if position else 0.0, 0.0, 0.0, 0.0)
    state = opening_state(account, 10 * HOUR_MS)
    order, standing = state.order._replace(quantity=pending), state.stop._replace(price=stop)
    return state._replace(order=order, stop=standing, close=100.0)


def stepped(state: BookState, at: StepBar | None = None, terms: StepTerms = FREE) -> StepOutcome:
    outcome: StepOutcome = step_bar(state, at or bar(), terms)
    return outcome


def test_pending_order_fills_at_the_open() -> None:
    outcome = stepped(book(pending=2.0))
    assert outcome.opening == (2.0, 100.0, 0.0)
    assert outcome.state.account.position == 2.0
    assert outcome.state.order.quantity == 0.0
    assert outcome.state.curve.equity == 1_002.0


@pytest.mark.parametrize(("pending", "price"), [(2.0, 101.0), (-2.0, 99.0)])
def test_fill_is_worse_than_the_open_by_slippage_and_pays_the_fee(pending: float, price: float) -> None:
    outcome = stepped(book(pending=pending), terms=COSTLY)
    assert outcome.opening == pytest.approx((pending, price, 2.0 * price * 0.001))
    assert outcome.state.account.cash == pytest.approx(1_000.0 - 2.0 * price * 0.001)


def test_reversal_is_booked_as_close_and_open() -> None:
    outcome = stepped(book(1.0, pending=-3.0))
    assert (outcome.closing.quantity, outcome.opening.quantity) == (-1.0, -2.0)
    assert outcome.state.account.position == -2.0


def test_funding_is_paid_on_what_is_held_before_the_fill() -> None:
    outcome = stepped(book(1.0, pending=-1.0), bar(funding=0.5))
    assert outcome.funding_paid == 0.5
    assert outcome.state.account.funding == 0.5
    assert stepped(book(pending=1.0), bar(funding=0.5)).funding_paid == 0.0
    assert stepped(book(-1.0), bar(funding=0.5)).funding_paid == -0.5


def test_funding_inside_a_bar_is_paid_by_what_the_open_leaves_and_before_a_stop() -> None:
    reversed_ = stepped(book(1.0, pending=-3.0), bar()._replace(funding_inside=0.5))
    assert (reversed_.funding_paid, reversed_.funding_inside) == (0.0, -1.0)
    stopped = stepped(book(1.0, stop=90.0), bar(low=50.0)._replace(funding_inside=0.5))
    assert (stopped.stop.quantity, stopped.funding_inside) == (-1.0, 0.5)
    assert stopped.state.account.funding == 0.5
    gapped = stepped(book(1.0, stop=90.0), bar(open_=50.0, low=50.0)._replace(funding_inside=0.5))
    assert (gapped.gap_stop.quantity, gapped.funding_inside) == (-1.0, 0.0)


THIN = StepTerms(
    CostTerms(0.0, 0.0, impact_rate=0.001, impact_cap=0.05),
    0.0,
    0.0,
    HOUR_MS,
    fills=FillTerms(participation=1.0),
)


def seen(state: BookState, volume: float) -> BookState:
    """Book whose last bar had a volume."""
    return state._replace(seen=state.seen._replace(volume=volume))


@pytest.mark.parametrize("pending", [3.0, -1.0])
def test_at_no_volume_a_market_order_waits(pending: float) -> None:
    outcome = stepped(seen(book(1.0, pending=pending), 0.0), terms=THIN)
    assert (outcome.has_fills, outcome.state.order.quantity) == (False, pending)


def test_at_little_volume_a_market_order_fills_that_much() -> None:
    outcome = stepped(seen(book(100.0, pending=-100.0), 1e-6), terms=THIN)
    assert outcome.closing == (-1e-6, pytest.approx(99.9), 0.0)


@pytest.mark.parametrize(("volume", "price"), [(1.0, 99.0), (0.01, 95.0), (1e-9, 95.0), (0.0, 95.0)])
def test_a_stop_always_fills_at_an_impact_that_has_a_cap(volume: float, price: float) -> None:
    stopped = stepped(seen(book(100.0, stop=100.0), volume), bar(low=50.0), THIN)
    assert stopped.gap_stop[:2] == (-100.0, pytest.approx(price))
    timed = seen(book(100.0, pending=-100.0), volume)
    timed = timed._replace(order=timed.order._replace(reason=TIME_STOP))
    assert stepped(timed, terms=THIN).closing[:2] == (-100.0, pytest.approx(price))


def test_exit_that_volume_does_not_let_fill_is_counted_and_marked_lower_by_the_cap() -> None:
    stuck = stepped(seen(book(2.0, pending=-1.0), 0.0), bar(close=100.0), THIN).state
    assert (stuck.stuck, stuck.curve.equity) == ((1.0, 1), 1_000.0 - 0.05 * 100.0)
    again = stepped(seen(stuck, 0.0), bar(close=110.0), THIN).state
    assert (again.stuck, again.curve.equity) == ((1.0, 2), 1_020.0 - 0.05 * 110.0)
    filled = stepped(seen(again, 1e9), bar(close=110.0), THIN).state
    assert (filled.stuck, filled.account.position) == ((0.0, 2), 1.0)
    assert filled.curve.equity == pytest.approx(1_010.0)


def test_entry_that_volume_does_not_let_fill_lowers_nothing() -> None:
    waiting = stepped(seen(book(2.0, pending=1.0), 0.0), bar(close=100.0), THIN).state
    assert (waiting.stuck, waiting.curve.equity) == ((0.0, 0), 1_000.0)


def test_closing_at_the_end_pays_a_slot_at_that_very_time_first() -> None:
    _, fill, paid = close_out(stepped(book(pending=2.0)).state, FREE, 0.25)
    assert (fill.quantity, paid) == (-2.0, 0.5)


def test_stop_is_set_from_the_entry_and_live_in_the_entry_bar() -> None:
    calm, wild = stepped(book(pending=1.0)), stepped(book(pending=1.0), bar(low=89.0))
    assert calm.state.stop.price == 90.0
    assert wild.stop == (-1.0, 90.0, 0.0)
    assert (wild.state.account.position, wild.state.stop.price) == (0.0, 0.0)


def test_stop_of_a_short_lies_above_the_entry() -> None:
    outcome = stepped(book(pending=-1.0), bar(high=111.0))
    assert outcome.stop.price == pytest.approx(110.0)
    assert outcome.state.account.realized_pnl == pytest.approx(-10.0)


def test_gap_through_the_stop_fills_at_the_open() -> None:
    outcome = stepped(book(1.0, stop=90.0), bar(open_=80.0, high=85.0, low=75.0, close=82.0))
    assert outcome.gap_stop == (-1.0, 80.0, 0.0)
    assert outcome.state.account.realized_pnl == -20.0


def test_intrabar_stop_fills_at_its_level() -> None:
    assert stepped(book(1.0, stop=96.0)).stop == (-1.0, 96.0, 0.0)
    assert not stepped(book(1.0, stop=94.0)).has_fills


@pytest.mark.parametrize(
    ("pending", "position_after"),
    [(-1.0, 0.0), (-0.4, 0.0), (0.5, 0.0), (-3.0, -2.0)],
    ids=["exit", "reduction", "addition", "reversal"],
)
def test_gap_stop_leaves_of_an_order_only_what_opens_the_other_side(
    pending: float, position_after: float
) -> None:
    gap = bar(open_=80.0, high=85.0, low=79.0, close=82.0)
    outcome = stepped(book(1.0, pending=pending, stop=90.0), gap)
    assert outcome.gap_stop.quantity == -1.0
    assert outcome.state.account.position == position_after


def test_exit_at_the_open_comes_before_the_intrabar_stop() -> None:
    outcome = stepped(book(1.0, pending=-1.0, stop=96.0))
    assert outcome.closing == (-1.0, 100.0, 0.0)
    assert outcome.stop.quantity == 0.0


def test_addition_moves_the_stop_to_the_new_average() -> None:
    outcome = stepped(book(1.0, pending=1.0, stop=90.0), bar(open_=120.0, high=121.0, low=119.0, close=120.0))
    assert outcome.state.stop.price == pytest.approx(99.0)


def test_orders_add_up_and_set_the_side() -> None:
    state = with_order(with_order(book(), 1.0, 1.0), 0.5, 1.0)
    assert (state.order.quantity, state.target_side) == (1.5, 1.0)


def test_day_starts_with_the_equity_at_midnight() -> None:
    held = book(1.0)
    before = stepped(held, bar(close=110.0)._replace(ts=22 * HOUR_MS)).state
    assert (before.day.start_equity, before.curve.equity) == (1_000.0, 1_010.0)
    at_midnight = stepped(before, bar(close=120.0)._replace(ts=23 * HOUR_MS)).state
    assert (at_midnight.day.start_equity, at_midnight.day.end_ms) == (1_020.0, 2 * DAY_MS)


def test_day_behind_a_gap_starts_with_the_last_known_equity() -> None:
    before = stepped(book(1.0), bar(close=110.0)._replace(ts=20 * HOUR_MS)).state
    after = stepped(before, bar(close=130.0)._replace(ts=26 * HOUR_MS)).state
    assert (after.day.start_equity, after.day.end_ms) == (1_010.0, 2 * DAY_MS)


def test_close_out_sells_at_the_last_close_with_costs() -> None:
    state, fill, _ = close_out(stepped(book(pending=1.0), terms=COSTLY).state, COSTLY, 0.0)
    assert fill.price == pytest.approx(101.0 * 0.99)
    assert state.account.position == 0.0
    assert state.curve.equity == state.account.cash


def test_opening_state_knows_the_next_midnight() -> None:
    state = opening_state(open_account(5.0), DAY_MS + 1)
    assert (state.day.end_ms, state.curve.equity, state.day.start_equity) == (2 * DAY_MS, 5.0, 5.0)
