"""Average true range."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import kernel
from quant_pipelines.indicators.known import by_known_runs


@by_known_runs
@kernel
def atr(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Wilder's average true range (New Concepts in Technical Trading Systems, 1978).

    Seeded with the mean of the true ranges of bars 1 to ``window``; the first bar has no close before it.

    Parameters
    ----------
    high, low, close
        ndarray of shape (n_bars,), float64; NaN where it is not known.
    window
        Bars, at least 1.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        Quote per base, never negative; NaN for the first ``window`` bars.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import atr
    >>> high, low = np.array([11.0, 12.0, 12.0, 16.0]), np.array([9.0, 10.0, 11.0, 14.0])
    >>> atr(high, low, np.full(4, 10.0), 2)  # true ranges from bar 1 on: 2, 2 and 6
    array([nan, nan,  2.,  4.])
    """
    result = np.full(close.size, np.nan)
    average = 0.0
    for i in range(1, close.size):
        true_range = max(high[i], close[i - 1]) - min(low[i], close[i - 1])
        if i <= window:
            average += true_range / window
        else:
            average += (true_range - average) / window
        if i >= window:
            result[i] = average
    return result
