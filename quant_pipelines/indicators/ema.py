"""Exponential moving average."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import kernel
from quant_pipelines.indicators.known import by_known_runs


@by_known_runs
@kernel
def ema(values: FloatArray, window: int) -> FloatArray:
    """Exponential moving average with ``alpha = 2 / (window + 1)``, seeded with the first value.

    Same as ``pandas.Series.ewm(span=window, adjust=False).mean()``.

    Parameters
    ----------
    values
        ndarray of shape (n_bars,), float64; NaN where it is not known.
    window
        Span in bars, at least 1.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        Defined from the first bar; it has forgotten its seed after a few windows.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import ema
    >>> ema(np.array([1.0, 3.0, 3.0]), 3)  # each bar moves half of the way
    array([1. , 2. , 2.5])
    """
    alpha = 2.0 / (window + 1.0)
    result = np.empty(values.size)
    if values.size == 0:
        return result
    average = values[0]
    for i in range(values.size):
        average += alpha * (values[i] - average)
        result[i] = average
    return result
