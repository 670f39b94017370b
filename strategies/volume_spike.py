"""Volume spike."""

import numpy as np

from quant_pipelines.indicators import remembered, rolling_z
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, Turns, lasting


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

    def target(self, bars: Bars) -> Turns:
        """Side of the last spike for ``holding`` bars after it, else 0."""
        is_spike = rolling_z(_log_volume(bars.volume), self.window) > self.spike
        spike = np.where(is_spike, _sides(bars.high, bars.low, bars.close), np.nan)
        return lasting(spike, self.holding, settled=self.window)


@remembered
def _log_volume(volume: Array) -> Array:
    return np.log1p(volume)


@remembered
def _sides(high: Array, low: Array, close: Array) -> Array:
    """1 for a close near the high, -1 for one near the low, NaN between."""
    spread = high - low
    place = np.divide(close - low, spread, out=np.full(close.size, 0.5), where=spread > 0)
    return np.where(place > 0.8, 1.0, np.where(place < 0.2, -1.0, np.nan))
