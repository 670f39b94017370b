"""Conservation and order of events, for any path of prices and targets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.backtest import BacktestResult, BacktestSettings, run_backtest
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.sdk import Array, Float, Stops, Strategy
from quant_pipelines.trading import Specification, TradingRules
from tests.property.examples import examples

N_BARS = 60
LOT = 0.001
moves = st.lists(st.floats(-0.05, 0.05), min_size=N_BARS, max_size=N_BARS)
wanted = st.lists(st.sampled_from([1.0, -1.0, 0.0, 0.5, float("nan")]), min_size=N_BARS, max_size=N_BARS)
full = st.lists(st.sampled_from([1.0, -1.0, 0.0, float("nan")]), min_size=N_BARS, max_size=N_BARS)
rates = st.lists(st.floats(-0.003, 0.003), min_size=N_BARS, max_size=N_BARS)


class Scripted(Strategy):
    """Targets from a list."""

    script: Array = np.zeros(0)
    stops = Stops(hard_stop=Float(0.02, low=0.0, high=0.5))

    def target(self, bars: Bars) -> Array:
        return self.script[: len(bars)]


def scripted(targets: list[float], hard_stop: float) -> Strategy:
    class Script(Scripted):
        script = np.array(targets)

    return Script(hard_stop=hard_stop)


def bars_of(returns: list[float]) -> Bars:
    close = np.cumprod(1.0 + np.array(returns), dtype=np.float64) * np.float64(100.0)
    gaps = np.array(returns[::-1]) / 5
    open_ = np.multiply(np.concatenate([[100.0], close[:-1]]), 1.0 + gaps, dtype=np.float64)
    high, low = np.maximum(open_, close) * 1.004, np.minimum(open_, close) * 0.996
    ts = HOUR_MS * np.arange(N_BARS, dtype=np.int64)
    return Bars("BTC/USDT:USDT", "1h", ts, open_, high, low, close, np.ones(N_BARS))


def backtest(
    returns: list[float], targets: list[float], paid: list[float], *, hard_stop: float = 0.02
) -> BacktestResult:
    bars = bars_of(returns)
    funding = FundingSeries(bars.ts, np.array(paid), np.full(N_BARS, np.nan))
    rules = TradingRules(costs=CostSettings(5.0, 1.0), specification=Specification(LOT, 5.0))
    return run_backtest(
        scripted(targets, hard_stop),
        bars,
        settings=BacktestSettings(rules=rules, close_at_end=True),
        funding=funding,
    )


@given(moves, wanted, rates)
@settings(max_examples=examples(80))
def test_change_of_equity_is_profit_less_fees_less_funding(
    returns: list[float], targets: list[float], paid: list[float]
) -> None:
    result = backtest(returns, targets, paid)
    assert result.open_position is None
    gained = sum(trade.pnl for trade in result.trades)
    assert result.final_equity - result.capital == pytest.approx(gained, abs=1e-6)
    assert sum(trade.fees for trade in result.trades) == pytest.approx(result.fees_paid, abs=1e-6)
    assert sum(trade.funding for trade in result.trades) == pytest.approx(result.funding_paid, abs=1e-6)
    gross = sum(
        (1.0 if trade.side == "long" else -1.0) * trade.quantity * (trade.exit_price - trade.entry_price)
        for trade in result.trades
    )
    expected = gross - result.fees_paid - result.funding_paid
    assert result.final_equity - result.capital == pytest.approx(expected, abs=1e-6)


@given(moves, wanted, rates)
@settings(max_examples=examples(50))
def test_daily_returns_compound_to_the_final_equity(
    returns: list[float], targets: list[float], paid: list[float]
) -> None:
    result = backtest(returns, targets, paid)
    grown = result.capital * np.prod(1.0 + result.daily_returns)
    assert grown == pytest.approx(result.final_equity, rel=1e-9)
    assert len(result.days) == result.daily_returns.size == 3


@given(moves, wanted, rates)
@settings(max_examples=examples(50))
def test_without_a_target_nothing_happens(
    returns: list[float], targets: list[float], paid: list[float]
) -> None:
    for nothing in (0.0, float("nan")):
        result = backtest(returns, [nothing] * N_BARS, paid)
        assert (result.final_equity, len(result.trades), result.funding_paid) == (10_000.0, 0, 0.0)


@given(moves, full, rates)
@settings(max_examples=examples(50))
def test_stopped_trades_lose_no_less_than_the_stop(
    returns: list[float], targets: list[float], paid: list[float]
) -> None:
    for trade in backtest(returns, targets, paid).trades:
        if trade.exit_reason == "hard_stop":
            side = 1.0 if trade.side == "long" else -1.0
            assert side * (trade.exit_price / trade.entry_price - 1.0) < -0.02 + 1e-9


@given(moves, wanted, rates)
@settings(max_examples=examples(50))
def test_quantities_are_whole_lots(returns: list[float], targets: list[float], paid: list[float]) -> None:
    for trade in backtest(returns, targets, paid).trades:
        assert trade.quantity / LOT == pytest.approx(round(trade.quantity / LOT), abs=1e-6)


@given(moves, wanted, st.integers(1, N_BARS - 1))
@settings(max_examples=examples(50))
def test_the_future_changes_no_past_equity(returns: list[float], targets: list[float], cut: int) -> None:
    bars = bars_of(returns)
    strategy = scripted(targets, 0.02)
    whole = run_backtest(strategy, bars).bar_equity
    part = run_backtest(strategy, bars.rows(0, cut)).bar_equity
    assert part.tobytes() == whole[:cut].tobytes()
