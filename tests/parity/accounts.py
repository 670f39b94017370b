"""Accounts of several books that every driver must book alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from quant_pipelines.accounting.nav import Flow
from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.market.market import SymbolFeed
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.panel import Panel, panel_of
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.portfolio import AllIn, VolatilityTarget
from quant_pipelines.risk import RiskLimits
from quant_pipelines.sdk import Array, Float, Inputs, Int, Stops, Strategy
from quant_pipelines.trading import Execution, Specification, TradingRules
from tests.parity.scenarios import ALL_STOPS, BRACKETS, FINE, LOTS, THIN
from tests.parity.test_events import Busy
from tests.parity.test_events import Scaled as ScaledOrders
from tests.parity.worlds import (
    START_MS,
    Guarded,
    Scaled,
    Wanderer,
    dated,
    hourly_funding,
    random_bars,
    rolled_up,
    sampled_depth,
    slots_within,
    thin,
    wandering_mark,
)


class PanelWanderer(Strategy):
    """Targets by the hash of each symbol's own close; where one has no bar it has an opinion all the same."""

    inputs = Inputs(symbols=0)
    stops = Stops(hard_stop=Float(0.02, low=0.0, high=0.5), atr_stop=Float(2.0, low=0.0, high=9.0))

    def target(self, bars: Panel) -> Array:
        level = np.floor(np.nan_to_num(bars.close) * 1e6) % 6
        table = np.array([1.0, -1.0, 0.0, 0.5, -0.3, np.nan])
        return table[level.astype(np.int64)][np.arange(len(bars)) // 4 * 4]


class OfEach(Strategy):
    """What ``Scaled`` trades on one symbol, on each one of several by itself."""

    inputs = Inputs(symbols=0)
    hold = Int(4, low=1, high=50)
    stops = Scaled.stops

    def own(self) -> Scaled:
        return Scaled(hold=self.hold, **self.stop_values | {"time_stop": int(self.stop_values["time_stop"])})

    def target(self, bars: Panel) -> Array:
        columns = [bars.on_grid(k, self.own().target(one)) for k, one in enumerate(bars.members)]
        return np.column_stack(columns)

    def stop_scales(self, bars: Panel) -> dict[str, Array]:
        given = [self.own().stop_scales(one) for one in bars.members]
        return {
            name: np.column_stack([bars.on_grid(k, one[name]) for k, one in enumerate(given)])
            for name in given[0]
        }


def of(symbol: str, bars: Bars) -> Bars:
    return replace(bars, symbol=symbol)


def holed(symbol: str, seed: int, n: int = 300, *, listed: int = 0) -> Bars:
    bars = of(symbol, random_bars(n, seed))
    keep = np.random.default_rng(seed).random(n) > 0.1
    keep[:listed] = False
    columns = {name: getattr(bars, name)[keep] for name in ("ts", "open", "high", "low", "close", "volume")}
    return replace(bars, **columns)


def panel() -> Panel:
    return panel_of([holed("A", 1), holed("B", 2, listed=120), of("C", random_bars(300, 3))])


def two(share: float = 0.5, *, volatility: float = 0.004) -> list[Allocation]:
    bars = [of(name, random_bars(300, seed, volatility=volatility)) for name, seed in (("A", 51), ("B", 52))]
    return [Allocation(Wanderer(), one, share) for one in bars]


@dataclass(frozen=True)
class Several:
    allocations: Callable[[], Sequence[Allocation]]
    rules: TradingRules = field(default_factory=TradingRules)
    settings: BacktestSettings = field(default_factory=BacktestSettings)
    feeds: Callable[[], dict[str, SymbolFeed]] = dict
    flows: tuple[Flow, ...] = ()


class Bold(Busy):
    """Orders around prices of its own symbol."""


def known(bars: Bars, seed: int) -> SymbolFeed:
    """All that can be known of a symbol; its specification changes twice."""
    history = dated((-99, 0.001, 5.0, 1.0 + seed), (60 + seed, 0.5, 50.0, 30.0), (180, 0.01, 5.0, 2.0))
    mark, depth = wandering_mark(bars), sampled_depth(bars)
    return SymbolFeed(None, hourly_funding(bars, has_mark=False), mark, depth, None, history)


def marked(strategies: dict[str, Strategy], **given: Any) -> "Several":
    bars = {name: of(name, random_bars(300, 80 + i, volatility=0.01)) for i, name in enumerate(strategies)}
    part = 1.0 / len(bars)
    return Several(
        lambda: [Allocation(strategies[name], one, part) for name, one in bars.items()],
        feeds=lambda: {name: known(one, i) for i, (name, one) in enumerate(bars.items()) if name != "C"},
        **given,
    )


FLOWS = (
    Flow(START_MS + 40 * MINUTE_MS + 1, 2_500.0),
    Flow(START_MS + 130 * MINUTE_MS, -4_000.0),
    Flow(START_MS + 130 * MINUTE_MS, 100.0),
)
SEVERAL = {
    "two_symbols": Several(two),
    "a_part_stays_in_reserve": Several(lambda: two(0.3)),
    "thirds": Several(
        lambda: [Allocation(Wanderer(), of(name, random_bars(200, i)), 1 / 3) for i, name in enumerate("ABC")]
    ),
    "opposite_books_on_one_symbol": Several(
        lambda: [
            Allocation(Wanderer(seed=seed), random_bars(300, 7), share, name)
            for seed, share, name in ((1, 0.5, "one"), (2, 0.3, "two"), (3, 0.2, "three"))
        ]
    ),
    "panel_with_holes_and_a_late_listing": Several(lambda: [Allocation(PanelWanderer(), panel())], LOTS),
    "panel_beside_another_strategy": Several(
        lambda: [
            Allocation(PanelWanderer(), panel(), 0.7),
            Allocation(Guarded(**ALL_STOPS), of("A", random_bars(300, 1)), 0.3),
        ],
        feeds=lambda: {"C": SymbolFeed(funding=hourly_funding(random_bars(300, 3)))},
        settings=BacktestSettings(close_at_end=True),
    ),
    "steps_of_each_symbol": Several(
        two,
        feeds=lambda: {
            "A": SymbolFeed(specification=Specification(0.5, 20.0)),
            "B": SymbolFeed(specification=Specification(0.01, 2_000.0)),
        },
    ),
    "volatility_target": Several(
        two, replace(LOTS, sizing=VolatilityTarget(annual_volatility=0.8, max_weight=1.5, window=20))
    ),
    "daily_loss_of_the_account": Several(
        lambda: two(volatility=0.01), replace(LOTS, limits=RiskLimits(max_daily_loss_fraction=0.02))
    ),
    "thin_volume": Several(
        lambda: [
            Allocation(Wanderer(hold=3), of(name, thin(random_bars(300, i))), 0.5)
            for i, name in enumerate("AB")
        ],
        rules=THIN,
    ),
    "funding_inside_of_bars_and_at_the_last_close": Several(
        lambda: [
            Allocation(Guarded(**ALL_STOPS), of(name, random_bars(200, i, timeframe="1h")), 0.5)
            for i, name in enumerate("AB")
        ],
        feeds=lambda: {
            "A": SymbolFeed(funding=slots_within(random_bars(200, 0, timeframe="1h"))),
            "B": SymbolFeed(funding=slots_within(random_bars(200, 1, timeframe="1h"), has_mark=False)),
        },
        settings=BacktestSettings(close_at_end=True),
    ),
    "finer_execution_bars": Several(
        lambda: [
            Allocation(Wanderer(), of("A", rolled_up(FINE)), 0.5),
            Allocation(Wanderer(seed=4), of("B", FINE), 0.5),
        ],
        feeds=lambda: {"A": SymbolFeed(of("A", FINE), hourly_funding(FINE))},
    ),
    "history_before_the_test": Several(
        two, settings=BacktestSettings(trade_from_ms=START_MS + 150 * MINUTE_MS, close_at_end=True)
    ),
    "flows": Several(two, flows=FLOWS),
    "flows_under_limits_and_equity_stops": Several(
        lambda: [
            Allocation(
                Guarded(equity_stop=0.02, hold=20), of(name, random_bars(300, i, volatility=0.01)), 0.4
            )
            for i, name in enumerate("AB")
        ],
        replace(LOTS, limits=RiskLimits(max_daily_loss_fraction=0.03)),
        flows=FLOWS,
    ),
    "cross_margin": Several(
        lambda: [
            Allocation(
                Guarded(hard_stop=0.0, hold=30, seed=i),
                of(name, random_bars(300, 60 + i, volatility=0.01)),
                0.5,
            )
            for i, name in enumerate("AB")
        ],
        TradingRules(sizing=AllIn(25.0), execution=Execution(brackets=BRACKETS)),
    ),
    "bankruptcy": Several(
        lambda: [
            Allocation(
                Guarded(hard_stop=0.0, hold=4, seed=i),
                of(name, random_bars(300, 40 + i, volatility=0.02)),
                0.4,
            )
            for i, name in enumerate("AB")
        ],
        TradingRules(sizing=AllIn(30.0)),
        BacktestSettings(close_at_end=True),
    ),
    "bankruptcy_with_orders": marked(
        {"A": Busy(hard_stop=0.5), "B": Guarded(hard_stop=0.0, hold=5), "C": Guarded(hard_stop=0.0)},
        rules=TradingRules(sizing=AllIn(120.0)),
    ),
    "isolated_margin": Several(
        lambda: [
            Allocation(
                Guarded(hard_stop=0.5, hold=30, seed=i),
                of(name, random_bars(300, 70 + i, volatility=0.02)),
                0.5,
            )
            for i, name in enumerate("AB")
        ],
        TradingRules(sizing=AllIn(3.0), execution=Execution(brackets=BRACKETS, leverage=10.0)),
    ),
}

WIDE = TradingRules(sizing=AllIn(4.0), execution=Execution(0.6, leverage=12.0, working_type="mark"))
SEVERAL |= {
    "marks_depth_and_dated_specifications": marked(
        {"A": Guarded(hold=9), "B": Guarded(**ALL_STOPS), "C": Wanderer()},
        rules=WIDE,
        settings=BacktestSettings(close_at_end=True),
    ),
    "marks_on_cross_margin": marked(
        {name: Guarded(hard_stop=0.0, hold=30, seed=i) for i, name in enumerate("ABC")},
        rules=TradingRules(sizing=AllIn(20.0), execution=Execution(latency_ms=150_000)),
    ),
    "scaled_stops": marked(
        {"A": Scaled(chandelier_stop=2.0, hold=30), "B": Scaled(**ALL_STOPS), "C": Guarded(hold=7)},
        flows=FLOWS,
    ),
    "scaled_stops_of_a_panel_with_holes": Several(
        lambda: [Allocation(OfEach(**ALL_STOPS | {"chandelier_stop": 2.0}), panel())],
        LOTS,
        feeds=lambda: {"C": SymbolFeed(funding=hourly_funding(random_bars(300, 3)))},
        flows=FLOWS,
    ),
    "orders_beside_targets": marked({"A": Busy(), "B": Wanderer(), "C": Bold(spread=2.0)}, flows=FLOWS),
    "orders_under_every_rule": marked(
        {"A": ScaledOrders(chandelier_stop=2.0, hard_stop=0.01), "B": Busy(hard_stop=0.5)},
        rules=replace(WIDE, limits=RiskLimits(max_daily_loss_fraction=0.05)),
        settings=BacktestSettings(close_at_end=True),
    ),
    "orders_on_cross_margin": marked(
        {"A": Busy(hard_stop=0.5), "B": Busy(hard_stop=0.5, spread=0.3), "C": Guarded(hard_stop=0.0)},
        rules=TradingRules(sizing=AllIn(20.0)),
    ),
}

OF_ALL = (
    "metrics",
    "final_equity",
    "fees_paid",
    "funding_paid",
    "mark_use",
    "mark_fallbacks",
    "depth_fallbacks",
    "not_modelled",
    "bars",
    "days",
)
