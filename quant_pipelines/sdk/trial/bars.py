"""Made-up bars that a strategy is tried on: none of them says anything about its merit."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import timeframe_ms

TIMEFRAME = "1h"
_SYMBOL, _START = "TRIAL/USDT:USDT", 100.0


def random_walk(n_bars: int, seed: int, *, drift: float = 0.0, timeframe: str = TIMEFRAME) -> Bars:
    """Bars of a random walk with heavy-tailed volume.

    Parameters
    ----------
    n_bars
        Length.
    seed
        Of the generator; the same bars for the same seed.
    drift
        Mean log return of a bar.
    timeframe
        Of the bars.

    Examples
    --------
    >>> from quant_pipelines.sdk.trial.bars import random_walk
    >>> bars = random_walk(1000, seed=7)
    >>> len(bars), bars.symbol, bars.timeframe
    (1000, 'TRIAL/USDT:USDT', '1h')
    >>> bool((bars.close == random_walk(1000, seed=7).close).all())
    True
    """
    rng = np.random.default_rng(seed)
    steps = rng.normal(drift, 0.01, n_bars)
    close = _START * np.exp(np.cumsum(steps))
    return _bars(close, rng.uniform(0.0, 0.004, (2, n_bars)), 1.0 + rng.pareto(2.0, n_bars), timeframe)


def flat(n_bars: int, *, timeframe: str = TIMEFRAME) -> Bars:
    """Bars of a price that never moves and is never traded.

    Examples
    --------
    >>> from quant_pipelines.sdk.trial.bars import flat
    >>> flat(3).close, flat(3).volume
    (array([100., 100., 100.]), array([0., 0., 0.]))
    """
    return _bars(np.full(n_bars, _START), np.zeros((2, n_bars)), np.zeros(n_bars), timeframe)


def shocks(n_bars: int, seed: int, *, timeframe: str = TIMEFRAME) -> Bars:
    """Bars of a random walk with jumps of a fifth, silent runs and missing bars.

    Examples
    --------
    >>> from quant_pipelines.sdk.trial.bars import shocks
    >>> bars = shocks(1000, seed=7)
    >>> len(bars) < 1000, bool((bars.volume[:40] == 0.0).all())  # some are missing, the first are silent
    (True, True)
    """
    walk = random_walk(n_bars, seed, timeframe=timeframe)
    rng = np.random.default_rng(seed + 1)
    jumps = np.cumprod(np.where(rng.random(n_bars) < 0.01, rng.choice([0.8, 1.25], n_bars), 1.0))
    volume = np.where(np.arange(n_bars) // 40 % 5 == 0, 0.0, walk.volume)
    jumped = _bars(walk.close * jumps, rng.uniform(0.0, 0.02, (2, n_bars)), volume, timeframe)
    is_there = rng.random(n_bars) > 0.02
    columns = {name: getattr(jumped, name)[is_there] for name in ("open", "high", "low", "close", "volume")}
    return Bars(_SYMBOL, timeframe, jumped.ts[is_there], **columns)


def _bars(close: FloatArray, reach: FloatArray, volume: FloatArray, timeframe: str) -> Bars:
    """Bars that open where the last one closed."""
    open_ = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(open_, close) * (1.0 + reach[0]), np.minimum(open_, close) * (1.0 - reach[1])
    ts = timeframe_ms(timeframe) * np.arange(close.size, dtype=np.int64)
    return Bars(_SYMBOL, timeframe, ts, open_, high, low, close, volume)
