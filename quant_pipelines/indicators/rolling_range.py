"""Highest and lowest value of a window."""

from typing import NamedTuple

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators.known import by_known_runs
from quant_pipelines.indicators.ta_lib import ta_lib


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
    return Range(ta_lib("MIN", low, window=window), ta_lib("MAX", high, window=window))
