"""Relative strength index."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators.known import by_known_runs
from quant_pipelines.indicators.ta_lib import ta_lib


@by_known_runs
def rsi(values: FloatArray, window: int) -> FloatArray:
    """Wilder's relative strength index (New Concepts in Technical Trading Systems, 1978), as TA-Lib has it.

    Parameters
    ----------
    values
        ndarray of shape (n_bars,), float64; NaN where it is not known.
    window
        Bars, at least 2.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        0 to 100; NaN for the first ``window`` bars. 50 before the price first moved, where TA-Lib says 0;
        the value stays while a price stands still.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import rsi
    >>> rsi(np.array([1.0, 2.0, 3.0, 1.0]), 2)  # only gains, then a loss of 2 against a mean gain of 1
    array([         nan,          nan, 100.        ,  33.33333333])
    >>> rsi(np.ones(4), 2)
    array([nan, nan, 50., 50.])
    """
    result = ta_lib("RSI", values, window=window)
    change = np.diff(values, prepend=values[:1])
    has_moved = np.logical_or.accumulate(change != 0.0)
    # While a price stands still gains and losses fade alike, at last to nothing: their ratio is the last one.
    is_still = change == 0.0
    is_still[: window + 1] = False
    last = np.maximum.accumulate(np.where(is_still, 0, np.arange(values.size)))
    return np.where(has_moved | np.isnan(result), result[last], 50.0)
