"""Z-score of a spread."""

import numpy as np

from quant_pipelines.indicators import rolling_z
from quant_pipelines.sdk import Array, Float, Inputs, Int, Panel, Stops, Strategy, held, turned


class ZscoreSpread(Strategy):
    """Buy the one of two symbols that has fallen behind the other and sell the other, until they meet again.

    Hypothesis: the ratio of two prices that the same flows move returns to its recent mean; who sells the
    laggard in haste pays for it. Regime: two close substitutes while nothing happens to only one of them.
    Failure: a lasting change of the ratio (news on one symbol), which the window learns only slowly.
    """

    inputs = Inputs(symbols=2)
    window = Int(120, low=24, high=720, log=True)
    entry = Float(2.0, low=1.0, high=4.0)
    stops = Stops(hard_stop=Float(0.15, low=0.03, high=0.4, log=True))

    def target(self, bars: Panel) -> Array:
        """(1, -1) from ``entry`` deviations below the mean to the mean, (-1, 1) from above, else 0."""
        both = bars.is_complete
        target = np.full(bars.close.shape, np.nan)
        ratio = np.log(bars.close[both, 0] / bars.close[both, 1])
        z = rolling_z(ratio, self.window)
        event = np.where(turned(z > 0.0), 0.0, np.nan)
        event[z < -self.entry] = 1.0
        event[z > self.entry] = -1.0
        event[: self.window] = np.nan
        target[both, 0] = held(event)
        target[both, 1] = -target[both, 0]
        return target
