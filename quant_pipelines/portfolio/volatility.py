"""Realized volatility of closes."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import DAY_MS, YEAR_DAYS
from quant_pipelines.indicators import rolling_std


def realized_volatility(bars: Bars, window: int) -> FloatArray:
    """Annualized standard deviation of log returns over the last ``window`` bars.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        Fraction a year (365 days); ``out[i]`` uses bars ``[: i + 1]``; NaN for the first ``window`` bars.
    """
    result = np.full(len(bars), np.nan)
    if len(bars) > 1:
        deviation = rolling_std(np.diff(np.log(bars.close)), window)
        result[1:] = deviation * np.sqrt(YEAR_DAYS * DAY_MS / bars.step_ms)
    return result
