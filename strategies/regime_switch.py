"""Trend or reversion, by the efficiency of the path."""

import numpy as np

from quant_pipelines.indicators import remembered, rolling_z, sma
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, held


class RegimeSwitch(Strategy):
    """Follow the move while the path is efficient, fade it while it is not.

    Hypothesis: the ratio of distance to path (Kaufman's efficiency ratio, 1995) tells trends from noise.
    Regime: markets that stay in one mode for longer than the window. Failure: modes that change faster than
    the window sees, so that it follows the end of a trend and fades the start of the next.
    """

    inputs = Inputs(symbols=1)
    window = Int(60, low=20, high=480, log=True)
    efficient = Float(0.35, low=0.15, high=0.7)
    stretch = Float(1.5, low=0.5, high=3.0)
    stops = Stops(hard_stop=Float(0.04, low=0.01, high=0.15, log=True))

    def target(self, bars: Bars) -> Array:
        """Sign of the move in an efficient market, against a stretched price in a noisy one, else 0."""
        ratio, side = _efficiency(bars.close, _steps(bars.close), self.window)
        away, against = _stretched(bars.close, self.window)
        fade = np.where(away > self.stretch, against, 0.0)
        target = np.where(ratio > self.efficient, side, fade)
        target[: self.window] = np.nan
        return held(target)


@remembered
def _steps(close: Array) -> Array:
    return np.abs(np.diff(close, prepend=close[:1]))


@remembered
def _efficiency(close: Array, steps: Array, window: int) -> tuple[Array, Array]:
    """Distance over path of the last ``window`` bars, and the side of the distance."""
    distance, path = np.zeros(close.size), sma(steps, window) * window
    distance[window:] = close[window:] - close[:-window]
    ratio = np.divide(np.abs(distance), path, out=np.zeros(close.size), where=path > 0)
    return ratio, np.sign(distance)


@remembered
def _stretched(close: Array, window: int) -> tuple[Array, Array]:
    """Deviations from the mean, and the side that leads back to it."""
    away = rolling_z(close, window)
    return np.abs(away), -np.sign(away)
