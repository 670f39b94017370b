"""Time-series momentum."""

import numpy as np

from quant_pipelines.indicators import rolling_std
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, held


class TimeSeriesMomentum(Strategy):
    """Hold the sign of the past return where that return is large for its volatility.

    Hypothesis: an instrument's own past return predicts the next one (Moskowitz, Ooi, Pedersen 2012). Regime:
    trends of weeks. Failure: turns after long moves; quiet markets, where costs eat what is left.
    """

    inputs = Inputs(symbols=1)
    lookback = Int(120, low=20, high=720, log=True)
    threshold = Float(0.5, low=0.0, high=2.0)
    stops = Stops(hard_stop=Float(0.08, low=0.02, high=0.25, log=True))

    def target(self, bars: Bars) -> Array:
        """Sign of the return over ``lookback`` bars while it exceeds ``threshold`` deviations, 0 inside."""
        log_close = np.log(bars.close)
        step = np.diff(log_close, prepend=log_close[:1])
        usual = rolling_std(step, self.lookback) * np.sqrt(self.lookback)
        past = np.full(len(bars), np.nan)
        past[self.lookback :] = log_close[self.lookback :] - log_close[: -self.lookback]
        is_large = np.abs(past) > self.threshold * usual
        return held(np.where(np.isnan(past), np.nan, np.where(is_large, np.sign(past), 0.0)))
