"""Ichimoku cloud."""

import numpy as np

from quant_pipelines.indicators import remembered, rolling_range
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
        fast, base = (_middle(bars.low, bars.high, window) for window in (fast_window, self.base))
        first = _later((fast + base) / 2.0, self.base)
        second = _later(_middle(bars.low, bars.high, 2 * self.base), self.base)
        top, bottom = np.maximum(first, second), np.minimum(first, second)
        event = np.where(np.isnan(top), np.nan, 0.0)
        event[(bars.close > top) & (fast > base)] = 1.0
        event[(bars.close < bottom) & (fast < base)] = -1.0
        return held(event)


@remembered
def _middle(low: Array, high: Array, window: int) -> Array:
    lowest, highest = rolling_range(low, high, window)
    return (lowest + highest) / 2.0


@remembered
def _later(values: Array, bars: int) -> Array:
    later = np.full(values.size, np.nan)
    later[bars:] = values[:-bars]
    return later
