"""Pairs by cointegration."""

import numpy as np

from quant_pipelines.indicators import cointegration
from quant_pipelines.sdk import Array, Float, Inputs, Int, Panel, Stops, Strategy, held, turned


class PairsCointegration(Strategy):
    """Trade the residual of one symbol regressed on another, while the residual has returned to its mean.

    Hypothesis: two prices with a common trend are bound by a fixed ratio of weights, and the distance from it
    is paid to whoever waits (Engle and Granger 1987; Gatev, Goetzmann, Rouwenhorst 2006). Regime: one sector,
    stable flows. Failure: the bond breaks, and a rolling test notices only after the loss; two trending
    series pass the test by chance.
    """

    inputs = Inputs(symbols=2)
    window = Int(240, low=60, high=720, log=True)
    entry = Float(2.0, low=1.0, high=3.5)
    statistic = Float(-3.0, low=-4.5, high=-1.0)
    stops = Stops(hard_stop=Float(0.15, low=0.03, high=0.4, log=True))

    def target(self, bars: Panel) -> Array:
        """Weights (1, -slope) over the larger of them from an entry on, 0 from the crossing of the mean on.

        The weights stay those of the entry. It enters where the test's t value is below ``statistic`` and the
        slope is positive.
        """
        both = bars.is_complete
        target = np.full(bars.close.shape, np.nan)
        log_close = np.log(bars.close[both])
        one, other = np.ascontiguousarray(log_close.T)
        bond = cointegration(one, other, self.window)
        is_bound = (bond.statistic < self.statistic) & (bond.slope > 0.0)
        larger = np.maximum(bond.slope, 1.0)
        event = np.where(turned(bond.z > 0.0), 0.0, np.nan)
        event[is_bound & (bond.z < -self.entry)] = 1.0
        event[is_bound & (bond.z > self.entry)] = -1.0
        event[: self.window] = np.nan
        side = held(event)
        is_new = (np.diff(side, prepend=np.nan) != 0.0) & (np.abs(side) == 1.0)
        weights = held(np.where(is_new, larger, np.nan))
        slope = held(np.where(is_new, bond.slope, np.nan))
        target[both, 0] = np.where(side == 0.0, 0.0, side / weights)
        target[both, 1] = np.where(side == 0.0, 0.0, -side * slope / weights)
        return target
