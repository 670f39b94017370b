"""Several books in one account: one book is a backtest, and both drivers are equal to the last bit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from quant_pipelines.accounting.nav import Flow
from quant_pipelines.backtest import BacktestSettings, sweep
from quant_pipelines.backtest.account.event import run_event_account
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.result import CROSSING, AccountResult
from quant_pipelines.backtest.account.run import run_account, run_symbols
from quant_pipelines.backtest.book.alone import run_alone
from quant_pipelines.backtest.market.market import SymbolFeed
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.panel import Panel, panel_of
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.portfolio import AllIn, VolatilityTarget
from quant_pipelines.risk import RiskLimits
from quant_pipelines.sdk import Array, Float, Inputs, Int, Stops, Strategy
from quant_pipelines.trading import Execution, Specification, TradingRules
from tests.parity.scenarios import ALL_STOPS, BRACKETS, FINE, LOTS, SCENARIOS, THIN
from tests.parity.test_events import SCENARIOS as EVENTS
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
        rules=TradingRules(sizing=AllIn(90.0)),
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
