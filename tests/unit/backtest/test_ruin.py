"""One story of ruin: what a liquidation costs at most, and what a run says once nothing is left of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from quant_pipelines.accounting import MarginTerms, apply_fill, apply_funding, forced_closing, open_account
from quant_pipelines.backtest import (
    BacktestResult,
    BacktestSettings,
    Book,
    BookedFill,
    BookSettings,
    ExecutionBar,
    FundingPayment,
    OrderEnded,
    run_backtest,
    run_event_backtest,
)
from quant_pipelines.backtest.account.event import run_event_account
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.result import AccountResult
from quant_pipelines.backtest.account.run import run_account
from quant_pipelines.backtest.book.values import FundingSlot
from quant_pipelines.backtest.book.working import NewOrder
from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.portfolio import AllIn, Fixed
from quant_pipelines.sdk import Array, Desk, EventStrategy, Float, Stops, Strategy
from quant_pipelines.trading import Bracket, Execution, TradingRules

FREE = TradingRules(costs=CostSettings(0.0, 0.0, 0.0), rebalance_band=1.0)
ONE_PERCENT = (Bracket(0.0, 0.01),)
DRIVERS = {"batch": run_backtest, "events": run_event_backtest}
each_driver = pytest.mark.parametrize("driver", DRIVERS.values(), ids=DRIVERS)


class Side(Strategy):
    """Short from the first bar on, long where the volume says so."""

    hard = Float(0.0, low=0.0, high=0.5)

    def target(self, bars: Bars) -> Array:
        return np.where(bars.volume == 3.0, 1.0, np.where(bars.volume == 1.0, -1.0, np.nan))


class Stopped(Side):
    """The same behind a stop."""

    stops = Stops(hard_stop=Float(0.05, low=0.0, high=0.5))


def path(close: list[float], *, symbol: str = "LUNA", long_from: int = 10**9) -> Bars:
    """Hours of one price each; a gap lies between two of them."""
    values = np.repeat(np.array(close), 12)
    hours = np.arange(values.size)
    columns = {"ts": HOUR_MS * hours} | dict.fromkeys(("open", "high", "low", "close"), values)
    return bars_from_columns(symbol, "1h", {**columns, "volume": np.where(hours >= long_from, 3.0, 1.0)})


UP = path([100.0, 100.0, 350.0, 350.0, 400.0, 400.0, 90.0, 90.0])
UP_AND_DOWN = path([100.0, 100.0, 350.0, 350.0, 50.0, 50.0], long_from=60)


def settings(execution: Execution, **more: Any) -> BacktestSettings:
    return BacktestSettings(rules=replace(FREE, execution=execution, **more))


def assert_one_story(result: BacktestResult) -> None:
    """Nothing is left from the moment that is named, and every figure says so."""
    assert result.bankrupt_at is not None
    assert result.final_equity == result.daily_equity[-1] == result.curve[-1] == 0.0
    assert result.metrics["total_return"] == result.metrics["max_drawdown"] == -1.0
    assert np.prod(1.0 + result.daily_returns) == 0.0
    assert sum(trade.pnl for trade in result.trades) == pytest.approx(-result.capital)
    assert max(trade.exit_time for trade in result.trades) == result.bankrupt_at
    assert max(trade.entry_time for trade in result.trades) < result.bankrupt_at
    assert result.open_position is None
    after = [day for day in result.days if day > f"{result.bankrupt_at:%Y-%m-%d}"]
    assert not result.daily_equity[len(result.days) - len(after) :].any()


@each_driver
def test_isolated_short_through_a_gap_loses_its_wallet(driver: Callable[..., Any]) -> None:
    result = driver(Side(), UP, settings=settings(Execution(brackets=ONE_PERCENT, leverage=5.0)))
    (trade,) = result.trades
    assert (trade.exit_reason, trade.pnl, trade.exit_price) == ("liquidation", -2_000.0, 120.0)
    assert result.final_equity == 8_000.0
    assert result.bankrupt_at is None
    assert "stepwise liquidation" in result.not_modelled


@each_driver
@pytest.mark.parametrize(
    ("execution", "reason"),
    [
        (Execution(brackets=ONE_PERCENT, leverage=1.0), "liquidation"),
        (Execution(brackets=ONE_PERCENT), "liquidation"),
        (Execution(), "bankruptcy"),
        (Execution(leverage=3.0), "bankruptcy"),
    ],
    ids=["isolated", "cross", "without brackets", "leverage without brackets"],
)
@pytest.mark.parametrize("fee_bps", [0.0, 7.0])
def test_account_that_is_used_up_ends_at_nothing_and_trades_no_more(
    driver: Callable[..., Any], execution: Execution, reason: str, fee_bps: float
) -> None:
    costs = CostSettings(fee_bps, 0.0, fee_bps)
    for bars in (UP, UP_AND_DOWN):
        result = driver(Side(), bars, settings=settings(execution, costs=costs))
        assert_one_story(result)
        assert result.bankrupt_at == datetime.fromtimestamp(0, UTC) + timedelta(days=1)
        assert [trade.exit_reason for trade in result.trades] == [reason]


@each_driver
def test_gap_through_stop_and_ruin_ends_at_nothing(driver: Callable[..., Any]) -> None:
    result = driver(Stopped(), UP_AND_DOWN, settings=settings(Execution()))
    assert_one_story(result)
    assert [trade.exit_reason for trade in result.trades] == ["bankruptcy"]


def test_stop_whose_slippage_costs_more_than_there_is_ends_at_nothing() -> None:
    rules = replace(FREE, costs=CostSettings(0.0, 1_000.0, 0.0))
    book = Book(BookSettings(1_000.0, rules, 0.2))
    play(book, 100.0)
    book.submit(-50.0)
    play(book, 100.0)  # sold at 90: the stop stands at 108, and nothing is left at 110
    (fill,) = play(book, 109.0)
    assert isinstance(fill, BookedFill)
    assert fill.reason == "hard_stop"
    assert fill.price == pytest.approx(110.0)
    assert book.equity == 0.0


@each_driver
def test_fixed_size_is_not_traded_by_an_account_of_which_nothing_is_left(driver: Callable[..., Any]) -> None:
    result = driver(Side(), UP_AND_DOWN, settings=settings(Execution(), sizing=Fixed(100.0)))
    assert_one_story(result)
    assert len(result.trades) == 1


def test_reversal_that_is_pending_dies_with_the_account() -> None:
    book = Book(BookSettings(1_000.0, FREE))
    play(book, 100.0)
    book.submit(-10.0)
    play(book, 100.0)
    book.submit(30.0)
    fills = [event for event in play(book, 350.0) if isinstance(event, BookedFill)]
    assert [(fill.price, fill.reason) for fill in fills] == [(200.0, "bankruptcy")]
    assert (book.equity, book.account.position, book.pending) == (0.0, 0.0, 0.0)


def test_liquidation_cancels_the_orders_of_its_margin() -> None:
    book = Book(BookSettings(1_000.0, replace(FREE, execution=Execution(brackets=ONE_PERCENT, leverage=5.0))))
    play(book, 100.0)
    book.submit(5.0)
    play(book, 100.0)
    book.place(NewOrder("limit", 1.0, 60.0))
    events = play(book, 50.0)
    assert [type(event) for event in events] == [BookedFill, OrderEnded]
    assert book.orders == ()
    assert book.equity == 900.0


def test_order_that_finds_nothing_left_to_open_with_says_so() -> None:
    book = Book(BookSettings(1_000.0, replace(FREE, costs=CostSettings(0.0, 1_000.0, 0.0))))
    play(book, 100.0)
    book.submit(-10.0)
    play(book, 100.0)
    book.place(NewOrder("stop_market", 25.0, 180.0))
    fill, ended = play(book, 180.0)  # sold at 90, and 198 is beyond what there is
    assert isinstance(fill, BookedFill)
    assert (fill.price, fill.leaves) == (pytest.approx(190.0), 15.0)
    assert isinstance(ended, OrderEnded)
    assert (ended.status, ended.leaves) == ("CANCELED", 15.0)
    assert ended.reason == "nothing is left of the account to open with"
    assert (book.equity, book.orders) == (0.0, ())


@pytest.mark.parametrize(("rate", "lost"), [(0.1, 50.0), (-0.1, 150.0)])
def test_isolated_wallet_is_what_funding_has_left_of_it(rate: float, lost: float) -> None:
    execution = Execution(brackets=ONE_PERCENT, leverage=5.0)
    book = Book(BookSettings(1_000.0, replace(FREE, execution=execution)))
    play(book, 100.0)
    book.submit(7.0)
    play(book, 100.0)
    book.submit(-2.0)
    slot = FundingSlot(book.last_ts, rate, 100.0)
    paid = play(book, 100.0, slot)[0]
    assert isinstance(paid, FundingPayment)
    before = book.equity
    play(book, 10.0)  # 140 of margin and the funding stood behind 7; 5 of them are left
    assert before - book.equity == pytest.approx(lost)


def test_margin_follows_what_is_added_closed_and_turned() -> None:
    account = apply_funding(apply_fill(open_account(1_000.0), 4.0, 100.0, 0.0), 8.0)
    assert account.margin_funding == 8.0
    assert apply_fill(account, 1.0, 100.0, 0.0).margin_funding == 8.0
    assert apply_fill(account, -1.0, 100.0, 0.0).margin_funding == 6.0
    assert apply_fill(account, -4.0, 100.0, 0.0).margin_funding == 0.0
    assert apply_fill(account, -5.0, 100.0, 0.0).margin_funding == 0.0


def test_closing_pays_its_fee_as_far_as_margin_is_left() -> None:
    long = apply_fill(open_account(1_000.0), 10.0, 100.0, 0.0)
    terms = MarginTerms(np.array([[0.0, 0.02, 0.0]]), leverage=10.0, fee_rate=0.0)
    assert forced_closing(long, 95.0, 0.01, terms) == (95.0, 9.5)
    assert forced_closing(long, 90.5, 0.01, terms) == (90.5, 5.0)
    assert forced_closing(long, 80.0, 0.01, terms) == (90.0, 0.0)


def play(book: Book, price: float, *slots: FundingSlot) -> list[object]:
    bar = ExecutionBar(book.last_ts + MINUTE_MS, price, price, price, price, funding=slots)
    return list(book.step(bar))


WHOLE = {"batch": run_account, "rows": run_event_account}
each_account = pytest.mark.parametrize("driver", WHOLE.values(), ids=WHOLE)


def two_books(
    driver: Callable[..., Any], rose_to: float, execution: Execution, *, share: float = 0.5
) -> AccountResult:
    """Books of the same size: one is short of what rises, the other of what stays."""
    rising, still = path([100.0, 100.0, rose_to, rose_to], symbol="A"), path([50.0] * 4, symbol="B")
    books = [Allocation(Side(), one, share) for one in (rising, still)]
    result = driver(books, settings=settings(execution, sizing=AllIn(2.0)))
    assert isinstance(result, AccountResult)
    return result


@each_account
@pytest.mark.parametrize("execution", [Execution(), Execution(brackets=ONE_PERCENT)], ids=["none", "cross"])
def test_account_of_several_books_ends_at_nothing_and_names_who_paid(
    driver: Callable[..., Any], execution: Execution
) -> None:
    result = two_books(driver, 250.0, execution)  # 100 short at 100 lose 15,000 of 10,000
    assert result.final_equity == result.daily_equity[-1] == 0.0
    assert result.metrics["total_return"] == result.metrics["max_drawdown"] == -1.0
    assert result.bankrupt_at == datetime.fromtimestamp(0, UTC) + timedelta(days=1)
    (short,) = result.shortfalls
    assert short.book == "1 Side A"
    assert sum(short.paid_by.values()) == pytest.approx(short.amount)
    assert set(short.paid_by) == {"2 Side B", "insurance fund"}
    lost = sum(trade.pnl for trade in result.trades)
    assert lost + result.insurance_paid == pytest.approx(-result.capital)


@each_account
def test_book_below_its_capital_is_paid_by_the_reserve_then_by_the_others(
    driver: Callable[..., Any],
) -> None:
    result = two_books(driver, 190.0, Execution(), share=0.4)  # 80 short lose 7,200 of 4,000
    assert result.bankrupt_at is None
    assert result.final_equity == pytest.approx(2_800.0)
    (short,) = result.shortfalls
    assert short.amount == pytest.approx(3_200.0)
    assert short.paid_by == pytest.approx({"reserve": 2_000.0, "2 Side B": 1_200.0})
    assert result.insurance_paid == 0.0


@each_account
def test_liquidation_spares_the_book_that_is_covered_again(driver: Callable[..., Any]) -> None:
    large, small = path([100.0, 100.0, 137.0, 137.0], symbol="A"), path([50.0] * 4, symbol="B")
    execution = replace(Execution(brackets=(Bracket(0.0, 0.05),)), liquidation_fee=0.0)
    result = driver(
        [Allocation(Side(), large, 0.8), Allocation(Side(), small, 0.2)],
        settings=settings(execution, sizing=AllIn(2.8)),
    )
    # 224 of A lose 8,288 of 10,000; 1,712 don't cover 5 % of 30,688 and of 5,600, yet those of B alone.
    assert [(trade.symbol, trade.exit_reason) for trade in result.trades] == [("A", "liquidation")]
    assert result.final_equity == pytest.approx(1_712.0)


@each_account
def test_fee_of_a_shared_margin_is_paid_as_far_as_the_account_has_it(driver: Callable[..., Any]) -> None:
    execution = replace(Execution(brackets=ONE_PERCENT), liquidation_fee=0.0125)
    result = two_books(driver, 198.0, execution)  # 100 short lose 9,800; 1.25 % of 19,800 would be 247.50
    assert result.fees_paid == pytest.approx(200.0)
    assert (result.insurance_paid, result.final_equity) == (0.0, 0.0)
    assert_booked_to_the_digit(result)
    beyond = two_books(driver, 210.0, execution)
    assert (beyond.fees_paid, beyond.final_equity) == (0.0, 0.0)
    assert beyond.insurance_paid == pytest.approx(1_000.0)
    assert_booked_to_the_digit(beyond)


def assert_booked_to_the_digit(result: AccountResult) -> None:
    """What is left is the capital and what trades made, less fees and funding, and what the fund paid."""
    left = Decimal(result.capital) + Decimal(result.insurance_paid)
    left -= Decimal(result.fees_paid) + Decimal(result.funding_paid)
    for trade in result.trades:
        made = Decimal(trade.quantity) * (Decimal(trade.exit_price) - Decimal(trade.entry_price))
        left += made if trade.side == "long" else -made
    assert abs(left - Decimal(result.final_equity)) < Decimal("1e-8")


class Waiting(EventStrategy):
    """Places one order that rests until the price comes."""

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        if len(bars) == 1:
            desk.limit(1.0, 45.0)


@pytest.mark.parametrize(("rose_to", "bought"), [(120.0, ["B"]), (138.0, [])])
def test_liquidation_of_a_shared_margin_ends_the_orders_of_all_its_books(
    rose_to: float, bought: list[str]
) -> None:
    large, small = path([100.0, 100.0, rose_to, rose_to], symbol="A"), path([50.0] * 3 + [40.0], symbol="B")
    execution = replace(Execution(brackets=(Bracket(0.0, 0.05),)), liquidation_fee=0.0)
    chosen = settings(execution, sizing=AllIn(2.8))
    result = run_account([Allocation(Side(), large, 0.8), Allocation(Waiting(), small, 0.2)], settings=chosen)
    assert result.final_equity > 1_000.0
    assert [
        book.symbol for book in result.books if book.result.open_position and book.name == "Waiting"
    ] == bought


class Short(Strategy):
    """Short at all times."""

    def target(self, bars: Bars) -> Array:
        return np.full(len(bars), -1.0)


@each_driver
@pytest.mark.parametrize(("volume", "worse"), [(0.0, 0.1), (1e-6, 0.1), (1e18, 0.0)])
def test_liquidation_fills_at_the_capped_impact(
    driver: Callable[..., Any], volume: float, worse: float
) -> None:
    still = path([100.0, 150.0])
    bars = replace(still, volume=np.where(np.arange(len(still)) < 3, 1e18, volume))
    costs = CostSettings(0.0, 0.0, 0.0, impact_bps=30.0)
    execution = replace(Execution(brackets=(Bracket(0.0, 0.5),)), liquidation_fee=0.0)
    result = driver(Short(), bars, settings=settings(execution, costs=costs))
    (trade,) = result.trades
    assert (trade.exit_reason, trade.exit_price) == ("liquidation", pytest.approx(150.0 * (1.0 + worse)))
    assert result.final_equity == pytest.approx(10_000.0 + trade.pnl)
