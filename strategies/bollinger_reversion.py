"""Bollinger reversion."""

from quant_pipelines.indicators import bollinger
from quant_pipelines.sdk import Bars, Float, Inputs, Int, Stops, Strategy, Turns, beyond, opposite


class BollingerReversion(Strategy):
    """Long below the lower band, short above the upper one, flat again at the middle.

    Hypothesis: a price outside its usual range comes back to the mean. Regime: ranges.
    Failure: trends, where it stands against them for as long as they last; the hard stop is for that.
    """

    inputs = Inputs(symbols=1)
    window = Int(20, low=10, high=240, log=True)
    width = Float(2.0, low=1.0, high=4.0)
    stops = Stops(hard_stop=Float(0.03, low=0.005, high=0.1, log=True))

    def target(self, bars: Bars) -> Turns:
        """1 from a close below the lower band to the middle, -1 from above the upper band, else 0."""
        bands = bollinger(bars.close, self.window, self.width)
        return opposite(beyond(bars.close, bands, settled=self.window))
