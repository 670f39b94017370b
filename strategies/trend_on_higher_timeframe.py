"""Pullbacks in the trend of a higher timeframe."""

import numpy as np

from quant_pipelines.indicators import ema, rsi
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, held


class TrendOnHigherTimeframe(Strategy):
    """Buy weakness in a rising 4-hour market and sell strength in a falling one.

    Hypothesis: the slower participants set the direction, the faster ones only its entry. Regime: trends of
    days with pullbacks of hours. Failure: the turn of the slow trend, which closed bars show late, and
    markets without one, where each pullback is the next trend.
    """

    inputs = Inputs(timeframes=("4h",))
    slow = Int(30, low=10, high=120, log=True)
    fast = Int(14, low=5, high=40, log=True)
    depth = Float(10.0, low=2.0, high=25.0)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.15, log=True))

    def target(self, bars: Bars) -> Array:
        """Side of the slow trend after a pullback, flat once the trend has turned."""
        higher = bars.on("4h")
        trend = np.sign(higher.close - higher.at(ema(higher.bars.close, self.slow)))
        strength = rsi(bars.close, self.fast) - 50.0
        is_pullback = trend * strength < -self.depth
        side = held(np.where(is_pullback, trend, np.nan))
        opinion = np.where(is_pullback, trend, np.where(side * trend < 0.0, 0.0, np.nan))
        opinion[: self.fast] = np.nan
        return held(opinion)
