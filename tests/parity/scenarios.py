"""What each driver must book to the last bit as the batch does."""

from dataclasses import replace
from typing import Any

from quant_pipelines.backtest import (
    BacktestSettings,
)
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.portfolio import AllIn, Fixed, VolatilityTarget
from quant_pipelines.risk import RiskLimits
from quant_pipelines.trading import (
    Bracket,
    Execution,
    Specification,
    TradingRules,
)
from tests.parity.worlds import (
    START_MS,
    AlwaysLong,
    Guarded,
    Scaled,
    Scenario,
    Sloped,
    Wanderer,
    dated,
    gapped,
    hourly_funding,
    mark_points,
    random_bars,
    rolled_up,
    sampled_depth,
    slots_within,
    thin,
    wandering_mark,
    without,
)

LOTS = TradingRules(specification=Specification(lot_size=0.001, min_notional=5.0))
THIN = TradingRules(costs=CostSettings(impact_bps=30.0, impact_cap_bps=150.0))
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
    "funding_inside_of_bars_with_stops": Scenario(
        lambda: random_bars(400, 63, timeframe="1h"), Guarded(**ALL_STOPS), rules=LOTS, funding=slots_within
    ),
    "funding_at_the_close_that_ends_it": Scenario(
        lambda: random_bars(100, 64, timeframe="1h"),
        AlwaysLong(hard_stop=0.5),
        funding=slots_within,
        settings=BacktestSettings(close_at_end=True),
    ),
    "funding_inside_without_mark": Scenario(
        lambda: random_bars(200, 65, timeframe="1h"),
        funding=lambda bars: slots_within(bars, has_mark=False),
        settings=BacktestSettings(close_at_end=True),
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
    "thin_volume": Scenario(lambda: thin(random_bars(400, 66)), Wanderer(hold=3), rules=THIN),
    "thin_volume_behind_stops": Scenario(
        lambda: thin(random_bars(600, 67)), Guarded(**ALL_STOPS), rules=THIN, funding=hourly_funding
    ),
    "thin_volume_with_latency_closed_at_the_end": Scenario(
        lambda: thin(random_bars(301, 68)),
        AlwaysLong(hard_stop=0.5),
        replace(THIN, execution=Execution(participation=0.2, latency_ms=90_000)),
        settings=BacktestSettings(close_at_end=True),
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
    "bankruptcy": Scenario(
        lambda: random_bars(300, 71, volatility=0.01),
        Guarded(hard_stop=0.0, hold=4),
        TradingRules(sizing=AllIn(20.0)),
        funding=hourly_funding,
    ),
    "bankruptcy_by_a_fixed_size": Scenario(
        lambda: random_bars(300, 72, volatility=0.02),
        Guarded(hard_stop=0.5, hold=5),
        replace(LOTS, sizing=Fixed(900.0), execution=Execution(0.0, 0, leverage=3.0)),
        BacktestSettings(close_at_end=True),
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
