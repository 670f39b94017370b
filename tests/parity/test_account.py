"""Several books in one account: one book is a backtest, and both drivers are equal to the last bit."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings, sweep
from quant_pipelines.backtest.account.event import run_event_account
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.result import CROSSING, AccountResult
from quant_pipelines.backtest.account.run import run_account, run_symbols
from quant_pipelines.backtest.book.alone import run_alone
from quant_pipelines.backtest.market.market import SymbolFeed
from quant_pipelines.core.panel import panel_of
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.sdk import Strategy
from tests.parity.accounts import OF_ALL, SEVERAL, OfEach, PanelWanderer, known, of, panel, two
from tests.parity.scenarios import ALL_STOPS, LOTS, SCENARIOS
from tests.parity.test_events import SCENARIOS as EVENTS
from tests.parity.test_events import Busy
from tests.parity.worlds import (
    Guarded,
    Scaled,
    Wanderer,
    random_bars,
)


def run(driver: Callable[..., AccountResult], name: str) -> AccountResult:
    case = SEVERAL[name]
    settings = replace(case.settings, rules=case.rules)
    return driver(case.allocations(), feeds=case.feeds(), settings=settings, flows=case.flows)


WHOLE = {"batch": run_account, "rows": run_event_account}


@pytest.mark.parametrize("driver", WHOLE)
@pytest.mark.parametrize("name", [*SCENARIOS, *(f"event_{name}" for name in EVENTS)])
def test_one_book_with_the_whole_account_equals_a_backtest_to_the_bit(name: str, driver: str) -> None:
    case = SCENARIOS[name] if name in SCENARIOS else EVENTS[name.removeprefix("event_")]
    bars = case.bars()
    settings = replace(case.settings, rules=case.rules)
    feed = SymbolFeed(
        case.execution() if case.execution else None,
        case.funding(bars) if case.funding else None,
        case.mark(bars) if case.mark else None,
        case.depth(bars) if case.depth else None,
    )
    alone = run_alone(case.strategy, bars, settings, feed)
    account = WHOLE[driver]([Allocation(case.strategy, bars)], feeds={bars.symbol: feed}, settings=settings)
    (book,) = account.books
    assert book.result.trade_rows.tobytes() == alone.trade_rows.tobytes()
    assert account.bar_equity.tobytes() == alone.bar_equity.tobytes()
    assert account.daily_equity.tobytes() == alone.daily_equity.tobytes()
    assert account.daily_returns.tobytes() == alone.daily_returns.tobytes()
    assert book.result.open_position == alone.open_position
    for figure in OF_ALL:
        assert getattr(account, figure) == getattr(book.result, figure) == getattr(alone, figure), figure


@pytest.mark.parametrize("name", SEVERAL)
def test_rows_one_by_one_equal_the_batch_to_the_bit(name: str) -> None:
    expected, actual = run(run_account, name), run(run_event_account, name)
    assert actual.bar_equity.tobytes() == expected.bar_equity.tobytes()
    assert actual.daily_equity.tobytes() == expected.daily_equity.tobytes()
    assert actual.daily_units.tobytes() == expected.daily_units.tobytes()
    assert actual.metrics == expected.metrics
    assert actual.max_gross_exposure == expected.max_gross_exposure
    for one, other in zip(actual.books, expected.books, strict=True):
        assert one.result.trade_rows.tobytes() == other.result.trade_rows.tobytes()
        assert one.result.metrics == other.result.metrics
        assert one.result.open_position == other.result.open_position
        assert one.contribution.tobytes() == other.contribution.tobytes()
        assert one.net_notional.tobytes() == other.net_notional.tobytes()


@pytest.mark.parametrize("driver", WHOLE)
def test_scaled_stops_of_one_among_several_symbols_are_those_of_a_strategy_of_one(driver: str) -> None:
    values = {**ALL_STOPS, "chandelier_stop": 2.0, "equity_stop": 0.0, "hold": 9}
    members = panel().members
    settings, share = BacktestSettings(rules=LOTS), 1.0 / len(members)
    together = WHOLE[driver]([Allocation(OfEach(**values), panel_of(members))], settings=settings)
    alone = [Allocation(Scaled(**values), bars, share) for bars in members]
    for one, other in zip(together.books, WHOLE[driver](alone, settings=settings).books, strict=True):
        assert len(one.result.trades) > 5
        assert one.result.trade_rows.tobytes() == other.result.trade_rows.tobytes()
        assert one.result.daily_equity.tobytes() == other.result.daily_equity.tobytes()
    unscaled = run_account(
        [Allocation(Guarded(**values), bars, share) for bars in members], settings=settings
    )
    assert together.final_equity != unscaled.final_equity


@pytest.mark.parametrize("strategy_class", [Scaled, Busy, PanelWanderer, OfEach])
def test_a_sweep_of_several_symbols_equals_an_account_for_each_set(strategy_class: type[Strategy]) -> None:
    bars = [of(name, random_bars(300, 90 + i)) for i, name in enumerate("AB")]
    feeds = {one.symbol: known(one, i) for i, one in enumerate(bars)}
    sets = [{"hard_stop": value} for value in (0.01, 0.7, 0.02, 0.03)]
    swept = sweep(strategy_class, sets, bars, BacktestSettings(rules=LOTS), feeds=feeds, threads=2)
    assert np.isnan(swept.daily_returns[1]).all()
    for row in (0, 2, 3):
        alone = run_symbols(
            strategy_class(**sets[row]), bars, feeds=feeds, settings=BacktestSettings(rules=LOTS)
        )
        assert swept.days == alone.days
        assert swept.daily_returns[row].tobytes() == alone.daily_returns.tobytes()
        assert swept.final_equity[row] == alone.final_equity
        assert {name: swept.metrics[name][row] for name in ("sharpe", "turnover", "win_rate")} == {
            name: alone.metrics[name] for name in ("sharpe", "turnover", "win_rate")
        }


@pytest.mark.parametrize("name", SEVERAL)
def test_the_account_earns_what_its_books_earn(name: str) -> None:
    result = run(run_account, name)
    earned = sum(book.result.final_equity - book.result.capital for book in result.books)
    own = result.final_equity - result.capital - result.net_flows
    assert own == pytest.approx(earned + result.insurance_paid, abs=1e-6)
    for book in result.books:
        account, held = book.result, book.result.open_position
        gross = sum(trade.pnl + trade.fees + trade.funding for trade in account.trades)
        if held is None:
            costs = account.fees_paid + account.funding_paid
            assert account.final_equity - account.capital == pytest.approx(gross - costs, abs=1e-6)


def test_scenarios_exercise_trades_liquidation_and_limits() -> None:
    results = {name: run(run_account, name) for name in SEVERAL}
    assert all(len(result.trades) > 3 for result in results.values())
    assert all(results[name].bankrupt_at for name in ("bankruptcy", "bankruptcy_with_orders"))
    reasons = {name: {one.exit_reason for one in result.trades} for name, result in results.items()}
    assert "liquidation" in reasons["cross_margin"]
    assert "liquidation" in reasons["isolated_margin"]
    assert "equity_stop" in reasons["flows_under_limits_and_equity_stops"]
    assert "liquidation" in reasons["marks_on_cross_margin"]
    assert {"limit_order", "stop_order"} <= reasons["orders_beside_targets"]
    books = results["marks_depth_and_dated_specifications"].books
    assert books[0].result.mark_use.mark > books[2].result.mark_use.mark == 0
    assert books[0].result.depth_fallbacks > 0
    assert results["opposite_books_on_one_symbol"].not_modelled[-1] == CROSSING
    unlimited = run_account(two(volatility=0.01), settings=BacktestSettings(rules=LOTS))
    assert len(results["daily_loss_of_the_account"].trades) < len(unlimited.trades)


def test_hour_grid_of_a_symbol_without_bars_keeps_its_last_close() -> None:
    late = of("B", random_bars(30, 5, timeframe="1h"))
    early = replace(late.rows(0, 10), symbol="A")
    result = run_account([Allocation(Wanderer(), early, 0.5), Allocation(Wanderer(), late, 0.5)])
    assert result.bar_ts.size == 30
    assert result.bar_ts[-1] - result.bar_ts[0] == 29 * HOUR_MS
    assert len(result.days) > len(result.books[0].result.days)
