"""Open-interest divergence."""

import numpy as np

from quant_pipelines.indicators import rolling_std
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Stops, Strategy, held


class OpenInterestDivergence(Strategy):
    """Follow a move that new positions carry, fade one that closing positions make.

    Hypothesis: a rise with growing open interest is new money, a rise with shrinking open interest is shorts
    that cover and then stop buying. Regime: leveraged markets after a squeeze. Failure: open interest that
    moves for other reasons (listings, market makers, a venue's outage), and slow grinding trends.
    """

    inputs = Inputs(open_interest=True)
    window = Int(24, low=6, high=168, log=True)
    move = Float(1.0, low=0.3, high=3.0)
    change = Float(0.02, low=0.005, high=0.15, log=True)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.15, log=True))

    def target(self, bars: Bars) -> Array:
        """Sign of a large move with growing open interest, against one with shrinking; then it is held."""
        log_close = np.log(bars.close)
        usual = rolling_std(np.diff(log_close, prepend=log_close[:1]), self.window) * np.sqrt(self.window)
        moved, grown = (self._since(column) for column in (log_close, np.log(bars.open_interest)))
        is_large = (np.abs(moved) > self.move * usual) & (np.abs(grown) > self.change)
        opinion = np.where(is_large, np.sign(moved) * np.sign(grown), np.nan)
        return held(opinion)

    def _since(self, column: Array) -> Array:
        """Difference to ``window`` bars before; NaN where either end is unknown."""
        difference = np.full(column.size, np.nan)
        difference[self.window :] = column[self.window :] - column[: -self.window]
        return difference
