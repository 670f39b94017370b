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
    run_backtest,
    run_event_backtest,
)
from quant_pipelines.backtest.event import book_settings, execution_stream, latest_volatility
from quant_pipelines.backtest.market import prepare_market
from quant_pipelines.backtest.recorder import Recorder
from quant_pipelines.backtest.result import result_of
from quant_pipelines.backtest.stop_rules import latest_inputs
from quant_pipelines.backtest.stops import EXIT_REASONS
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.depth import BookSample, DepthSeries
from quant_pipelines.core.funding import FundingSeries, no_funding
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.portfolio import AllIn, Fixed, VolatilityTarget
from quant_pipelines.risk import RiskLimits
from quant_pipelines.sdk import Array, Float, Int, Stops, Strategy
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.trading import (
    Bracket,
    DatedSpecification,
    Execution,
    Specification,
    SpecificationHistory,
    TradingRules,
    decide,
)

START_MS = 1_704_067_200_000 + 22 * HOUR_MS  # two hours before a midnight
PEAKS = [0.9, 0.05, 0.05]
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


class Scaled(Guarded):
    """The same with values that follow the bars, and the book's own equity."""

    width = Int(5, low=1, high=50)
    stops = Stops(
        **Guarded.stops.declared,
        slope_tightening=Float(0.0, low=0.0, high=1.0),
        atr_window=5,
        volatility_window=7,
        equity_slope_days=2,
    )

    def stop_scales(self, bars: "Bars") -> dict[str, Array]:
        wave = 1.0 + 0.5 * np.sin(bars.close * self.width)
        wave[: self.width] = np.nan
        return {name: wave ** (k + 1) for k, name in enumerate(Guarded.stops.declared)}


class Sloped(Guarded):
    """Tighter while its equity falls."""

    stops = Stops(
        **Guarded.stops.declared,
        slope_tightening=Float(0.0, low=0.0, high=1.0),
        atr_window=5,
        equity_slope_days=3,
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
    mark: Callable[[Bars], MarkSeries] | None = None
    depth: Callable[[Bars], DepthSeries] | None = None


def wandering_mark(bars: Bars) -> MarkSeries:
    """Mark bars around the last price, sometimes far from it, with holes."""
    rng = np.random.default_rng(6)
    basis = 1.0 + rng.normal(0.0, 0.003, (3, len(bars))) + rng.choice([0.0, 0.04, -0.04], len(bars), p=PEAKS)
    open_ = bars.open * basis[0]
    high = np.maximum(bars.high * basis[1], open_)
    low = np.minimum(bars.low * basis[2], open_)
    known = rng.random(len(bars)) < 0.9
    columns = (column[known] for column in (bars.ts, open_, high, low))
    return MarkSeries(*columns, bars.step_ms, np.zeros(int(known.sum()), dtype=bool))


def mark_points(bars: Bars) -> MarkSeries:
    """Single marks every ten minutes, an index price in the place of every other."""
    rows = wandering_mark(bars)
    at = rows.ts % (10 * MINUTE_MS) == 0
    points = MarkSeries.of_points(rows.ts[at], rows.open[at], 10 * MINUTE_MS)
    thinned = MarkSeries.of_points(points.ts[::2], points.open[::2], 10 * MINUTE_MS)
    return thinned.or_index(points)


def sampled_depth(bars: Bars) -> DepthSeries:
    """Order books of two to four levels now and then, some of them of no use."""
    rng = np.random.default_rng(7)
    samples = []
    for i in np.flatnonzero(rng.random(len(bars)) < 0.4).tolist():
        steps = bars.open[i] * np.cumsum(rng.uniform(0.0001, 0.002, (2, rng.integers(2, 5))), axis=1)
        sizes = rng.uniform(0.5, 60.0, steps.shape)
        bids, asks = (
            list(zip((bars.open[i] + sign * steps[side]).tolist(), sizes[side].tolist(), strict=True))
            for side, sign in ((0, -1.0), (1, 1.0))
        )
        samples.append(BookSample(int(bars.ts[i]) - int(rng.integers(0, 90_000)), bids, asks))
    return DepthSeries.of_samples(samples, max_age_ms=3 * MINUTE_MS)


def dated(*steps: tuple[int, float, float, float | None]) -> SpecificationHistory:
    """Specifications from these minutes on: lot size, smallest notional, fee; brackets tighten each time."""
    return SpecificationHistory(
        tuple(
            DatedSpecification(
                START_MS + minute * MINUTE_MS,
                Specification(lot_size, min_notional),
                fee_bps=fee_bps,
                maker_fee_bps=fee_bps,
                brackets=(Bracket(0.0, 0.01 + 0.02 * at),) if fee_bps is not None else None,
            )
            for at, (minute, lot_size, min_notional, fee_bps) in enumerate(steps)
        )
    )


def kept(bars: Bars, keep: np.ndarray) -> Bars:
    columns = {name: getattr(bars, name)[keep] for name in ("open", "high", "low", "close", "volume")}
    return Bars(SYMBOL, bars.timeframe, bars.ts[keep], **columns)


def without(bars: Bars, first: int, end: int) -> Bars:
    at = np.arange(len(bars))
    return kept(bars, (at < first) | (at >= end))


def gapped(n: int = 400) -> Bars:
    keep = np.ones(n, dtype=bool)
    keep[50:61], keep[110:140], keep[200] = False, False, False
    return kept(random_bars(n, 8), keep)


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
    "all_stops_scaled": Scenario(
        lambda: random_bars(600, 44), Scaled(**ALL_STOPS), rules=LOTS, funding=hourly_funding
    ),
    "scaled_chandelier": Scenario(lambda: random_bars(400, 45), Scaled(chandelier_stop=2.0, hold=30)),
    "scaled_fixed_stops_on_finer_bars": Scenario(
        lambda: rolled_up(FINE),
        Scaled(hard_stop=0.01, take_profit=0.01, time_stop=6, hold=20),
        execution=lambda: FINE,
    ),
    "scaled_stops_on_finer_bars_with_latency": Scenario(
        lambda: rolled_up(FINE),
        Scaled(**ALL_STOPS),
        replace(LOTS, execution=Execution(latency_ms=150_000)),
        execution=lambda: FINE,
    ),
    "scaled_stops_off": Scenario(
        lambda: random_bars(300, 46), Scaled(**ALL_STOPS), settings=BacktestSettings(has_stops=False)
    ),
    "slope_of_equity": Scenario(
        lambda: random_bars(400, 47, timeframe="1h"),
        Scaled(hard_stop=0.02, chandelier_stop=4.0, slope_tightening=0.3, hold=12),
    ),
    "slope_of_equity_on_gapped_days": Scenario(
        lambda: without(random_bars(500, 48, timeframe="1h"), 90, 170),
        Sloped(atr_stop=4.0, chandelier_stop=6.0, slope_tightening=0.25, hold=24),
    ),
    "quotas": Scenario(
        lambda: random_bars(400, 49),
        Guarded(hold=3),
        replace(
            LOTS, limits=RiskLimits(max_position_notional=8_000.0, max_orders_per_day=9.0), rebalance_band=0.0
        ),
    ),
    "quota_of_quantity_over_days": Scenario(
        lambda: random_bars(400, 50, timeframe="1h"),
        Guarded(hold=2),
        replace(LOTS, limits=RiskLimits(max_position_quantity=90.0, max_orders_per_day=2.0)),
    ),
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
    "liquidation_on_mark": Scenario(
        lambda: random_bars(300, 44),
        Guarded(hard_stop=0.5, hold=30),
        TradingRules(sizing=AllIn(3.0), execution=Execution(brackets=BRACKETS, leverage=12.0)),
        mark=wandering_mark,
    ),
    "stops_on_mark": Scenario(
        lambda: random_bars(600, 45),
        Guarded(**ALL_STOPS),
        replace(LOTS, execution=Execution(brackets=BRACKETS, leverage=12.0, working_type="mark")),
        funding=lambda bars: hourly_funding(bars, has_mark=False),
        mark=wandering_mark,
    ),
    "stops_on_mark_without_one": Scenario(
        lambda: random_bars(300, 46), rules=replace(LOTS, execution=Execution(working_type="mark"))
    ),
    "mark_points_with_index": Scenario(
        lambda: random_bars(400, 47),
        Guarded(hard_stop=0.5, hold=30),
        TradingRules(sizing=AllIn(3.0), execution=Execution(brackets=BRACKETS, leverage=12.0)),
        funding=lambda bars: hourly_funding(bars, has_mark=False),
        mark=mark_points,
    ),
    "finer_marks": Scenario(
        lambda: rolled_up(FINE),
        Guarded(hard_stop=0.5, hold=9),
        TradingRules(sizing=AllIn(3.0), execution=Execution(brackets=BRACKETS, leverage=12.0)),
        mark=lambda bars: wandering_mark(FINE),
    ),
    "specifications_change": Scenario(
        lambda: random_bars(400, 48),
        Guarded(hard_stop=0.5, hold=7),
        replace(LOTS, sizing=AllIn(4.0), execution=Execution(leverage=9.0)),
        BacktestSettings(
            close_at_end=True,
            specifications=dated(
                (-99, 0.001, 5.0, 1.0), (60, 3.0, 700.0, 30.0), (61, 0.5, 0.0, 2.0), (222, 7.0, 5.0, 9.0)
            ),
        ),
        funding=hourly_funding,
    ),
    "specifications_that_begin_and_end_outside": Scenario(
        lambda: random_bars(200, 49),
        rules=LOTS,
        settings=BacktestSettings(
            close_at_end=True,
            specifications=dated((50, 2.0, 5.0, None), (150, 0.1, 5.0, None), (999, 9.0, 0.0, None)),
        ),
    ),
    "depth": Scenario(
        lambda: random_bars(400, 50),
        Guarded(hard_stop=0.01, take_profit=0.02),
        replace(LOTS, costs=CostSettings(5.0, 1.0, 2.0, 3.0, 9.0), execution=Execution(0.9)),
        depth=sampled_depth,
    ),
    "everything": Scenario(
        lambda: rolled_up(FINE),
        Guarded(**ALL_STOPS),
        TradingRules(
            sizing=AllIn(3.0),
            execution=Execution(0.5, 90_000, BRACKETS, 12.0, working_type="mark"),
        ),
        BacktestSettings(specifications=dated((0, 0.001, 5.0, 1.0), (77, 0.5, 5.0, 8.0))),
        execution=lambda: FINE,
        funding=hourly_funding,
        mark=lambda bars: wandering_mark(FINE),
        depth=lambda bars: sampled_depth(FINE),
    ),
}


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
    """The runner's way: targets once, a book that is killed and restored from its JSON behind every bar."""
    market = prepare_market(
        bars, settings, execution_bars=execution_bars, funding=funding, mark=mark, depth=depth
    )
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
            view = book.view(volatility=latest_volatility(known, settings))
            decision = decide(view, float(target[row]), settings.rules_at(bar.ts))
            book.apply(decision, inputs=latest_inputs(strategy, known))
    outcome, record = recorder.finish(book, book.terms)
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
        mark=scenario.mark(bars) if scenario.mark else None,
        depth=scenario.depth(bars) if scenario.depth else None,
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
    use = {name: result.mark_use for name, result in results.items()}
    assert all(use["liquidation_on_mark"].mark > use[name].mark == 0 for name in ("plain", "isolated_margin"))
    assert use["mark_points_with_index"].index_price > 0 < use["mark_points_with_index"].opens
    assert use["finer_marks"].mark > 0 < use["finer_marks"].last
    assert results["mark_points_with_index"].mark_fallbacks < results["funding_without_mark"].mark_fallbacks
    assert 0 < results["depth"].depth_fallbacks < 2 * len(results["depth"].trades)
