"""RSI momentum."""

import numpy as np

from quant_pipelines.indicators import rsi
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, held, turned


class RsiMomentum(Strategy):
    """Long once the index rises through its upper line, short once it falls through its lower, until 50.

    Hypothesis: gains that outweigh losses over a long window are a trend. Regime: trends with shallow
    pullbacks. Failure: ranges wide enough to reach both lines; fast turns, which it leaves only at 50.
    """

    inputs = Inputs(symbols=1)
    window = Int(28, low=10, high=120, log=True)
    distance = Float(8.0, low=2.0, high=25.0)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2, log=True))

    def target(self, bars: Bars) -> Array:
        """1 from a rise through ``50 + distance`` to 50, -1 from a fall through ``50 - distance``, else 0."""
        index = rsi(bars.close, self.window)
        is_high, is_low = index > 50.0 + self.distance, index < 50.0 - self.distance
        event = np.where(turned(index > 50.0), 0.0, np.nan)
        event[turned(is_high) & is_high] = 1.0
        event[turned(is_low) & is_low] = -1.0
        event[: self.window + 1] = np.nan
        return held(event)
