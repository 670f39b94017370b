"""Books that run abreast, alone, or are stepped at every bar: equal to the last bit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.backtest import BacktestSettings, sweep
from quant_pipelines.backtest.batch import new_record, run_pass
from quant_pipelines.backtest.market import Market, prepare_market
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.portfolio import AllIn, Fixed, VolatilityTarget
from quant_pipelines.risk import RiskLimits
from quant_pipelines.sdk import Array, Float, Int, Stops, Strategy
from quant_pipelines.trading import Specification, TradingRules

N_BARS = 700
START_MS = 1_704_067_200_000 + 20 * HOUR_MS
SIZES = (AllIn(), AllIn(3.0), Fixed(7.5), VolatilityTarget(0.8, 1.5, 20))
LIMITS = (RiskLimits(), RiskLimits(max_daily_loss_fraction=0.01), RiskLimits(max_position_fraction=0.9))


class Wanderer(Strategy):
    """Target by the hash of the close."""

    seed = Int(1, low=0, high=10_000)
    hold = Int(4, low=1, high=50)
    stops = Stops(hard_stop=Float(0.01, low=0.0, high=0.5))

    def target(self, bars: Bars) -> Array:
        level = np.floor(np.abs(bars.close) * 1e6 + self.seed) % 7
        wanted = np.array([1.0, -1.0, 0.0, 0.5, -0.3, np.nan, 1.0])[level.astype(np.int64)]
        return wanted[np.arange(len(bars)) // self.hold * self.hold]


def bars_of(seed: int, volatility: float) -> Bars:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, volatility, N_BARS)))
    open_ = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0.0, volatility / 4, N_BARS))
    spread = np.abs(rng.normal(0.0, volatility, (2, N_BARS)))
    high, low = np.maximum(open_, close) * (1.0 + spread[0]), np.minimum(open_, close) * (1.0 - spread[1])
    ts = START_MS + MINUTE_MS * np.arange(N_BARS, dtype=np.int64)
    return Bars("X/USDT:USDT", "1m", ts, open_, high, low, close, np.ones(N_BARS))


def bytes_of(strategies: list[Strategy], width: int, market: Market, given_: BacktestSettings) -> list[bytes]:
    """All that a pass leaves of each book."""
    record = new_record(market, has_bar_equity=True, width=width)
    outcomes, record = run_pass(strategies, market, given_, record)
    found = []
    for lane, outcome in enumerate(outcomes):
        rows = record.trades[lane, : outcome.log.finished]
        arrays = (record.daily_equity[lane], record.bar_equity[lane], rows)
        found.append(b"".join([*(array.tobytes() for array in arrays), repr(outcome).encode()]))
    return found


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Strategy], Market, BacktestSettings]:
    bars = bars_of(draw(st.integers(0, 10_000)), draw(st.sampled_from([0.0005, 0.004, 0.03])))
    rules = TradingRules(
        costs=draw(st.sampled_from([CostSettings(), CostSettings(0.0, 0.0), CostSettings(30.0, 20.0)])),
        sizing=draw(st.sampled_from(SIZES)),
        limits=draw(st.sampled_from(LIMITS)),
        specification=draw(st.sampled_from([Specification(), Specification(0.001, 5.0), Specification(3.0)])),
        rebalance_band=draw(st.sampled_from([0.0, 0.001, 0.1, 5.0])),
    )
    given_ = BacktestSettings(rules=rules, close_at_end=draw(st.booleans()))
    funding = FundingSeries(
        bars.ts[::90].copy(), np.full(bars.ts[::90].size, 0.001), np.full(bars.ts[::90].size, np.nan)
    )
    strategies: list[Strategy] = [
        Wanderer(
            seed=draw(st.integers(0, 10_000)),
            hold=draw(st.sampled_from([1, 4, 45])),
            hard_stop=draw(st.sampled_from([0.0, 0.002, 0.02])),
        )
        for _ in range(8)
    ]
    return strategies, prepare_market(bars, given_, funding=funding), given_


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_books_abreast_equal_books_alone(world: tuple[list[Strategy], Market, BacktestSettings]) -> None:
    strategies, market, given_ = world
    abreast = bytes_of(strategies, 8, market, given_)
    alone = [bytes_of([strategy], 1, market, given_)[0] for strategy in strategies]
    assert abreast == alone


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_book_stepped_at_every_bar_equals_one_whose_quiet_bars_are_not(
    world: tuple[list[Strategy], Market, BacktestSettings],
) -> None:
    strategies, market, given_ = world
    stepped = replace(market, pause=np.arange(N_BARS + 1))
    assert bytes_of(strategies, 8, stepped, given_) == bytes_of(strategies, 8, market, given_)


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
        outcomes, record = run_pass([Wanderer(**values)], market, given_, record)
        assert swept.final_equity[index] == outcomes[0].state.equity
