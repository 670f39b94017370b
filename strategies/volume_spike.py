"""Volume spike."""

import numpy as np

from quant_pipelines.indicators import rolling_z
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, held


class VolumeSpike(Strategy):
    """Follow a bar that closes near its end on exceptional volume, for a fixed number of bars.

    Hypothesis: size that moves the price and is not absorbed knows something. Regime: news, listings.
    Failure: climax volume at the end of a move; venues whose volume is not honest.
    """

    inputs = Inputs(symbols=1)
    window = Int(60, low=20, high=480, log=True)
    spike = Float(3.0, low=1.5, high=8.0)
    holding = Int(12, low=2, high=120, log=True)
    stops = Stops(hard_stop=Float(0.03, low=0.005, high=0.1, log=True))

    def target(self, bars: Bars) -> Array:
        """Side of the last spike for ``holding`` bars after it, else 0."""
        spread = bars.high - bars.low
        unknown = np.full(len(bars), 0.5)
        place = np.divide(bars.close - bars.low, spread, out=unknown, where=spread > 0)
        side = np.where(place > 0.8, 1.0, np.where(place < 0.2, -1.0, 0.0))
        is_spike = (rolling_z(np.log1p(bars.volume), self.window) > self.spike) & (side != 0)
        index = np.arange(len(bars))
        last, last_side = held(np.where(is_spike, index, np.nan)), held(np.where(is_spike, side, np.nan))
        target = np.where(index - last < self.holding, last_side, 0.0)
        target[: self.window] = np.nan
        return target
