"""RSI reversion."""

import numpy as np

from quant_pipelines.indicators import Bands, rsi
from quant_pipelines.sdk import Bars, Float, Inputs, Int, Stops, Strategy, Turns, beyond, opposite


class RsiReversion(Strategy):
    """Long when the index is oversold, short when it is overbought, flat again at 50.

    Hypothesis: a one-sided run without news is taken back. Regime: ranges, calm hours.
    Failure: trends, where the index stays at its end for as long as they last; the hard stop is for that.
    """

    inputs = Inputs(symbols=1)
    window = Int(14, low=5, high=60, log=True)
    distance = Float(20.0, low=10.0, high=40.0)
    stops = Stops(hard_stop=Float(0.03, low=0.005, high=0.1, log=True))

    def target(self, bars: Bars) -> Turns:
        """1 from below ``50 - distance`` to 50, -1 from above ``50 + distance``, else 0."""
        index = rsi(bars.close, self.window)
        levels = Bands(*(np.full(len(bars), 50.0 + away) for away in (-self.distance, 0.0, self.distance)))
        return opposite(beyond(index, levels, settled=self.window + 1))
