"""MACD cross."""

import numpy as np

from quant_pipelines.indicators import macd
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, held, turned


class MacdCross(Strategy):
    """Long after the MACD line crosses above its signal, short after it crosses below.

    Hypothesis: a trend that accelerates goes on. Regime: young trends after a quiet time.
    Failure: ranges and slow trends, where the line crosses its own average without the price going anywhere.
    """

    inputs = Inputs(symbols=1)
    fast = Int(12, low=5, high=60, log=True)
    slow = Int(26, low=10, high=240, log=True)
    signal = Int(9, low=3, high=60, log=True)
    stops = Stops(hard_stop=Float(0.04, low=0.01, high=0.2, log=True))

    def is_valid(self) -> bool:
        """Fast is faster."""
        return self.fast < self.slow

    def target(self, bars: Bars) -> Array:
        """1 above the signal, -1 below, NaN before the first cross."""
        is_above = macd(bars.close, self.fast, self.slow, self.signal).histogram > 0
        is_cross = turned(is_above)
        is_cross[: self.slow + self.signal] = False
        return held(np.where(is_cross, np.where(is_above, 1.0, -1.0), np.nan))
