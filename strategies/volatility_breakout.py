"""Volatility breakout."""

import numpy as np

from quant_pipelines.indicators import atr, rolling_std
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, held


class VolatilityBreakout(Strategy):
    """Follow a bar that moves several average ranges, for a fixed number of bars.

    Hypothesis: a bar far outside the usual range is news that is not yet in the price. Regime: shocks.
    Failure: liquidation spikes that are taken back at once; the fixed holding time leaves good moves early.
    """

    inputs = Inputs(symbols=1)
    window = Int(30, low=10, high=240, log=True)
    multiple = Float(2.0, low=1.0, high=6.0)
    holding = Int(12, low=2, high=120, log=True)
    stops = Stops(hard_stop=Float(0.03, low=0.005, high=0.1, log=True))

    def target(self, bars: Bars) -> Array:
        """Side of the last breakout for ``holding`` bars after it, else 0."""
        usual = np.full(len(bars), np.nan)
        usual[1:] = atr(bars.high, bars.low, bars.close, self.window)[:-1]
        move = np.diff(bars.close, prepend=bars.close[:1])
        is_breakout = np.abs(move) > self.multiple * usual
        index = np.arange(len(bars))
        last = held(np.where(is_breakout, index, np.nan))
        side = held(np.where(is_breakout, np.sign(move), np.nan))
        target = np.where(index - last < self.holding, side, 0.0)
        target[: self.window + 1] = np.nan
        return target

    def stop_scales(self, bars: Bars) -> dict[str, Array]:
        """Half to twice the stop, as the volatility of ``window`` bars is against that of four windows."""
        returns = np.diff(np.log(bars.close), prepend=np.nan)
        ratio = np.full(len(bars), np.nan)
        usual = rolling_std(returns[1:], 4 * self.window)
        np.divide(rolling_std(returns[1:], self.window), usual, out=ratio[1:], where=usual > 0.0)
        return {"hard_stop": np.clip(ratio, 0.5, 2.0)}
