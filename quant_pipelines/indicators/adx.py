"""Average directional index."""

from typing import NamedTuple

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators.known import by_known_runs
from quant_pipelines.indicators.ta_lib import ta_lib


class Direction(NamedTuple):
    """Strength of the trend and its two sides, 0 to 100, each of shape (n_bars,).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import adx
    >>> rising = np.arange(100.0, 110.0)
    >>> direction = adx(rising + 1.0, rising - 1.0, rising, 3)
    >>> bool(direction.plus[-1] > direction.minus[-1])  # the upward side is the stronger one
    True
    """

    adx: FloatArray
    plus: FloatArray
    minus: FloatArray


@by_known_runs
def adx(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> Direction:
    """Compute Wilder's directional movement (New Concepts in Technical Trading Systems, 1978) by TA-Lib.

    Parameters
    ----------
    high, low, close
        ndarray of shape (n_bars,), float64; NaN where it is not known.
    window
        Bars, at least 2.

    Returns
    -------
    Direction
        NaN for the first ``2 * window - 1`` bars of ``adx``, and ``window`` bars of the sides.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import adx
    >>> rising = np.arange(100.0, 110.0)
    >>> found = adx(rising + 1.0, rising - 1.0, rising, 3)
    >>> found.adx  # a trend without a setback; known after 2 * 3 - 1 bars
    array([ nan,  nan,  nan,  nan,  nan, 100., 100., 100., 100., 100.])
    >>> found.minus
    array([nan, nan, nan,  0.,  0.,  0.,  0.,  0.,  0.,  0.])
    """
    sides = ("ADX", "PLUS_DI", "MINUS_DI")
    return Direction(*(ta_lib(name, high, low, close, window=window) for name in sides))
