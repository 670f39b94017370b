"""Made-up bars that a strategy is tried on: none of them says anything about its merit."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import HOUR_MS

_SYMBOL, _TIMEFRAME, _START = "TRIAL/USDT:USDT", "1h", 100.0


def random_walk(n_bars: int, seed: int, *, drift: float = 0.0) -> Bars:
    """Bars of a random walk with heavy-tailed volume.

    Parameters
    ----------
    n_bars
        Length.
    seed
        Of the generator; the same bars for the same seed.
    drift
        Mean log return of a bar.
    """
    rng = np.random.default_rng(seed)
    steps = rng.normal(drift, 0.01, n_bars)
    close = _START * np.exp(np.cumsum(steps))
    return _bars(close, rng.uniform(0.0, 0.004, (2, n_bars)), 1.0 + rng.pareto(2.0, n_bars))


def flat(n_bars: int) -> Bars:
    """Bars of a price that never moves and is never traded."""
    return _bars(np.full(n_bars, _START), np.zeros((2, n_bars)), np.zeros(n_bars))


def shocks(n_bars: int, seed: int) -> Bars:
    """Bars of a random walk with jumps of a fifth, silent runs and missing bars."""
    walk = random_walk(n_bars, seed)
    rng = np.random.default_rng(seed + 1)
    jumps = np.cumprod(np.where(rng.random(n_bars) < 0.01, rng.choice([0.8, 1.25], n_bars), 1.0))
    volume = np.where(np.arange(n_bars) // 40 % 5 == 0, 0.0, walk.volume)
    jumped = _bars(walk.close * jumps, rng.uniform(0.0, 0.02, (2, n_bars)), volume)
    is_there = rng.random(n_bars) > 0.02
    columns = {name: getattr(jumped, name)[is_there] for name in ("open", "high", "low", "close", "volume")}
    return Bars(_SYMBOL, _TIMEFRAME, jumped.ts[is_there], **columns)


def _bars(close: FloatArray, reach: FloatArray, volume: FloatArray) -> Bars:
    """Bars that open where the last one closed."""
    open_ = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(open_, close) * (1.0 + reach[0]), np.minimum(open_, close) * (1.0 - reach[1])
    ts = HOUR_MS * np.arange(close.size, dtype=np.int64)
    return Bars(_SYMBOL, _TIMEFRAME, ts, open_, high, low, close, volume)
