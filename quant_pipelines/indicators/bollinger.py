"""Bollinger bands."""

from typing import NamedTuple

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators.known import by_known_runs
from quant_pipelines.indicators.memo import remembered
from quant_pipelines.indicators.rolling_std import rolling_std
from quant_pipelines.indicators.sma import sma


class Bands(NamedTuple):
    """Lower band, middle and upper band, each of shape (n_bars,).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import bollinger
    >>> lower, middle, upper = bollinger(np.array([1.0, 3.0, 5.0]), 2, 1.5)
    >>> lower, upper
    (array([nan, 0.5, 2.5]), array([nan, 3.5, 5.5]))
    """

    lower: FloatArray
    middle: FloatArray
    upper: FloatArray


_mean, _deviation = remembered(sma), remembered(rolling_std)


@by_known_runs
def bollinger(values: FloatArray, window: int, width: float) -> Bands:
    """Compute the moving average and the bands ``width`` population deviations away.

    Parameters
    ----------
    values
        ndarray of shape (n_bars,), float64; NaN where it is not known.
    window
        Bars, at least 1.
    width
        Standard deviations, positive.

    Returns
    -------
    Bands
        NaN for the first ``window - 1`` bars.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import bollinger
    >>> bollinger(np.array([1.0, 3.0, 3.0]), 2, 2.0)  # the deviation of 1 and 3 is 1, of 3 and 3 is 0
    Bands(lower=array([nan,  0.,  3.]), middle=array([nan,  2.,  3.]), upper=array([nan,  4.,  3.]))
    """
    middle = _mean(values, window)
    reach = width * _deviation(values, window)
    return Bands(middle - reach, middle, middle + reach)
