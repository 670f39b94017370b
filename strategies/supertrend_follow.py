"""Supertrend."""

from quant_pipelines.indicators import atr, remembered, supertrend
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy


class SupertrendFollow(Strategy):
    """Long while the price stays above a band that only rises, short while below one that only falls.

    Hypothesis: a trend lives until the price gives back a few average ranges. Regime: trends of any speed.
    Failure: ranges wider than the bands, where it turns at every end, always too late.
    """

    inputs = Inputs(symbols=1)
    window = Int(14, low=5, high=120, log=True)
    multiple = Float(3.0, low=1.0, high=6.0)
    stops = Stops(hard_stop=Float(0.06, low=0.01, high=0.2, log=True))

    def target(self, bars: Bars) -> Array:
        """Side of the trend; NaN until the first close outside a band."""
        average_range = atr(bars.high, bars.low, bars.close, self.window)
        return supertrend(_middle(bars.high, bars.low), bars.close, average_range, self.multiple)


@remembered
def _middle(high: Array, low: Array) -> Array:
    return (high + low) / 2.0
