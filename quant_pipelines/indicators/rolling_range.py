"""Highest and lowest value of a window."""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import kernel
from quant_pipelines.indicators.known import by_known_runs


class Range(NamedTuple):
    """Lowest and highest value, each of shape (n_bars,).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import rolling_range
    >>> low, high = rolling_range(np.array([1.0, 3.0, 2.0]), np.array([2.0, 4.0, 3.0]), 2)
    >>> low, high
    (array([nan,  1.,  2.]), array([nan,  4.,  4.]))
    """

    low: FloatArray
    high: FloatArray


@by_known_runs
def rolling_range(low: FloatArray, high: FloatArray, window: int) -> Range:
    """Compute the lowest low and the highest high of the last ``window`` bars, this one included.

    Parameters
    ----------
    low, high
        ndarray of shape (n_bars,), float64; the same one twice for the range of one series.
    window
        Bars, at least 2.

    Returns
    -------
    Range
        NaN for the first ``window - 1`` bars.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import rolling_range
    >>> close = np.array([1.0, 3.0, 2.0, 5.0])
    >>> rolling_range(close, close, 3).high  # this bar included: compare with the bar before for a breakout
    array([nan, nan,  3.,  5.])
    """
    return Range(lowest(low, window), 0.0 - lowest(0.0 - high, window))


@kernel
def lowest(values: FloatArray, window: int) -> FloatArray:
    """Lowest of the last ``window`` known values, NaN before there are as many, [1]_.

    References
    ----------
    .. [1] van Herk (1992), A fast algorithm for local minimum and maximum filters, Pattern Recognition
       Letters 13: a window spans at most two blocks, of whose parts the lowest values are known.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators.rolling_range import lowest
    >>> lowest(np.array([3.0, 1.0, 2.0]), 2)
    array([nan,  1.,  1.])
    """
    n_bars = values.size
    result, to_end = np.full(n_bars, np.nan), np.empty(n_bars)
    for first in range(0, n_bars, window):
        last = min(first + window, n_bars) - 1
        least = values[last]
        for k in range(last - first + 1):
            least = min(least, values[last - k])
            to_end[last - k] = least
    for first in range(0, n_bars, window):
        least = values[first]
        for i in range(first, min(first + window, n_bars)):
            least = min(least, values[i])
            if i >= window - 1:
                result[i] = min(to_end[i - window + 1], least)
    return result
