"""Batch, event and paper book on one table of named scenarios: equal to the last bit."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from quant_pipelines.backtest import (
    BacktestResult,
    BacktestSettings,
    Book,
    run_backtest,
    run_event_backtest,
)
from quant_pipelines.backtest.bar.stops import EXIT_REASONS
from quant_pipelines.backtest.batch.result import result_of
from quant_pipelines.backtest.book.driver import book_settings
from quant_pipelines.backtest.book.recorder import Recorder
from quant_pipelines.backtest.market.market import SymbolFeed, prepare_market
from quant_pipelines.backtest.market.readings import latest_of
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.depth import DepthSeries
from quant_pipelines.core.funding import FundingSeries, no_funding
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.sdk import Strategy
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.trading import (
    decide,
)
from tests.parity.scenarios import SCENARIOS
from tests.parity.stream import execution_stream
from tests.parity.worlds import (
    Scenario,
)


def paper_backtest(
    strategy: Strategy,
    bars: Bars,
    *,
    settings: BacktestSettings,
    execution_bars: Bars | None = None,
    funding: FundingSeries | None = None,
    mark: MarkSeries | None = None,
    depth: DepthSeries | None = None,
) -> BacktestResult:
    """The runner's way: targets once, a book that is killed and restored from its JSON after every bar."""
    market = prepare_market(bars, settings, SymbolFeed(execution_bars, funding, mark, depth))
    target = target_of(strategy, bars)
    recorder = Recorder(market, settings)
    given = book_settings(strategy, market, settings)
    book = Book(given)
    stream = execution_stream(market, funding if funding is not None else no_funding())
    for bar, row in zip(stream, market.decision_row, strict=True):
        book = Book.from_document(given, json.loads(json.dumps(book.to_document())))
        recorder.add(book, book.step(bar))
        if row >= 0:
            known = bars.rows(0, int(row) + 1)
            latest = latest_of(strategy, known, settings.rules)
            view = book.view(volatility=latest.volatility)
            decision = decide(view, float(target[row]), settings.rules_at(bar.ts))
            book.submit(decision.order_quantity, target_side=decision.target_side, inputs=latest.inputs)
    outcome, record = recorder.finish(book)
    return result_of(outcome, market, settings, record)


DRIVERS: dict[str, Callable[..., BacktestResult]] = {
    "event": run_event_backtest,
    "paper": paper_backtest,
}


def run(driver: Callable[..., BacktestResult], scenario: Scenario) -> BacktestResult:
    bars = scenario.bars()
    return driver(
        scenario.strategy,
        bars,
        settings=replace(scenario.settings, rules=scenario.rules, has_bar_position=True),
        execution_bars=scenario.execution() if scenario.execution else None,
        funding=scenario.funding(bars) if scenario.funding else None,
        mark=scenario.mark(bars) if scenario.mark else None,
        depth=scenario.depth(bars) if scenario.depth else None,
    )


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_driver_equals_batch_to_the_bit(name: str, driver: str) -> None:
    expected, actual = run(run_backtest, SCENARIOS[name]), run(DRIVERS[driver], SCENARIOS[name])
    assert actual.trade_rows.tobytes() == expected.trade_rows.tobytes()
    assert actual.bar_equity.tobytes() == expected.bar_equity.tobytes()
    assert actual.bar_position.tobytes() == expected.bar_position.tobytes()
    assert actual.daily_equity.tobytes() == expected.daily_equity.tobytes()
    assert actual.metrics == expected.metrics
    assert actual.open_position == expected.open_position
    assert actual.unfilled_exits == expected.unfilled_exits
    assert (actual.final_equity, actual.fees_paid, actual.funding_paid) == (
        expected.final_equity,
        expected.fees_paid,
        expected.funding_paid,
    )


def test_scenarios_exercise_every_exit_and_payment() -> None:
    results = {name: run(run_backtest, scenario) for name, scenario in SCENARIOS.items()}
    reasons = {trade.exit_reason for result in results.values() for trade in result.trades}
    assert reasons == set(EXIT_REASONS) - {"limit_order", "stop_order"}  # of orders that rest: test_events
    assert sum(len(result.trades) for result in results.values()) > 400
    assert results["funding"].funding_paid != 0.0
    assert results["funding_without_mark"].mark_fallbacks > 0
    assert results["coarse_lots_drop_orders"].metrics["n_trades"] != results["plain"].metrics["n_trades"]
    assert results["ruin"].final_equity < 10_000.0
    use = {name: result.mark_use for name, result in results.items()}
    assert all(use["liquidation_on_mark"].mark > use[name].mark == 0 for name in ("plain", "isolated_margin"))
    assert use["mark_points_with_index"].index_price > 0 < use["mark_points_with_index"].opens
    assert use["finer_marks"].mark > 0 < use["finer_marks"].last
    assert results["mark_points_with_index"].mark_fallbacks < results["funding_without_mark"].mark_fallbacks
    assert results["thin_volume"].unfilled_exits > 10
    assert 0 < results["depth"].depth_fallbacks < 2 * len(results["depth"].trades)
