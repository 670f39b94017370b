"""Rolling standard deviation."""

import math

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import kernel
from quant_pipelines.indicators.known import by_known_runs


@by_known_runs
@kernel
def rolling_std(values: FloatArray, window: int) -> FloatArray:
    """Compute the population standard deviation (ddof 0) of the last ``window`` values.

    Parameters
    ----------
    values
        ndarray of shape (n_bars,), float64; NaN where it is not known.
    window
        Bars, at least 1.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        Never negative; NaN for the first ``window - 1`` bars.

    Notes
    -----
    Welford's update for a sliding window: mean and centered sum of squares are carried, so that a large
    mean doesn't cancel a small deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import rolling_std
    >>> rolling_std(np.array([1.0, 3.0, 3.0]), 2)
    array([nan,  1.,  0.])
    """
    result = np.full(values.size, np.nan)
    mean = 0.0
    squares = 0.0
    for i in range(values.size):
        value = values[i]
        if i < window:
            change = value - mean
            mean += change / (i + 1)
            squares += change * (value - mean)
        else:
            old = values[i - window]
            before = mean
            mean += (value - old) / window
            squares += (value - old) * (value - mean + old - before)
        if i >= window - 1:
            result[i] = math.sqrt(max(squares, 0.0) / window)
    return result
