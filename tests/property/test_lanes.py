"""Books that run abreast, alone, or are stepped at every bar: equal to the last bit."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.backtest import BacktestSettings, sweep
from quant_pipelines.backtest.account.event import drive_account
from quant_pipelines.backtest.account.member import known_ahead
from quant_pipelines.backtest.account.plan import Allocation, plan_account
from quant_pipelines.backtest.account.reel import reel_of
from quant_pipelines.backtest.account.run_pass import pass_over
from quant_pipelines.backtest.batch.loop import LoopResult
from quant_pipelines.backtest.batch.run_pass import new_record, run_pass
from quant_pipelines.backtest.market.market import Market, SymbolFeed, prepare_market
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.depth import DepthSeries
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.portfolio import AllIn, Fixed, VolatilityTarget
from quant_pipelines.risk import RiskLimits
from quant_pipelines.sdk import Array, Float, Int, Stops, Strategy
from quant_pipelines.trading import (
    Bracket,
    DatedSpecification,
    Execution,
    Specification,
    SpecificationHistory,
    TradingRules,
)
from tests.property.examples import examples

N_BARS = 700
START_MS = 1_704_067_200_000 + 20 * HOUR_MS
SIZES = (AllIn(), AllIn(3.0), AllIn(40.0), Fixed(7.5), Fixed(500.0), VolatilityTarget(0.8, 1.5, 20))
COSTS = (
    CostSettings(),
    CostSettings(0.0, 0.0),
    CostSettings(30.0, 20.0, 1.0, 2.0, 30.0),
    CostSettings(5.0, 20.0, impact_bps=200.0, impact_cap_bps=1000.0),
)
LIMITS = (
    RiskLimits(),
    RiskLimits(max_daily_loss_fraction=0.01),
    RiskLimits(max_position_fraction=0.9),
    RiskLimits(max_position_notional=9_500.0, max_orders_per_day=7.0),
    RiskLimits(max_position_quantity=60.0, max_orders_per_day=2.0),
)

STOPS = {
    "atr_stop": (1.0, 4.0),
    "volatility_stop": (0.7, 3.0),
    "chandelier_stop": (1.5, 5.0),
    "sar_stop": (0.02,),
    "time_stop": (3, 20),
    "equity_stop": (0.01,),
    "take_profit": (0.004, 0.02),
}
BRACKETS = (Bracket(0.0, 0.01), Bracket(20_000.0, 0.02, 200.0))
EXECUTIONS = (
    Execution(),
    Execution(participation=0.3, latency_ms=130_000),
    Execution(brackets=BRACKETS, leverage=8.0),
    Execution(brackets=BRACKETS),
    Execution(0.5, 70_000, BRACKETS, 8.0, working_type="mark"),
)


class Wanderer(Strategy):
    """Target by the hash of the close."""

    seed = Int(1, low=0, high=10_000)
    hold = Int(4, low=1, high=50)
    stops = Stops(
        hard_stop=Float(0.01, low=0.0, high=0.5),
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

    def target(self, bars: Bars) -> Array:
        level = np.floor(np.abs(bars.close) * 1e6 + self.seed) % 7
        wanted = np.array([1.0, -1.0, 0.0, 0.5, -0.3, np.nan, 1.0])[level.astype(np.int64)]
        return wanted[np.arange(len(bars)) // self.hold * self.hold]


class Scaled(Wanderer):
    """The same with values of stops that follow the bars, each book in its own way, and the equity."""

    stops = Stops(
        **Wanderer.stops.declared,
        slope_tightening=Float(0.0, low=0.0, high=1.0),
        atr_window=5,
        volatility_window=7,
        equity_slope_days=2,
    )

    def stop_scales(self, bars: Bars) -> dict[str, Array]:
        wave = np.exp(np.sin(bars.close * (1 + self.seed % 7)))
        wave[: self.hold] = np.nan
        names = list(Wanderer.stops.declared)
        return {name: wave for at, name in enumerate(names) if (self.seed + at) % 3}


def bars_of(seed: int, volatility: float, step_ms: int = MINUTE_MS) -> Bars:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, volatility, N_BARS)))
    open_ = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0.0, volatility / 4, N_BARS))
    spread = np.abs(rng.normal(0.0, volatility, (2, N_BARS)))
    high, low = np.maximum(open_, close) * (1.0 + spread[0]), np.minimum(open_, close) * (1.0 - spread[1])
    ts = START_MS + step_ms * np.arange(N_BARS, dtype=np.int64)
    timeframe = {MINUTE_MS: "1m", HOUR_MS: "1h"}[step_ms]
    return Bars("X/USDT:USDT", timeframe, ts, open_, high, low, close, np.ones(N_BARS))


def bytes_of(strategies: list[Strategy], width: int, market: Market, given_: BacktestSettings) -> list[bytes]:
    """All that a pass leaves of each book."""
    record = new_record(market, has_bar_equity=True, width=width)
    outcomes, record = run_pass(strategies, market, given_, record, market.tape(strategies[0].stops))
    found = []
    for lane, outcome in enumerate(outcomes):
        rows = record.trades[lane, : outcome.log.finished]
        arrays = (record.daily_equity[lane], record.bar_equity[lane], rows)
        found.append(b"".join([*(array.tobytes() for array in arrays), repr(outcome).encode()]))
    return found


def mark_of(bars: Bars, rng: np.random.Generator) -> MarkSeries:
    """Mark bars that leave the last price now and then, with holes."""
    far = 1.0 + rng.choice([0.0, 0.03, -0.03], N_BARS, p=[0.9, 0.05, 0.05]) + rng.normal(0.0, 0.002, N_BARS)
    known = rng.random(N_BARS) < 0.8
    prices = (column[known] for column in (bars.ts, bars.open * far, bars.high * 1.01 * far, bars.low * far))
    ts, open_, high, low = prices
    return MarkSeries(
        ts, open_, np.maximum(high, open_), low, bars.step_ms, np.zeros(int(known.sum()), dtype=bool)
    )


def depth_of(bars: Bars, rng: np.random.Generator) -> DepthSeries:
    """Three levels a side, at a third of the bars."""
    at = np.flatnonzero(rng.random(N_BARS) < 0.33)
    ladders = np.stack([rng.uniform(0.0, 0.002, (at.size, 2, 3)), rng.uniform(0.1, 40.0, (at.size, 2, 3))], 3)
    ladders[:, :, :, 0].cumsum(axis=2, out=ladders[:, :, :, 0])
    return DepthSeries(bars.ts[at] - 1, ladders, 2 * MINUTE_MS)


def dated_of(rng: np.random.Generator) -> tuple[DatedSpecification, ...]:
    """Up to four specifications from any bars on."""
    starts = np.unique(rng.integers(-50, N_BARS + 50, int(rng.integers(1, 5))))
    return tuple(
        DatedSpecification(
            START_MS + int(start) * MINUTE_MS,
            Specification(float(rng.choice([0.0, 0.001, 3.0])), float(rng.choice([0.0, 5.0, 4_000.0]))),
            fee_bps=float(rng.choice([0.0, 30.0])),
            brackets=(Bracket(0.0, float(rng.choice([0.01, 0.1]))),) if rng.random() < 0.5 else None,
        )
        for start in starts
    )


class World(NamedTuple):
    strategies: list[Strategy]
    market: Market
    settings: BacktestSettings
    feed: SymbolFeed


def world_of(seed: int) -> World:
    """Bars, rules and eight books, all drawn from one number."""
    rng = np.random.default_rng(seed)

    def one_of(*values: Any) -> Any:
        return values[rng.integers(len(values))]

    bars = bars_of(int(rng.integers(10_000)), one_of(0.0005, 0.004, 0.03), one_of(MINUTE_MS, HOUR_MS))
    rules = TradingRules(
        costs=one_of(*COSTS),
        sizing=one_of(*SIZES),
        limits=one_of(*LIMITS),
        specification=one_of(Specification(), Specification(0.001, 5.0), Specification(3.0)),
        rebalance_band=one_of(0.0, 0.001, 0.1, 1.0),
        execution=one_of(*EXECUTIONS),
    )
    histories = (SpecificationHistory(), SpecificationHistory(dated_of(rng)))
    settings_ = BacktestSettings(
        rules=rules, close_at_end=one_of(True, False), specifications=one_of(*histories)
    )
    if one_of(True, False):
        bars = replace(bars, volume=rng.choice([0.0, 1e-6, 40.0, 1e6], len(bars)))
    slots = bars.ts[::90] + one_of(0, bars.step_ms // 2, bars.step_ms)
    funding = FundingSeries(slots, np.full(slots.size, 0.001), np.full(slots.size, np.nan))
    kind = one_of(Wanderer, Scaled)
    tightening = {"slope_tightening": one_of(0.0, 0.3, 0.9)} if kind is Scaled else {}
    strategies: list[Strategy] = [
        kind(
            seed=int(rng.integers(10_000)),
            hold=one_of(1, 4, 45),
            hard_stop=one_of(0.0, 0.002, 0.02),
            **{name: one_of(0.0, 0.0, *values) for name, values in STOPS.items()},
            **tightening,
        )
        for _ in range(8)
    ]
    feed = SymbolFeed(
        funding=funding, mark=one_of(None, mark_of(bars, rng)), depth=one_of(None, depth_of(bars, rng))
    )
    return World(strategies, prepare_market(bars, settings_, feed), settings_, feed)


@given(st.integers(0, 2**32))
@settings(max_examples=examples(60))
def test_books_abreast_equal_books_alone(seed: int) -> None:
    strategies, market, settings_, _ = world_of(seed)
    abreast = bytes_of(strategies, 8, market, settings_)
    alone = [bytes_of([strategy], 1, market, settings_)[0] for strategy in strategies]
    assert abreast == alone


def left_by(outcome: LoopResult, *arrays: np.ndarray) -> bytes:
    sums = np.array([*outcome.state.account, *outcome.tally, outcome.state.curve.equity], dtype=np.float64)
    return b"".join(array.tobytes() for array in (*arrays, sums))


@given(st.integers(0, 2**32))
@settings(max_examples=examples(60))
def test_only_book_of_an_account_equals_a_lane_in_both_of_its_drivers(seed: int) -> None:
    strategies, market, settings_, feed = world_of(seed)
    record = new_record(market, has_bar_equity=True, width=8)
    outcomes, record = run_pass(strategies, market, settings_, record, market.tape(strategies[0].stops))
    for lane, strategy in enumerate(strategies[:2]):
        rows = record.trades[lane, : outcomes[lane].log.finished]
        expected = left_by(outcomes[lane], record.daily_equity[lane], record.bar_equity[lane], rows)
        assert record.bar_equity[lane].min() >= -1e-9 * settings_.capital  # nobody loses more than there is
        plan = plan_account([Allocation(strategy, market.bars)], {market.bars.symbol: feed}, settings_)
        for passed in (pass_over(plan, reel_of(plan.books)), drive_account(plan, known_ahead(plan))):
            (outcome,), _, written, _ = passed
            rows = written.trades[0, : outcome.log.finished]
            assert left_by(outcome, written.value, written.bar_value, rows) == expected


@given(st.integers(0, 2**32))
@settings(max_examples=examples(60))
def test_book_stepped_at_every_bar_equals_one_whose_quiet_bars_are_not(seed: int) -> None:
    strategies, market, settings_, _ = world_of(seed)
    stepped = replace(market, pause=np.arange(N_BARS + 1))
    assert bytes_of(strategies, 8, stepped, settings_) == bytes_of(strategies, 8, market, settings_)


@given(st.integers(0, 2**32))
@settings(max_examples=examples(60))
def test_change_of_equity_is_the_profit_of_the_trades_behind_every_rule(seed: int) -> None:
    strategies, market, settings_, _ = world_of(seed)
    settings_ = replace(settings_, close_at_end=True)
    record = new_record(market, has_bar_equity=False, width=8)
    outcomes, record = run_pass(strategies, market, settings_, record, market.tape(strategies[0].stops))
    for lane, outcome in enumerate(outcomes):
        rows, account = record.trades[lane, : outcome.log.finished], outcome.state.account
        assert account.position == 0.0
        assert outcome.state.curve.equity == account.cash
        tolerance = 1e-9 * (settings_.capital + outcome.tally.traded_notional)
        assert account.cash - settings_.capital == pytest.approx(rows[:, 8].sum(), abs=tolerance)
        assert account.fees == pytest.approx(rows[:, 6].sum(), abs=tolerance)
        assert account.funding == pytest.approx(rows[:, 7].sum(), abs=tolerance)
        gained = account.realized_pnl - account.fees - account.funding
        assert account.cash - settings_.capital == pytest.approx(gained, abs=tolerance)


def test_fewer_books_than_lanes_are_the_same_books() -> None:
    given_ = BacktestSettings()
    market = prepare_market(bars_of(1, 0.004), given_)
    three: list[Strategy] = [Wanderer(seed=seed) for seed in range(3)]
    assert bytes_of(three, 8, market, given_) == [bytes_of([one], 1, market, given_)[0] for one in three]


@pytest.mark.parametrize("threads", [1, 2])
def test_sweep_on_threads_equals_single_passes(threads: int) -> None:
    bars, given_ = bars_of(5, 0.004), BacktestSettings(has_bar_equity=False)
    sets = [{"seed": seed, "hold": 3} for seed in range(27)]
    swept = sweep(Wanderer, sets, bars, given_, threads=threads)
    market = prepare_market(bars, given_)
    for index, values in enumerate(sets):
        record = new_record(market, has_bar_equity=False)
        outcomes, record = run_pass([Wanderer(**values)], market, given_, record, market.tape(Wanderer.stops))
        assert swept.final_equity[index] == outcomes[0].state.curve.equity
