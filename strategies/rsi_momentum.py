"""RSI momentum."""

import numpy as np

from quant_pipelines.indicators import Bands, rsi
from quant_pipelines.sdk import Bars, Float, Inputs, Int, Stops, Strategy, Turns, beyond


class RsiMomentum(Strategy):
    """Long once the index rises through its upper line, short once it falls through its lower, until 50.

    Hypothesis: gains that outweigh losses over a long window are a trend. Regime: trends with shallow
    pullbacks. Failure: ranges wide enough to reach both lines; fast turns, which it leaves only at 50.
    """

    inputs = Inputs(symbols=1)
    window = Int(28, low=10, high=120, log=True)
    distance = Float(8.0, low=2.0, high=25.0)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2, log=True))

    def target(self, bars: Bars) -> Turns:
        """1 from a rise through ``50 + distance`` to 50, -1 from a fall through ``50 - distance``, else 0."""
        index = rsi(bars.close, self.window)
        levels = Bands(*(np.full(len(bars), 50.0 + away) for away in (-self.distance, 0.0, self.distance)))
        return beyond(index, levels, settled=self.window + 1, on_entry=True)
