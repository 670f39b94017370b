"""Bollinger reversion."""

import numpy as np

from quant_pipelines.indicators import bollinger
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy


class BollingerReversion(Strategy):
    """Long below the lower band, short above the upper one, flat again at the middle.

    Mean reversion: it loses in trends, which is what the hard stop is for.
    """

    inputs = Inputs(symbols=1)
    window = Int(20, low=10, high=240, log=True)
    width = Float(2.0, low=1.0, high=4.0)
    stops = Stops(hard_stop=Float(0.03, low=0.005, high=0.1, log=True))

    def target(self, bars: Bars) -> Array:
        """1 from a close below the lower band to the middle, -1 from above the upper band, else 0."""
        lower, middle, upper = bollinger(bars.close, self.window, self.width)
        is_above = bars.close > middle
        event = np.full(len(bars), np.nan)
        event[1:][is_above[1:] != is_above[:-1]] = 0.0
        event[bars.close < lower] = 1.0
        event[bars.close > upper] = -1.0
        event[: self.window] = np.nan
        latest = np.maximum.accumulate(np.where(np.isnan(event), 0, np.arange(len(bars))))
        return event[latest] if len(bars) else event
