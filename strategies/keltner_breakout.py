"""Keltner breakout."""

from quant_pipelines.indicators import Bands, atr, ema
from quant_pipelines.sdk import Bars, Float, Inputs, Int, Stops, Strategy, Turns, beyond


class KeltnerBreakout(Strategy):
    """Long after a close above the channel, short after one below it, flat at its middle.

    Hypothesis: leaving a channel as wide as the usual bar is news. Regime: trends that start from calm.
    Failure: single wide bars that close at their end and are taken back; ranges after a burst.
    """

    inputs = Inputs(symbols=1)
    window = Int(30, low=10, high=240, log=True)
    width = Float(2.0, low=1.0, high=5.0)
    stops = Stops(hard_stop=Float(0.04, low=0.01, high=0.15, log=True))

    def target(self, bars: Bars) -> Turns:
        """1 from above the channel to its middle, -1 from below it, else 0."""
        middle = ema(bars.close, self.window)
        reach = self.width * atr(bars.high, bars.low, bars.close, self.window)
        channel = Bands(middle - reach, middle, middle + reach)
        return beyond(bars.close, channel, settled=2 * self.window)
