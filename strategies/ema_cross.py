"""EMA cross."""

from quant_pipelines.indicators import ema
from quant_pipelines.sdk import Bars, Float, Inputs, Int, Stops, Strategy, Turns, crossed


class EmaCross(Strategy):
    """Long after the fast average crosses above the slow one, short after it crosses below.

    Hypothesis: prices drift for longer than an average needs to turn. Regime: lasting trends.
    Failure: ranges, where each cross is taken back. It has no opinion until the averages have crossed once
    after the slow window, so that a trend of unknown age isn't entered.
    """

    inputs = Inputs(symbols=1)
    fast = Int(20, low=5, high=120, log=True)
    slow = Int(80, low=20, high=480, log=True)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2, log=True))

    def is_valid(self) -> bool:
        """Fast is faster."""
        return self.fast < self.slow

    def target(self, bars: Bars) -> Turns:
        """1 above, -1 below, NaN before the first cross."""
        return crossed(ema(bars.close, self.fast), ema(bars.close, self.slow), self.slow)
