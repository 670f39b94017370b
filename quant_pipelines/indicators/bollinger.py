"""Bollinger bands."""

from typing import NamedTuple

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators.rolling_std import rolling_std
from quant_pipelines.indicators.sma import sma


class Bands(NamedTuple):
    """Lower band, middle and upper band, each of shape (n_bars,)."""

    lower: FloatArray
    middle: FloatArray
    upper: FloatArray


def bollinger(values: FloatArray, window: int, width: float) -> Bands:
    """Compute the moving average and the bands ``width`` population deviations away.

    Parameters
    ----------
    values
        ndarray of shape (n_bars,), float64, without NaN.
    window
        Bars, at least 1.
    width
        Standard deviations, positive.

    Returns
    -------
    Bands
        NaN for the first ``window - 1`` bars.
    """
    middle = sma(values, window)
    reach = width * rolling_std(values, window)
    return Bands(middle - reach, middle, middle + reach)
