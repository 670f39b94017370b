"""Ichimoku cloud."""

import numpy as np

from quant_pipelines.indicators import rolling_range
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, held


class IchimokuCloud(Strategy):
    """Long above the cloud with the fast line above the base line, short below it, flat inside the cloud.

    Hypothesis: midpoints of several horizons that agree are a trend. Regime: trends of several base windows.
    Failure: ranges that cross a thin cloud; the cloud is old by its shift and lets go of turns late.
    """

    inputs = Inputs(symbols=1)
    base = Int(26, low=10, high=160, log=True)
    fast_share = Float(0.35, low=0.2, high=0.7)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2, log=True))

    @property
    def history_bars(self) -> int:
        """The longest window is twice the base, shifted by the base."""
        return 15 * self.base

    def target(self, bars: Bars) -> Array:
        """1 above the cloud of ``base`` bars ago, -1 below, 0 inside; NaN before there is one."""
        fast_window = max(2, round(self.fast_share * self.base))
        fast, base, slow = (_middle(bars, window) for window in (fast_window, self.base, 2 * self.base))
        ahead = np.full((2, len(bars)), np.nan)
        ahead[0, self.base :] = ((fast + base) / 2.0)[: -self.base]
        ahead[1, self.base :] = slow[: -self.base]
        top, bottom = np.maximum(*ahead), np.minimum(*ahead)
        event = np.where(np.isnan(top), np.nan, 0.0)
        event[(bars.close > top) & (fast > base)] = 1.0
        event[(bars.close < bottom) & (fast < base)] = -1.0
        return held(event)


def _middle(bars: Bars, window: int) -> Array:
    low, high = rolling_range(bars.low, bars.high, window)
    return (low + high) / 2.0
