"""Distance from the mean in deviations."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators.known import by_known_runs
from quant_pipelines.indicators.rolling_std import rolling_std
from quant_pipelines.indicators.sma import sma

_ROUNDING = 1e-9
"""Deviations below this share of the mean are the rounding of a series that stands still."""


@by_known_runs
def rolling_z(values: FloatArray, window: int) -> FloatArray:
    """Distance from the mean of the last ``window`` values, in their population deviations.

    Parameters
    ----------
    values
        ndarray of shape (n_bars,), float64; NaN where it is not known.
    window
        Bars, at least 2.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        NaN for the first ``window - 1`` bars; 0 where the values did not move.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import rolling_z
    >>> rolling_z(np.array([1.0, 3.0, 3.0]), 2)
    array([nan,  1.,  0.])
    """
    mean, deviation = sma(values, window), rolling_std(values, window)
    has_moved = deviation > _ROUNDING * np.abs(mean)
    result: FloatArray = np.divide(values - mean, deviation, out=np.zeros(values.size), where=has_moved)
    result[: window - 1] = np.nan
    return result
