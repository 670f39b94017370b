"""Bollinger breakout."""

from quant_pipelines.indicators import bollinger
from quant_pipelines.sdk import Bars, Float, Inputs, Int, Stops, Strategy, Turns, beyond


class BollingerBreakout(Strategy):
    """Long after a close above the upper band, short after one below the lower, flat at the middle.

    Hypothesis: a move out of the usual range is the start of a new one. Regime: volatility that expands.
    Failure: ranges, where each band is touched and the price turns: it buys high and sells at the mean.
    """

    inputs = Inputs(symbols=1)
    window = Int(40, low=10, high=240, log=True)
    width = Float(2.0, low=1.0, high=4.0)
    stops = Stops(hard_stop=Float(0.03, low=0.005, high=0.1, log=True))

    def target(self, bars: Bars) -> Turns:
        """1 from a close above the upper band to the middle, -1 from below the lower band, else 0."""
        bands = bollinger(bars.close, self.window, self.width)
        return beyond(bars.close, bands, settled=self.window)
