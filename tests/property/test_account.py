"""Conservation in an account of several books, for any prices, targets and flows of cash."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.accounting.nav import Flow
from quant_pipelines.backtest import BacktestSettings, run_backtest
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.result import AccountResult
from quant_pipelines.backtest.account.run import run_account
from quant_pipelines.backtest.market.market import SymbolFeed
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.sdk import Array, Float, Stops, Strategy
from quant_pipelines.trading import Specification, TradingRules
from tests.property.examples import examples

N_BARS = 60
RULES = TradingRules(costs=CostSettings(5.0, 1.0), specification=Specification(0.001, 5.0))
moves = st.lists(st.floats(-0.05, 0.05), min_size=N_BARS, max_size=N_BARS)
wanted = st.lists(st.sampled_from([1.0, -1.0, 0.0, 0.5, float("nan")]), min_size=N_BARS, max_size=N_BARS)
shares = st.floats(0.05, 0.5)
flows = st.lists(
    st.builds(Flow, st.integers(0, (N_BARS - 1) * HOUR_MS), st.floats(-1_000.0, 5_000.0)), max_size=3
)


class Scripted(Strategy):
    """Targets from a list."""

    script: Array = np.zeros(0)
    stops = Stops(hard_stop=Float(0.02, low=0.0, high=0.5), equity_stop=Float(0.1, low=0.0, high=0.9))

    def target(self, bars: Bars) -> Array:
        return self.script[: len(bars)]


def scripted(targets: list[float]) -> Strategy:
    class Script(Scripted):
        script = np.array(targets)

    return Script()


def bars_of(symbol: str, returns: list[float]) -> Bars:
    close = np.cumprod(1.0 + np.array(returns), dtype=np.float64) * np.float64(100.0)
    gaps = np.array(returns[::-1]) / 5
    open_ = np.multiply(np.concatenate([[100.0], close[:-1]]), 1.0 + gaps, dtype=np.float64)
    high, low = np.maximum(open_, close) * 1.004, np.minimum(open_, close) * 0.996
    ts = HOUR_MS * np.arange(N_BARS, dtype=np.int64)
    return Bars(symbol, "1h", ts, open_, high, low, close, np.ones(N_BARS))


def two_books(
    one: tuple[list[float], list[float], float],
    other: tuple[list[float], list[float], float],
    paid: list[Flow],
) -> AccountResult:
    books = {"A": one, "B": other}
    feeds = {}
    for name, (returns, _, _) in books.items():
        ts = HOUR_MS * np.arange(0, N_BARS, 8, dtype=np.int64) + HOUR_MS // 4
        feeds[name] = SymbolFeed(
            funding=FundingSeries(ts, np.array(returns[: ts.size]) / 20.0, np.full(ts.size, np.nan))
        )
    allocations = [
        Allocation(scripted(targets), bars_of(name, returns), share)
        for name, (returns, targets, share) in books.items()
    ]
    return run_account(
        allocations, feeds=feeds, settings=BacktestSettings(rules=RULES, close_at_end=True), flows=paid
    )


@given(st.tuples(moves, wanted, shares), st.tuples(moves, wanted, shares), flows)
@settings(max_examples=examples(60))
def test_change_of_value_is_profit_less_fees_less_funding_and_flows(
    one: tuple[list[float], list[float], float],
    other: tuple[list[float], list[float], float],
    paid: list[Flow],
) -> None:
    result = two_books(one, other, paid)
    trades = result.trades
    gross = sum(
        (1.0 if trade.side == "long" else -1.0) * trade.quantity * (trade.exit_price - trade.entry_price)
        for trade in trades
    )
    assert result.net_flows == pytest.approx(sum(flow.amount for flow in paid))
    change = result.final_equity - result.capital - result.net_flows
    assert change == pytest.approx(gross - result.fees_paid - result.funding_paid, abs=1e-6)
    assert change == pytest.approx(sum(trade.pnl for trade in trades), abs=1e-6)


@given(st.tuples(moves, wanted, shares), st.tuples(moves, wanted, shares), flows)
@settings(max_examples=examples(40))
def test_returns_compound_to_the_growth_of_a_unit(
    one: tuple[list[float], list[float], float],
    other: tuple[list[float], list[float], float],
    paid: list[Flow],
) -> None:
    result = two_books(one, other, paid)
    assert np.prod(1.0 + result.daily_returns) == pytest.approx(
        result.final_equity / result.daily_units[-1], rel=1e-9
    )


@given(moves, flows)
@settings(max_examples=examples(40))
def test_flows_into_a_flat_account_are_neither_gain_nor_loss(returns: list[float], paid: list[Flow]) -> None:
    flat = [0.0] * N_BARS
    result = two_books((returns, flat, 0.5), (returns, flat, 0.2), paid)
    np.testing.assert_allclose(result.daily_returns, 0.0, atol=1e-12)
    assert result.metrics["max_drawdown"] == pytest.approx(0.0, abs=1e-12)


@given(moves, wanted)
@settings(max_examples=examples(40))
def test_one_book_with_the_whole_account_is_a_backtest(returns: list[float], targets: list[float]) -> None:
    bars, given_settings = bars_of("A", returns), BacktestSettings(rules=RULES)
    alone = run_backtest(scripted(targets), bars, settings=given_settings)
    account = run_account([Allocation(scripted(targets), bars)], settings=given_settings)
    assert account.bar_equity.tobytes() == alone.bar_equity.tobytes()
    assert account.books[0].result.trade_rows.tobytes() == alone.trade_rows.tobytes()
    assert account.metrics == alone.metrics
