"""What the benchmarks of the kernel share: bars, funding, strategy and rules."""

import numpy as np

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.indicators import ema
from quant_pipelines.sdk import Array, Float, Int, Stops, Strategy
from quant_pipelines.trading import Specification, TradingRules

N_BARS = 525_600
START_MS = 1_704_067_200_000


class Cross(Strategy):
    """Long while the fast average is above the slow one, short below."""

    fast = Int(60, low=2, high=1_000)
    slow = Int(240, low=2, high=10_000)
    stops = Stops(hard_stop=Float(0.02, low=0.001, high=0.5))

    def target(self, bars: Bars) -> Array:
        is_above = ema(bars.close, self.fast) > ema(bars.close, self.slow)
        target = np.where(is_above, 1.0, -1.0)
        target[: self.slow] = np.nan
        return target


def synthetic_bars() -> Bars:
    close = np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.0008, N_BARS))) * np.float64(100.0)
    open_ = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(open_, close) * 1.0003, np.minimum(open_, close) * 0.9997
    ts = START_MS + MINUTE_MS * np.arange(N_BARS, dtype=np.int64)
    return Bars("X/USDT:USDT", "1m", ts, open_, high, low, close, np.ones(N_BARS))


def synthetic_funding(bars: Bars) -> FundingSeries:
    ts = np.arange(int(bars.ts[0]), int(bars.ts[-1]), 8 * HOUR_MS, dtype=np.int64)
    rate = np.random.default_rng(2).normal(0.0001, 0.0001, ts.size)
    return FundingSeries(ts, rate, np.full(ts.size, np.nan))


def feature_settings() -> BacktestSettings:
    rules = TradingRules(specification=Specification(lot_size=0.001, min_notional=5.0))
    return BacktestSettings(rules=rules, has_bar_equity=False)
