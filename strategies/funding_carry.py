"""Funding carry."""

import numpy as np

from quant_pipelines.indicators import ema
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, held


class FundingCarry(Strategy):
    """Take the side that is paid while funding is high, unless the price runs against it.

    Hypothesis: who crowds into one side pays the other to stand there, and pays for longer than it takes to
    cross the spread. Regime: crowded markets that go nowhere. Failure: crowds that are right; the trend
    filter steps aside late, and one strong move costs more than months of payments.
    """

    inputs = Inputs(funding=True)
    high = Float(0.0002, low=0.00005, high=0.002, log=True)
    exit_share = Float(0.5, low=0.0, high=0.9)
    window = Int(48, low=12, high=240, log=True)
    stretch = Float(0.02, low=0.005, high=0.1, log=True)
    stops = Stops(hard_stop=Float(0.06, low=0.01, high=0.2, log=True))

    def target(self, bars: Bars) -> Array:
        """Against the sign of high funding until it has faded or the price runs; NaN while it is unknown."""
        rate = bars.funding_rate
        paid = -np.sign(rate)
        trend = bars.close / ema(bars.close, self.window) - 1.0
        is_over = (np.abs(rate) < self.exit_share * self.high) | (paid * trend < -self.stretch)
        opinion = np.where(is_over, 0.0, np.where(np.abs(rate) >= self.high, paid, np.nan))
        opinion[: self.window] = np.nan
        side = held(opinion)
        side[side * rate > 0.0] = 0.0
        return np.where(np.isnan(rate), np.nan, side)
