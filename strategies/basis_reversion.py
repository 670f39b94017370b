"""Basis reversion."""

import numpy as np

from quant_pipelines.indicators import rolling_z
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, held


class BasisReversion(Strategy):
    """Sell the perpetual when its mark price stands far above the index, buy it far below.

    Hypothesis: the premium of mark over index is kept small by arbitrage and by funding, so a stretched one
    comes back, and takes the price of the perpetual along. Regime: forced buying and selling that ends.
    Failure: spot follows the perpetual instead, so that the premium closes without a gain.
    """

    inputs = Inputs(index=True, mark=True)
    window = Int(96, low=24, high=480, log=True)
    entry = Float(2.0, low=1.0, high=4.0)
    least_bps = Float(2.0, low=0.5, high=20.0, log=True)
    stops = Stops(hard_stop=Float(0.03, low=0.005, high=0.1, log=True))

    def target(self, bars: Bars) -> Array:
        """Against a premium beyond ``entry`` deviations, 0 once it is back at its mean; NaN while unknown."""
        premium = bars.mark_close / bars.index_close - 1.0
        is_known = ~np.isnan(premium)
        target = np.full(len(bars), np.nan)
        known = premium[is_known]
        away = rolling_z(known, self.window)
        is_far = (np.abs(away) > self.entry) & (np.abs(known) > 1e-4 * self.least_bps)
        opinion = np.where(is_far, -np.sign(away), np.nan)
        is_back = np.sign(away[1:]) != np.sign(away[:-1])
        opinion[1:][is_back & ~is_far[1:]] = 0.0
        opinion[: self.window] = np.nan
        target[is_known] = held(opinion)
        return target
