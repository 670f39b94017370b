"""Batch, event and paper book on one table of named scenarios: equal to the last bit."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from quant_pipelines.backtest import (
    BacktestResult,
    BacktestSettings,
    Book,
    BookSettings,
    run_backtest,
    run_event_backtest,
)
from quant_pipelines.backtest.event import execution_stream, latest_volatility
from quant_pipelines.backtest.market import prepare_market
from quant_pipelines.backtest.recorder import Recorder
from quant_pipelines.backtest.result import result_of
from quant_pipelines.backtest.stop_rules import latest_inputs
from quant_pipelines.backtest.stops import EXIT_REASONS
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries, no_funding
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.portfolio import AllIn, Fixed, VolatilityTarget
from quant_pipelines.risk import RiskLimits
from quant_pipelines.sdk import Array, Float, Int, Stops, Strategy
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.trading import Bracket, Execution, Specification, TradingRules, decide

START_MS = 1_704_067_200_000 + 22 * HOUR_MS  # two hours before a midnight
SYMBOL = "BTC/USDT:USDT"


def random_bars(n: int, seed: int, *, timeframe: str = "1m", volatility: float = 0.004) -> Bars:
    rng = np.random.default_rng(seed)
    step = {"1m": MINUTE_MS, "5m": 5 * MINUTE_MS, "1h": HOUR_MS}[timeframe]
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, volatility, n)))
    open_ = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0.0, volatility / 4, n))
    spread = np.abs(rng.normal(0.0, volatility, (2, n)))
    high = np.maximum(open_, close) * (1.0 + spread[0])
    low = np.minimum(open_, close) * (1.0 - spread[1])
    ts = START_MS + step * np.arange(n, dtype=np.int64)
    return Bars(SYMBOL, timeframe, ts, open_, high, low, close, np.ones(n))


def rolled_up(minutes: Bars, n: int = 5) -> Bars:
    whole = len(minutes) // n * n
    part = {name: getattr(minutes, name)[:whole].reshape(-1, n) for name in ("open", "high", "low", "close")}
    return Bars(
        SYMBOL,
        "5m",
        minutes.ts[:whole:n],
        part["open"][:, 0].copy(),
        part["high"].max(axis=1),
        part["low"].min(axis=1),
        part["close"][:, -1].copy(),
        np.ones(whole // n),
    )


class Wanderer(Strategy):
    """Target by the hash of the close: changes side, size and opinion often, and knows only the past."""

    seed = Int(1, low=0, high=1000)
    hold = Int(4, low=1, high=50)
    stops = Stops(hard_stop=Float(0.01, low=0.0, high=0.5))

    def target(self, bars: "Bars") -> Array:
        level = np.floor(np.abs(bars.close) * 1e6 + self.seed) % 7
        table = np.array([1.0, -1.0, 0.0, 0.5, -0.3, np.nan, 1.0])
        wanted = table[level.astype(np.int64)]
        held = np.arange(len(bars)) // self.hold * self.hold
        return wanted[held]


class Guarded(Wanderer):
    """The same behind every stop that there is; 0 takes one away."""

    stops = Stops(
        hard_stop=Float(0.03, low=0.0, high=0.5),
        atr_stop=Float(0.0, low=0.0, high=9.0),
        volatility_stop=Float(0.0, low=0.0, high=9.0),
        chandelier_stop=Float(0.0, low=0.0, high=9.0),
        sar_stop=Float(0.0, low=0.0, high=1.0),
        time_stop=Int(0, low=0, high=100),
        equity_stop=Float(0.0, low=0.0, high=0.9),
        take_profit=Float(0.0, low=0.0, high=0.5),
        atr_window=5,
        volatility_window=7,
    )


class AlwaysLong(Strategy):
    """Long from the first bar on."""

    stops = Stops(hard_stop=Float(0.02, low=0.0, high=0.5))

    def target(self, bars: Bars) -> Array:
        return np.ones(len(bars))


def hourly_funding(bars: Bars, *, has_mark: bool = True) -> FundingSeries:
    ts = np.arange(START_MS - 2 * HOUR_MS, int(bars.ts[-1]) + HOUR_MS, HOUR_MS // 2)
    rng = np.random.default_rng(5)
    mark = rng.uniform(90.0, 110.0, ts.size)
    if not has_mark:
        mark[::2] = np.nan
    return FundingSeries(ts, rng.normal(0.0, 0.001, ts.size), mark)


@dataclass(frozen=True)
class Scenario:
    bars: Callable[[], Bars]
    strategy: Strategy = field(default_factory=Wanderer)
    rules: TradingRules = field(default_factory=TradingRules)
    settings: BacktestSettings = field(default_factory=BacktestSettings)
    execution: Callable[[], Bars] | None = None
    funding: Callable[[Bars], FundingSeries] | None = None


def gapped(n: int = 400) -> Bars:
    bars = random_bars(n, 8)
    keep = np.ones(n, dtype=bool)
    keep[50:61], keep[110:140], keep[200] = False, False, False
    columns = {name: getattr(bars, name)[keep] for name in ("open", "high", "low", "close", "volume")}
    return Bars(SYMBOL, "1m", bars.ts[keep], **columns)


LOTS = TradingRules(specification=Specification(lot_size=0.001, min_notional=5.0))
FINE = random_bars(600, 21)
BRACKETS = (Bracket(0.0, 0.01), Bracket(20_000.0, 0.02, 200.0), Bracket(90_000.0, 0.05, 2_900.0))
ALL_STOPS: dict[str, Any] = {
    "atr_stop": 3.0,
    "volatility_stop": 2.5,
    "chandelier_stop": 3.0,
    "sar_stop": 0.02,
    "time_stop": 15,
    "equity_stop": 0.02,
    "take_profit": 0.02,
    "hold": 25,
}

SCENARIOS = {
    "plain": Scenario(lambda: random_bars(300, 1)),
    "no_costs_no_stop": Scenario(
        lambda: random_bars(300, 2), Wanderer(hard_stop=0.0), TradingRules(costs=CostSettings(0.0, 0.0))
    ),
    "tight_stop_hit_in_entry_bars": Scenario(lambda: random_bars(300, 3), Wanderer(hard_stop=0.002)),
    "gap_through_the_stop": Scenario(lambda: random_bars(300, 4, volatility=0.03), Wanderer(hard_stop=0.01)),
    "stops_off": Scenario(lambda: random_bars(300, 3), settings=BacktestSettings(has_stops=False)),
    "lots_and_min_notional": Scenario(lambda: random_bars(300, 5), rules=LOTS),
    "coarse_lots_drop_orders": Scenario(
        lambda: random_bars(300, 6),
        rules=TradingRules(specification=Specification(lot_size=30.0, min_notional=4_000.0)),
    ),
    "fixed_quantity": Scenario(lambda: random_bars(300, 7), rules=replace(LOTS, sizing=Fixed(0.7))),
    "fraction_of_equity": Scenario(lambda: random_bars(300, 7), rules=replace(LOTS, sizing=AllIn(0.35))),
    "volatility_target": Scenario(
        lambda: random_bars(300, 9),
        rules=replace(LOTS, sizing=VolatilityTarget(annual_volatility=0.8, max_weight=1.5, window=20)),
    ),
    "long_only": Scenario(lambda: random_bars(300, 10), rules=replace(LOTS, direction="long")),
    "short_only": Scenario(lambda: random_bars(300, 10), rules=replace(LOTS, direction="short")),
    "no_rebalance_band": Scenario(lambda: random_bars(300, 11), rules=replace(LOTS, rebalance_band=0.0)),
    "missing_bars": Scenario(gapped, funding=hourly_funding),
    "funding": Scenario(lambda: random_bars(400, 12), funding=hourly_funding),
    "funding_without_mark": Scenario(
        lambda: random_bars(400, 12), funding=lambda bars: hourly_funding(bars, has_mark=False)
    ),
    "funding_inside_coarse_bars": Scenario(
        lambda: random_bars(100, 13, timeframe="1h"), funding=hourly_funding
    ),
    "finer_execution_bars": Scenario(lambda: rolled_up(FINE), execution=lambda: FINE, funding=hourly_funding),
    "finer_execution_ends_mid_bar": Scenario(lambda: rolled_up(FINE), execution=lambda: FINE.rows(3, 593)),
    "history_before_the_test": Scenario(
        lambda: random_bars(300, 14), settings=BacktestSettings(trade_from_ms=START_MS + 150 * MINUTE_MS)
    ),
    "closed_at_the_end": Scenario(
        lambda: random_bars(300, 15), AlwaysLong(hard_stop=0.5), settings=BacktestSettings(close_at_end=True)
    ),
    "daily_loss_limit": Scenario(
        lambda: random_bars(300, 16, volatility=0.01),
        rules=replace(LOTS, limits=RiskLimits(max_daily_loss_fraction=0.02)),
    ),
    "position_and_leverage_limits": Scenario(
        lambda: random_bars(300, 17),
        rules=replace(LOTS, sizing=Fixed(80.0), limits=RiskLimits(0.9, 0.8, 0.5, 60.0)),
    ),
    "ruin": Scenario(lambda: random_bars(200, 18, volatility=0.08), rules=TradingRules(sizing=AllIn(5.0))),
    "one_bar": Scenario(lambda: random_bars(1, 19)),
    "atr_stop": Scenario(lambda: random_bars(300, 31), Guarded(atr_stop=1.5)),
    "volatility_stop": Scenario(lambda: random_bars(300, 32), Guarded(volatility_stop=1.0, hold=9)),
    "chandelier": Scenario(lambda: random_bars(300, 33), Guarded(chandelier_stop=2.0, hold=12)),
    "parabolic": Scenario(lambda: random_bars(300, 34), Guarded(sar_stop=0.05, hold=20)),
    "time_stop": Scenario(lambda: random_bars(300, 35), Guarded(time_stop=3, hold=10)),
    "equity_stop": Scenario(lambda: random_bars(300, 36), Guarded(equity_stop=0.01, hold=20)),
    "take_profit": Scenario(lambda: random_bars(300, 37), Guarded(take_profit=0.008, hold=20)),
    "all_stops": Scenario(
        lambda: random_bars(600, 38), Guarded(**ALL_STOPS), rules=LOTS, funding=hourly_funding
    ),
    "all_stops_on_finer_bars": Scenario(
        lambda: rolled_up(FINE), Guarded(**ALL_STOPS), execution=lambda: FINE, funding=hourly_funding
    ),
    "stops_and_gaps": Scenario(gapped, Guarded(**ALL_STOPS)),
    "participation": Scenario(
        lambda: random_bars(300, 39), rules=replace(LOTS, sizing=Fixed(0.9), execution=Execution(0.3))
    ),
    "latency": Scenario(
        lambda: random_bars(300, 40),
        Guarded(**ALL_STOPS),
        replace(LOTS, execution=Execution(latency_ms=150_000)),
    ),
    "impact_and_spread": Scenario(
        lambda: random_bars(300, 41), rules=TradingRules(costs=CostSettings(5.0, 1.0, 2.0, 3.0, 9.0))
    ),
    "isolated_margin": Scenario(
        lambda: random_bars(300, 42, volatility=0.02),
        Guarded(hard_stop=0.5, hold=30),
        TradingRules(sizing=AllIn(3.0), execution=Execution(brackets=BRACKETS, leverage=10.0)),
    ),
    "cross_margin": Scenario(
        lambda: random_bars(300, 43, volatility=0.02),
        Guarded(hard_stop=0.0, hold=30),
        TradingRules(sizing=AllIn(8.0), execution=Execution(brackets=BRACKETS)),
        funding=hourly_funding,
    ),
}


def paper_backtest(
    strategy: Strategy,
    bars: Bars,
    *,
    settings: BacktestSettings,
    execution_bars: Bars | None = None,
    funding: FundingSeries | None = None,
) -> BacktestResult:
    """The runner's way: targets once, a book that is killed and restored from its JSON behind every bar."""
    market = prepare_market(bars, settings, execution_bars=execution_bars, funding=funding)
    target = target_of(strategy, bars)
    recorder = Recorder(market, settings)
    terms = settings.step_terms(strategy, market.execution.step_ms, bars.step_ms)
    book_settings = BookSettings(
        settings.capital, settings.rules, terms.hard_stop, market.execution.timeframe, terms.stops
    )
    book = Book(book_settings)
    stream = execution_stream(market, funding if funding is not None else no_funding())
    for bar, row in zip(stream, market.decision_row, strict=True):
        book = Book.from_document(book_settings, json.loads(json.dumps(book.to_document())))
        recorder.add(book, book.step(bar))
        if row >= 0:
            known = bars.rows(0, int(row) + 1)
            view = book.view(volatility=latest_volatility(known, settings))
            decision = decide(view, float(target[row]), settings.rules)
            book.apply(decision, inputs=latest_inputs(strategy, known))
    outcome, record = recorder.finish(book, terms)
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
        settings=replace(scenario.settings, rules=scenario.rules),
        execution_bars=scenario.execution() if scenario.execution else None,
        funding=scenario.funding(bars) if scenario.funding else None,
    )


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_driver_equals_batch_to_the_bit(name: str, driver: str) -> None:
    expected, actual = run(run_backtest, SCENARIOS[name]), run(DRIVERS[driver], SCENARIOS[name])
    assert actual.trade_rows.tobytes() == expected.trade_rows.tobytes()
    assert actual.bar_equity.tobytes() == expected.bar_equity.tobytes()
    assert actual.daily_equity.tobytes() == expected.daily_equity.tobytes()
    assert actual.metrics == expected.metrics
    assert actual.open_position == expected.open_position
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
