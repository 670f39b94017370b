"""Highest and lowest value of a window."""

from typing import NamedTuple

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators.ta_lib import ta_lib


class Range(NamedTuple):
    """Lowest and highest value, each of shape (n_bars,)."""

    low: FloatArray
    high: FloatArray


def rolling_range(low: FloatArray, high: FloatArray, window: int) -> Range:
    """Compute the lowest low and the highest high of the last ``window`` bars, this one included.

    Parameters
    ----------
    low, high
        ndarray of shape (n_bars,), float64, without NaN; the same one twice for the range of one series.
    window
        Bars, at least 2.

    Returns
    -------
    Range
        NaN for the first ``window - 1`` bars.
    """
    if low.size == 0:
        return Range(low.copy(), high.copy())
    ta = ta_lib()
    return Range(ta.MIN(low, window), ta.MAX(high, window))
