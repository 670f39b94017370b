"""Relative strength index."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators.ta_lib import ta_lib


def rsi(values: FloatArray, window: int) -> FloatArray:
    """Wilder's relative strength index (New Concepts in Technical Trading Systems, 1978), as TA-Lib has it.

    Parameters
    ----------
    values
        ndarray of shape (n_bars,), float64, without NaN.
    window
        Bars, at least 2.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        0 to 100; NaN for the first ``window`` bars. 50 while the price has never moved, where TA-Lib says 0.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import rsi
    >>> rsi(np.array([1.0, 2.0, 3.0, 1.0]), 2)  # only gains, then a loss of 2 against a mean gain of 1
    array([         nan,          nan, 100.        ,  33.33333333])
    >>> rsi(np.ones(4), 2)
    array([nan, nan, 50., 50.])
    """
    if values.size == 0:
        return values.copy()
    result = ta_lib().RSI(values, window)
    has_moved = np.logical_or.accumulate(np.diff(values, prepend=values[0]) != 0)
    return np.where(has_moved | np.isnan(result), result, 50.0)
