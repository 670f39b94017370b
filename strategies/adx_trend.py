"""Trend by directional movement."""

import numpy as np

from quant_pipelines.indicators import adx
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, held


class AdxTrend(Strategy):
    """Follow the stronger side of directional movement while the trend is strong, flat when it has faded.

    Hypothesis: strength of movement tells trends from ranges before the price does. Regime: strong trends.
    Failure: the index is slow: it is highest at the end of a move; sharp turns are seen late.
    """

    inputs = Inputs(symbols=1)
    window = Int(14, low=7, high=60, log=True)
    strong = Float(25.0, low=15.0, high=45.0)
    faded = Float(18.0, low=8.0, high=30.0)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2, log=True))

    def is_valid(self) -> bool:
        """Faded is weaker than strong."""
        return self.faded < self.strong

    def target(self, bars: Bars) -> Array:
        """Side of the movement while it is strong, 0 once it has faded."""
        trend = adx(bars.high, bars.low, bars.close, self.window)
        side = np.where(trend.plus > trend.minus, 1.0, -1.0)
        event = np.where(trend.adx > self.strong, side, np.nan)
        event[trend.adx < self.faded] = 0.0
        return held(event)
