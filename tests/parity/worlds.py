"""Bars, marks, order books and strategies that the drivers are compared on."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from quant_pipelines.backtest import (
    BacktestSettings,
)
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.depth import BookSample, DepthSeries
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.sdk import Array, Float, Int, Stops, Strategy
from quant_pipelines.trading import (
    Bracket,
    DatedSpecification,
    Specification,
    SpecificationHistory,
    TradingRules,
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


def slots_within(bars: Bars, *, has_mark: bool = True) -> FundingSeries:
    """Slots every twenty minutes of hourly bars, up to the last close; some have a last price."""
    ts = np.arange(START_MS - HOUR_MS, int(bars.close_ts[-1]) + 1, 20 * MINUTE_MS)
    rng = np.random.default_rng(6)
    mark, last = rng.uniform(90.0, 110.0, (2, ts.size))
    if not has_mark:
        mark[:], last[::3] = np.nan, np.nan
    return FundingSeries(ts, rng.normal(0.0, 0.001, ts.size), mark, last)


def thin(bars: Bars) -> Bars:
    """Bars of which many have next to no volume, or none."""
    volume = np.random.default_rng(7).choice(
        [0.0, 1e-6, 5.0, 60.0, 1e6], len(bars), p=[0.3, 0.1, 0.2, 0.2, 0.2]
    )
    return replace(bars, volume=volume)


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
