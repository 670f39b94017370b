"""No exit costs more than there is, no margin is larger, and what is only feared bankrupts nobody."""

from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import (
    BacktestSettings,
    Book,
    BookSettings,
    ExecutionBar,
    run_backtest,
    run_event_backtest,
)
from quant_pipelines.backtest.account.event import run_event_account
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.result import AccountResult
from quant_pipelines.backtest.account.run import run_account
from quant_pipelines.backtest.book.working import NewOrder
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.portfolio import AllIn
from quant_pipelines.sdk import Array, Float, Strategy
from quant_pipelines.trading import Bracket, Execution, TradingRules


class ThenAside(Strategy):
    """Long for three bars, then flat."""

    def target(self, bars: Bars) -> Array:
        return np.where(np.arange(len(bars)) < 3, 1.0, 0.0)


class ThenShort(Strategy):
    """Long for three bars, then a little short."""

    def target(self, bars: Bars) -> Array:
        return np.where(np.arange(len(bars)) < 3, 1.0, -0.02)


class Once(Strategy):
    """Long for three bars, then told once what to hold."""

    then = Float(0.0, low=-1.0, high=1.0)

    def target(self, bars: Bars) -> Array:
        at = np.arange(len(bars))
        return np.where(at < 3, 1.0, np.where(at == 3, self.then, np.nan))


class Long(Strategy):
    """Long at all times."""

    def target(self, bars: Bars) -> Array:
        return np.ones(len(bars))


def minutes(close: list[float], volume: list[float] | float = 1e9) -> Bars:
    """Bars that open at the close before."""
    values = np.array(close)
    opened = np.r_[values[0], values[:-1]]
    extremes = np.maximum(opened, values), np.minimum(opened, values)
    ts = MINUTE_MS * np.arange(values.size)
    return Bars("X/USDT:USDT", "1m", ts, opened, *extremes, values, np.full(values.size, 0.0) + volume)


def in_one_account(strategy: Strategy, bars: Bars, settings: BacktestSettings) -> AccountResult:
    return run_account([Allocation(strategy, bars)], settings=settings)


STEEP = BacktestSettings(rules=TradingRules(costs=CostSettings(5.0, 20.0), sizing=AllIn(40.0)))
FALL = minutes([100.0, 100.0, *[97.6] * 6])


@pytest.mark.parametrize("strategy", [ThenAside(), ThenShort()], ids=["exit", "reversal"])
def test_market_order_costs_no_more_than_there_is_and_opens_nothing_behind_it(strategy: Strategy) -> None:
    for result in (
        run_backtest(strategy, FALL, settings=STEEP),
        run_event_backtest(strategy, FALL, settings=STEEP),
        in_one_account(strategy, FALL, STEEP),
    ):
        assert result.final_equity == pytest.approx(0.0, abs=1e-9)
        assert [trade.pnl for trade in result.trades] == [pytest.approx(-10_000.0)]
        assert result.bankrupt_at is not None
        assert result.bar_equity.min() >= -1e-9


@pytest.mark.parametrize(("then", "sides"), [(0.0, ["long"]), (0.02, ["long"]), (-0.01, ["long", "short"])])
def test_part_of_an_exit_that_closes_all_by_force_leaves_nothing_but_a_reversal(
    then: float, sides: list[str]
) -> None:
    costs = CostSettings(0.0, 0.0, impact_bps=1_000.0)  # 10 % of 14 times the equity; margin is 3/4 of it
    execution = Execution(brackets=(Bracket(0.0, 0.004),), leverage=20.0)
    rules = TradingRules(costs=costs, sizing=AllIn(15.0), execution=execution, rebalance_band=0.5)
    bars = minutes([100.0] * 10, [1e15] * 3 + [1_400.0] * 7)
    chosen = BacktestSettings(rules=rules, close_at_end=True)
    for result in (
        run_backtest(Once(then=then), bars, settings=chosen),
        run_event_backtest(Once(then=then), bars, settings=chosen),
        in_one_account(Once(then=then), bars, chosen),
    ):
        assert result.trades[0].pnl == pytest.approx(-7_500.0)
        assert [trade.side for trade in result.trades] == sides


def test_exit_that_volume_holds_back_is_a_fear_and_bankrupts_nobody() -> None:
    costs = CostSettings(0.0, 0.0, impact_bps=30.0)
    settings = BacktestSettings(rules=TradingRules(costs=costs, sizing=AllIn(12.0)))
    bars = minutes([100.0] * 8, [1e9, 1e9, 1e9, 0.0, 0.0, 1e9, 1e9, 1e9])
    alone = run_backtest(ThenAside(), bars, settings=settings)
    account = in_one_account(ThenAside(), bars, settings)
    assert alone.bar_equity[4] == pytest.approx(0.0, abs=1e-9)  # 12 times the equity, marked a tenth lower
    assert alone.final_equity == pytest.approx(10_000.0 + alone.trades[0].pnl)
    assert (account.final_equity, account.insurance_paid) == (alone.final_equity, 0.0)
    np.testing.assert_array_equal(account.bar_equity, alone.bar_equity)
    assert alone.bankrupt_at is None
    assert account.bankrupt_at is None


def test_isolated_margin_is_no_larger_than_the_cash() -> None:
    execution = Execution(brackets=(Bracket(0.0, 0.01),), leverage=1.0)
    rules = TradingRules(
        costs=CostSettings(0.0, 0.0), sizing=AllIn(3.0), execution=execution, rebalance_band=1.0
    )
    settings, bars = (
        BacktestSettings(rules=rules),
        minutes([100.0, 100.0, 100.0, 85.0, 70.0, 60.0, 90.0, 95.0]),
    )
    alone, account = run_backtest(Long(), bars, settings=settings), in_one_account(Long(), bars, settings)
    assert [trade.exit_reason for trade in alone.trades] == ["liquidation"]
    assert alone.bar_equity.min() >= 0.0
    np.testing.assert_array_equal(account.bar_equity, alone.bar_equity)


def test_account_of_two_books_lives_on_while_one_of_them_can_not_exit() -> None:
    costs = CostSettings(0.0, 0.0, impact_bps=30.0)
    settings = BacktestSettings(rules=TradingRules(costs=costs, sizing=AllIn(24.0)))
    stuck = minutes([100.0] * 8, [1e9, 1e9, 1e9, 0.0, 0.0, 1e9, 1e9, 1e9])
    free = replace(minutes([100.0] * 8), symbol="Y/USDT:USDT")
    both = run_account(
        [Allocation(ThenAside(), stuck, 0.5), Allocation(ThenAside(), free, 0.5)], settings=settings
    )
    assert both.bankrupt_at is None
    assert both.final_equity == pytest.approx(10_000.0 + sum(trade.pnl for trade in both.trades))


@pytest.mark.parametrize(("volume", "cash", "held"), [(50.0, 489.0, -50.0), (99.0, 0.0, 0.0)])
def test_part_of_an_exit_that_costs_more_than_there_is_closes_all(
    volume: float, cash: float, held: float
) -> None:
    costs = CostSettings(0.0, 0.0, 0.0, impact_bps=1_000.0)
    book = Book(BookSettings(1_000.0, TradingRules(costs=costs)))
    book.step(ExecutionBar(0, 100.0, 100.0, 100.0, 100.0, volume=1e18))
    book.submit(-100.0)
    book.step(ExecutionBar(MINUTE_MS, 100.0, 100.0, 100.0, 100.0, volume=volume))
    book.place(NewOrder("stop_market", 100.0, 100.2, reduce_only=False))
    book.step(ExecutionBar(2 * MINUTE_MS, 100.0, 100.2, 100.0, 100.2, volume=0.0))
    assert book.account.cash == pytest.approx(cash, abs=1e-4)
    assert (book.account.position, book.equity) == (pytest.approx(held), pytest.approx(0.0, abs=1e-9))


def test_fear_of_one_book_is_no_debt_of_the_account() -> None:
    costs = CostSettings(0.0, 0.0, 0.0, impact_bps=30.0)
    settings = BacktestSettings(rules=TradingRules(costs=costs, sizing=AllIn(16.0)))
    volume = [1e18, 1e18, 1e18, *[0.0] * 5]
    stuck = minutes([100.0] * 8, volume)
    falls = replace(minutes([100.0, 100.0, 100.0, 90.0, 90.0, 90.0, 90.0, 90.0]), symbol="Y/USDT:USDT")
    books = [Allocation(ThenAside(), stuck, 0.5), Allocation(Long(), falls, 0.5)]
    for driver in (run_account, run_event_account):
        both = driver(books, settings=settings)
        assert both.bar_equity.min() == 0.0
