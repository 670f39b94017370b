"""Reversion to the volume-weighted average price."""

from quant_pipelines.indicators import Bands, atr, remembered, rolling_vwap
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, Turns, beyond, opposite


class VwapReversion(Strategy):
    """Long when the price is far below what was paid on average, short when it is far above, flat at it.

    Hypothesis: most who traded in the window defend their price. Regime: ranges with even volume.
    Failure: trends, where the average only follows; one huge trade that sets the average by itself.
    """

    inputs = Inputs(symbols=1)
    window = Int(48, low=12, high=480, log=True)
    distance = Float(2.5, low=1.0, high=8.0)
    stops = Stops(hard_stop=Float(0.03, low=0.005, high=0.1, log=True))

    def target(self, bars: Bars) -> Turns:
        """1 from ``distance`` average ranges below to the average, -1 from above, else 0."""
        average = rolling_vwap(_typical(bars.high, bars.low, bars.close), bars.volume, self.window)
        reach = self.distance * atr(bars.high, bars.low, bars.close, self.window)
        around = Bands(average - reach, average, average + reach)
        return opposite(beyond(bars.close, around, settled=self.window + 1))


@remembered
def _typical(high: Array, low: Array, close: Array) -> Array:
    return (high + low + close) / 3.0
