"""Donchian channel, as the turtles traded it."""

import numpy as np

from quant_pipelines.indicators import rolling_range
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, entered


class DonchianTurtle(Strategy):
    """Enter on a new extreme of the long window, leave on the opposite extreme of the short one.

    Hypothesis: who buys a new high finds a buyer at the next one. Regime: rare, long trends that pay for many
    small losses. Failure: ranges whose edges are pierced again and again; gaps through the exit.
    """

    inputs = Inputs(symbols=1)
    entry = Int(55, low=10, high=480, log=True)
    leave = Int(20, low=5, high=240, log=True)
    stops = Stops(hard_stop=Float(0.06, low=0.01, high=0.2, log=True))

    def is_valid(self) -> bool:
        """Exit is nearer than entry."""
        return self.leave < self.entry

    def target(self, bars: Bars) -> Array:
        """1 after a close above the highest high before it, -1 below the lowest low, 0 after an exit."""
        outer = rolling_range(bars.low, bars.high, self.entry)
        inner = rolling_range(bars.low, bars.high, self.leave)
        close, before = bars.close[1:], slice(None, -1)
        long = entered(close > outer.high[before], close < inner.low[before])
        short = entered(close < outer.low[before], close > inner.high[before])
        target = np.full(len(bars), np.nan)
        target[self.entry :] = (long - short)[self.entry - 1 :]
        return target
