"""What the benchmarks of the kernel share: bars, funding, strategy and rules of the design's feature set."""

import numpy as np

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.indicators import ema
from quant_pipelines.sdk import Float, Int, Stops, Strategy, Turns, above
from quant_pipelines.trading import Bracket, Execution, Specification, TradingRules

N_BARS = 525_600
START_MS = 1_704_067_200_000


class Cross(Strategy):
    """Long while the fast average is above the slow one, short below; three stops and a target."""

    fast = Int(60, low=2, high=1_000)
    slow = Int(240, low=2, high=10_000)
    stops = Stops(
        hard_stop=Float(0.02, low=0.001, high=0.5),
        take_profit=Float(0.04, low=0.001, high=0.5),
        chandelier_stop=Float(12.0, low=1.0, high=50.0),
        atr_window=60,
    )

    def target(self, bars: Bars) -> Turns:
        return above(ema(bars.close, self.fast), ema(bars.close, self.slow), self.slow)


class FullCross(Cross):
    """The same with every stop that there is."""

    stops = Stops(
        hard_stop=Float(0.02, low=0.001, high=0.5),
        atr_stop=Float(20.0, low=1.0, high=50.0),
        volatility_stop=Float(30.0, low=1.0, high=50.0),
        chandelier_stop=Float(12.0, low=1.0, high=50.0),
        sar_stop=Float(0.002, low=0.0, high=1.0),
        time_stop=Int(2_000, low=1, high=10_000),
        equity_stop=Float(0.2, low=0.01, high=1.0),
        take_profit=Float(0.04, low=0.001, high=0.5),
        atr_window=60,
        volatility_window=60,
    )


def synthetic_bars() -> Bars:
    close = np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.0008, N_BARS))) * np.float64(100.0)
    open_ = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(open_, close) * 1.0003, np.minimum(open_, close) * 0.9997
    ts = START_MS + MINUTE_MS * np.arange(N_BARS, dtype=np.int64)
    return Bars("X/USDT:USDT", "1m", ts, open_, high, low, close, np.full(N_BARS, 1e6))


def synthetic_funding(bars: Bars) -> FundingSeries:
    ts = np.arange(int(bars.ts[0]), int(bars.ts[-1]), 8 * HOUR_MS, dtype=np.int64)
    rate = np.random.default_rng(2).normal(0.0001, 0.0001, ts.size)
    return FundingSeries(ts, rate, np.full(ts.size, np.nan))


def feature_settings() -> BacktestSettings:
    """One maintenance bracket, isolated margin, lots; the packaged fee and slippage."""
    rules = TradingRules(
        specification=Specification(lot_size=0.001, min_notional=5.0),
        execution=Execution(brackets=(Bracket(0.0, 0.005),), leverage=3.0),
    )
    return BacktestSettings(capital=1_000_000.0, rules=rules, has_bar_equity=False)


def full_settings() -> BacktestSettings:
    """Brackets, participation, spread and impact besides."""
    features = feature_settings()
    rules = TradingRules(
        specification=features.rules.specification,
        execution=Execution(
            participation=0.1,
            brackets=(Bracket(0.0, 0.005), Bracket(500_000.0, 0.01, 2_500.0)),
            leverage=3.0,
        ),
    )
    return BacktestSettings(capital=1_000_000.0, rules=rules, has_bar_equity=False)
