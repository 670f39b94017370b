"""Supertrend."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import kernel
from quant_pipelines.indicators.known import by_known_runs


@by_known_runs
@kernel
def supertrend(
    middle: FloatArray, close: FloatArray, average_range: FloatArray, multiple: float
) -> FloatArray:
    """Side of the trend by bands that only ever tighten while it lasts (Olivier Seban's rule).

    Parameters
    ----------
    middle, close
        Mean of high and low, and close: ndarray of shape (n_bars,), float64; NaN where it is not known.
    average_range
        Average true range; NaN while it is not known, the first bar included.
    multiple
        Distance of the bands in average ranges, positive.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        1 or -1; NaN until the first close outside a band.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import supertrend
    >>> close = np.array([10.0, 10.0, 12.0, 11.5, 8.0])
    >>> supertrend(close, close, np.array([np.nan, 1.0, 1.0, 1.0, 1.0]), 1.0)
    array([nan, nan,  1.,  1., -1.])
    """
    result = np.full(close.size, np.nan)
    side, lower, upper = 0.0, -np.inf, np.inf
    for i in range(close.size):
        if np.isnan(average_range[i]):
            continue
        reach = multiple * average_range[i]
        below, above = middle[i] - reach, middle[i] + reach
        if close[i] > upper:
            side = 1.0
        elif close[i] < lower:
            side = -1.0
        lower = max(below, lower) if close[i - 1] >= lower else below
        upper = min(above, upper) if close[i - 1] <= upper else above
        if side != 0.0:
            result[i] = side
    return result
