"""Simple moving average."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import kernel
from quant_pipelines.indicators.known import by_known_runs


@by_known_runs
@kernel
def sma(values: FloatArray, window: int) -> FloatArray:
    """Mean of the last ``window`` values.

    Parameters
    ----------
    values
        ndarray of shape (n_bars,), float64; NaN where it is not known.
    window
        Bars, at least 1.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        NaN for the first ``window - 1`` bars.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import sma
    >>> sma(np.array([1.0, 3.0, 5.0]), 2)
    array([nan,  2.,  4.])
    """
    result = np.full(values.size, np.nan)
    total = 0.0
    for i in range(values.size):
        total += values[i]
        if i >= window:
            total -= values[i - window]
        if i >= window - 1:
            result[i] = total / window
    return result
