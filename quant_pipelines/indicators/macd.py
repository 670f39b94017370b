"""Moving average convergence divergence."""

from typing import NamedTuple

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators.ema import ema
from quant_pipelines.indicators.known import by_known_runs
from quant_pipelines.indicators.memo import remembered


class Macd(NamedTuple):
    """Line, its signal, and their difference, each of shape (n_bars,).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import macd
    >>> line, signal, histogram = macd(np.array([1.0, 3.0, 3.0]), 1, 3, 1)
    >>> line, histogram
    (array([0. , 1. , 0.5]), array([0., 0., 0.]))
    """

    line: FloatArray
    signal: FloatArray
    histogram: FloatArray


_average = remembered(ema)


@by_known_runs
def macd(values: FloatArray, fast: int, slow: int, signal: int) -> Macd:
    """Compute the difference of two moving averages, and its own moving average (Appel, 1979).

    The averages are those of ``ema``: seeded with the first value, unlike TA-Lib's, and equal to them once
    both have forgotten their seeds.

    Parameters
    ----------
    values
        ndarray of shape (n_bars,), float64; NaN where it is not known.
    fast, slow, signal
        Spans in bars, at least 1.

    Returns
    -------
    Macd
        Quote per base, defined from the first bar.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import macd
    >>> macd(np.array([1.0, 3.0, 3.0]), 1, 3, 3).line  # the price less its average over three bars
    array([0. , 1. , 0.5])
    """
    line = _average(values, fast) - _average(values, slow)
    smoothed = ema(line, signal)
    return Macd(line, smoothed, line - smoothed)
