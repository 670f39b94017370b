"""Volatility breakout."""

import numpy as np

from quant_pipelines.indicators import atr, remembered, rolling_std
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, Turns, lasting


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

    def target(self, bars: Bars) -> Turns:
        """Side of the last breakout for ``holding`` bars after it, else 0."""
        size, side = _moves(bars.close)
        is_breakout = size > self.multiple * _usual(bars.high, bars.low, bars.close, self.window)
        breakout = np.where(is_breakout, side, np.nan)
        return lasting(breakout, self.holding, settled=self.window + 1)

    def stop_scales(self, bars: Bars) -> dict[str, Array]:
        """Half to twice the stop, as the volatility of ``window`` bars is against that of four windows."""
        return {"hard_stop": _unrest(_returns(bars.close), self.window)}


@remembered
def _moves(close: Array) -> tuple[Array, Array]:
    move = np.diff(close, prepend=close[:1])
    return np.abs(move), np.sign(move)


@remembered
def _usual(high: Array, low: Array, close: Array, window: int) -> Array:
    """Average range of the bars before each one."""
    usual = np.full(close.size, np.nan)
    usual[1:] = atr(high, low, close, window)[:-1]
    return usual


@remembered
def _returns(close: Array) -> Array:
    return np.diff(np.log(close), prepend=np.nan)


@remembered
def _unrest(returns: Array, window: int) -> Array:
    ratio, usual = np.full(returns.size, np.nan), rolling_std(returns, 4 * window)
    np.divide(rolling_std(returns, window), usual, out=ratio, where=usual > 0.0)
    clipped: Array = np.clip(ratio, 0.5, 2.0)
    return clipped
