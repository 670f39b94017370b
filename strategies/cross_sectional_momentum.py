"""Cross-sectional momentum."""

import numpy as np

from quant_pipelines.sdk import Array, Float, Inputs, Int, Panel, Stops, Strategy, held


class CrossSectionalMomentum(Strategy):
    """Hold the symbols that rose most against the others long, and those that rose least short.

    Hypothesis: money follows what has risen relative to its peers and is slow to leave what lags (Jegadeesh
    and Titman 1993). Regime: dispersion between symbols, calm leadership. Failure: sharp turns of the whole
    market, in which the losers rebound most; few symbols, whose ranks are noise.
    """

    inputs = Inputs(symbols=0)
    lookback = Int(168, low=24, high=720, log=True)
    share = Float(0.3, low=0.1, high=0.5)
    rebalance = Int(24, low=1, high=168, log=True)
    stops = Stops(hard_stop=Float(0.2, low=0.05, high=0.5, log=True))

    def target(self, bars: Panel) -> Array:
        """1 for the top ``share`` by log return over ``lookback`` own bars, -1 for the bottom, else 0.

        Ranks are taken again every ``rebalance`` bars of the clock; a symbol without a bar or without enough
        of them is left out of the ranking and keeps what it had.
        """
        past = np.full(bars.close.shape, np.nan)
        for k in range(len(bars.symbols)):
            log_close = np.log(bars.bars(k).close)
            change = np.full(log_close.size, np.nan)
            change[self.lookback :] = log_close[self.lookback :] - log_close[: -self.lookback]
            past[:, k] = bars.on_grid(k, change)
        n_ranked = np.sum(~np.isnan(past), axis=1, keepdims=True)
        n_side = np.maximum(np.floor(self.share * n_ranked), 1.0)
        rank = past.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
        lowest, highest = np.fmin.reduce(past, axis=1), np.fmax.reduce(past, axis=1)
        opinion = np.where(rank < n_side, -1.0, np.where(rank >= n_ranked - n_side, 1.0, 0.0))
        opinion[lowest == highest] = 0.0
        is_due = (bars.close_ts // bars.step_ms) % self.rebalance == 0
        is_due &= n_ranked[:, 0] >= 2
        opinion[np.isnan(past) | ~is_due[:, None]] = np.nan
        return np.column_stack([held(column) for column in opinion.T])
