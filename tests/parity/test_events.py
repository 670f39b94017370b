"""An event strategy in every driver: at once, computed anew at each bar, on paper killed after every bar."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import (
    BacktestResult,
    BacktestSettings,
    Book,
    BookSettings,
    run_backtest,
    run_event_backtest,
    sweep,
)
from quant_pipelines.backtest.batch.result import result_of
from quant_pipelines.backtest.book.desk import Close
from quant_pipelines.backtest.book.event_run import EventRun
from quant_pipelines.backtest.book.recorder import Recorder
from quant_pipelines.backtest.market.market import SymbolFeed, prepare_market
from quant_pipelines.backtest.market.readings import latest_of
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries, no_funding
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.indicators import atr, ema
from quant_pipelines.portfolio import AllIn, VolatilityTarget
from quant_pipelines.risk import RiskLimits
from quant_pipelines.sdk import Array, Desk, EventStrategy, Float, Int, OrderEvent, Stops
from quant_pipelines.trading import Bracket, Execution, TradingRules
from tests.parity.scenarios import FINE, LOTS, THIN
from tests.parity.stream import execution_stream
from tests.parity.worlds import (
    START_MS,
    Scenario,
    gapped,
    hourly_funding,
    random_bars,
    rolled_up,
    slots_within,
    thin,
)


class Busy(EventStrategy):
    """Places orders of every kind by what it remembers, and takes some of them back."""

    window = Int(9, low=2, high=100)
    spread = Float(0.8, low=0.1, high=9.0)
    stops = Stops(
        hard_stop=Float(0.02, low=0.0, high=0.5),
        chandelier_stop=Float(0.0, low=0.0, high=9.0),
        time_stop=Int(0, low=0, high=100),
        take_profit=Float(0.0, low=0.0, high=0.5),
        atr_window=5,
    )

    def features(self, bars: Bars) -> dict[str, Array]:
        return {
            "mean": ema(bars.close, self.window),
            "range": atr(bars.high, bars.low, bars.close, self.window),
        }

    def on_start(self, desk: Desk) -> None:
        desk.memory.update(bars=0, told=[])

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        count = desk.memory["bars"] = desk.memory["bars"] + 1
        step = self.spread * desk.features["range"]
        if not step > 0.0:
            return
        if count % 4 == 0 and desk.orders:
            desk.cancel(desk.orders[0].number)
        if count % 5 == 0:
            desk.limit(0.3, float(bars.close[-1]) - step, expires_bars=3)
            desk.limit(-0.3, desk.price + step, post_only=count % 2 == 0)
        if count % 11 == 0:
            desk.stop_market(0.4 if count % 2 else -0.4, desk.price + (step if count % 2 else -step))
        if count % 13 == 0:
            desk.market(0.5 if desk.features["mean"] > desk.price else -0.5)
        if count % 29 == 0:
            desk.cancel_all()

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        desk.memory["told"] = [*desk.memory["told"][-5:], [event.number, event.status, event.reason]]
        if event.quantity == 0.0 or desk.position == 0.0:
            return
        for order in desk.orders:
            if order.reduce_only:
                desk.cancel(order.number)
        side = 1.0 if desk.position > 0.0 else -1.0
        step = side * self.spread * desk.features["range"]
        desk.limit(1.0, desk.entry_price + step, reduce_only=True)
        desk.stop_market(0.6, desk.entry_price - step, reduce_only=True)


class Scaled(Busy):
    """The same with stops that follow the market and its own equity."""

    stops = Stops(
        **Busy.stops.declared,
        slope_tightening=Float(0.5, low=0.1, high=1.0),
        atr_window=5,
        equity_slope_days=2,
    )

    def stop_scales(self, bars: Bars) -> dict[str, Array]:
        wave = 1.0 + 0.5 * np.sin(bars.close * self.window)
        return {"hard_stop": wave, "chandelier_stop": wave**2, "take_profit": wave}


SCENARIOS = {
    "plain": Scenario(lambda: random_bars(400, 51), Busy()),
    "lots": Scenario(lambda: random_bars(400, 52), Busy(), LOTS),
    "wide": Scenario(lambda: random_bars(400, 53), Busy(spread=2.0, hard_stop=0.01), LOTS),
    "gaps": Scenario(gapped, Busy(), LOTS, funding=hourly_funding),
    "funding": Scenario(lambda: random_bars(400, 54), Busy(), LOTS, funding=hourly_funding),
    "thin_volume": Scenario(
        lambda: thin(random_bars(300, 56)),
        Busy(),
        THIN,
    ),
    "funding_inside_of_bars": Scenario(
        lambda: random_bars(300, 55, timeframe="1h"), Busy(), LOTS, funding=slots_within
    ),
    "finer_execution_bars": Scenario(
        lambda: rolled_up(FINE), Busy(), LOTS, execution=lambda: FINE, funding=hourly_funding
    ),
    "participation_and_latency": Scenario(
        lambda: random_bars(400, 55),
        Busy(),
        replace(LOTS, sizing=AllIn(0.05), execution=Execution(0.3, latency_ms=60_000)),
    ),
    "stops": Scenario(
        lambda: random_bars(400, 56), Busy(chandelier_stop=2.0, time_stop=9, take_profit=0.01), LOTS
    ),
    "scaled_stops": Scenario(
        lambda: random_bars(400, 62), Scaled(chandelier_stop=2.0, hard_stop=0.01, take_profit=0.01), LOTS
    ),
    "volatility_target": Scenario(
        lambda: random_bars(400, 57), Busy(), replace(LOTS, sizing=VolatilityTarget(0.8, 1.5, 20))
    ),
    "limits": Scenario(
        lambda: random_bars(400, 58), Busy(), replace(LOTS, limits=RiskLimits(0.5, 0.5, 0.02, 60.0))
    ),
    "long_only": Scenario(lambda: random_bars(400, 59), Busy(), replace(LOTS, direction="long")),
    "history_before_the_test": Scenario(
        lambda: random_bars(400, 60),
        Busy(),
        LOTS,
        settings=BacktestSettings(trade_from_ms=START_MS + 150 * MINUTE_MS, close_at_end=True),
    ),
    "liquidation": Scenario(
        lambda: random_bars(400, 61, volatility=0.02),
        Busy(hard_stop=0.5),
        TradingRules(sizing=AllIn(5.0), execution=Execution(brackets=(Bracket(0.0, 0.01),), leverage=15.0)),
    ),
}


def paper_backtest(
    strategy: EventStrategy,
    bars: Bars,
    *,
    settings: BacktestSettings,
    execution_bars: Bars | None = None,
    funding: FundingSeries | None = None,
) -> BacktestResult:
    """The runner's way: book and strategy come back from their JSON after every bar."""
    market = prepare_market(bars, settings, SymbolFeed(execution_bars, funding))
    recorder, rules = Recorder(market, settings), settings.rules
    terms = settings.step_terms(strategy, market.execution.step_ms, bars.step_ms)
    timeframe = market.execution.timeframe
    book_settings = BookSettings(settings.capital, rules, terms.hard_stop, timeframe, terms.stops)
    stored = {"book": Book(book_settings).to_document(), "desk": None}
    seen, book = -1, Book(book_settings)
    stream = execution_stream(market, funding if funding is not None else no_funding())
    for bar, row in zip(stream, market.decision_row.tolist(), strict=True):
        stored = json.loads(json.dumps(stored, allow_nan=False))
        book = Book.from_document(book_settings, stored["book"])
        run = EventRun(strategy, book, bars.step_ms, stored["desk"])
        events = book.step(bar)
        recorder.add(book, events)
        run.note(events)
        seen = max(seen, row)
        if row >= 0 or run.has_news:
            known = bars.rows(0, seen + 1)
            latest = latest_of(strategy, known, rules)
            if row >= 0:
                book.submit(0.0, inputs=latest.inputs)
            close = Close(bar.ts + market.execution.step_ms, latest.features, latest.volatility)
            run.act(rules.terms, close, known if row >= 0 else None)
        stored = {"book": book.to_document(), "desk": run.to_document()}
    outcome, record = recorder.finish(book)
    return result_of(outcome, market, settings, record)


DRIVERS: dict[str, Callable[..., BacktestResult]] = {"anew": run_event_backtest, "paper": paper_backtest}


def run(driver: Callable[..., BacktestResult], scenario: Scenario) -> BacktestResult:
    bars = scenario.bars()
    return driver(
        scenario.strategy,
        bars,
        settings=replace(scenario.settings, rules=scenario.rules),
        execution_bars=scenario.execution() if scenario.execution else None,
        funding=scenario.funding(bars) if scenario.funding else None,
    )


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_event_strategy_trades_the_same_in_every_driver_to_the_bit(name: str, driver: str) -> None:
    expected, actual = run(run_backtest, SCENARIOS[name]), run(DRIVERS[driver], SCENARIOS[name])
    assert len(expected.trades) > 3
    assert actual.trade_rows.tobytes() == expected.trade_rows.tobytes()
    assert actual.bar_equity.tobytes() == expected.bar_equity.tobytes()
    assert actual.daily_equity.tobytes() == expected.daily_equity.tobytes()
    assert actual.metrics == expected.metrics
    assert actual.open_position == expected.open_position


def test_scenarios_end_positions_by_orders_and_by_stops() -> None:
    results = {name: run(run_backtest, scenario) for name, scenario in SCENARIOS.items()}
    reasons = {trade.exit_reason for result in results.values() for trade in result.trades}
    assert reasons >= {"limit_order", "stop_order", "target", "hard_stop", "take_profit", "time_stop"}
    assert "liquidation" in reasons


def test_sets_of_an_event_strategy_are_swept_one_by_one_with_the_same_result() -> None:
    bars, settings = random_bars(400, 71), BacktestSettings(rules=LOTS)
    sets = [{"spread": 0.5}, {"spread": 1.5, "window": 20}, {"spread": 99.0}, {"window": 30}]
    swept = sweep(Busy, sets, bars, settings, threads=2)
    for row, values in enumerate(sets):
        if values.get("spread") == 99.0:
            assert np.isnan(swept.final_equity[row])
            continue
        alone = run_backtest(Busy(**values), bars, settings=settings)
        assert swept.final_equity[row] == alone.final_equity
        assert swept.daily_returns[row].tobytes() == alone.daily_returns.tobytes()
