"""Volume-weighted average price of a window."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators.known import by_known_runs
from quant_pipelines.indicators.sma import sma
from quant_pipelines.indicators.ta_lib import ta_lib


@by_known_runs
def rolling_vwap(price: FloatArray, volume: FloatArray, window: int) -> FloatArray:
    """Average price of the last ``window`` bars, weighted by their volume.

    Parameters
    ----------
    price, volume
        ndarray of shape (n_bars,), float64; NaN where it is not known.
    window
        Bars, at least 1.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        Quote per base; NaN for the first ``window - 1`` bars and where nothing traded in the window.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import rolling_vwap
    >>> price, volume = np.array([10.0, 20.0, 20.0, 20.0]), np.array([1.0, 3.0, 0.0, 0.0])
    >>> rolling_vwap(price, volume, 2)  # nothing traded in the last two bars
    array([ nan, 17.5, 20. ,  nan])
    """
    has_traded = ta_lib("MAX", volume, window=window) > 0 if window > 1 else volume > 0
    average = np.full(price.size, np.nan)
    np.divide(sma(price * volume, window), sma(volume, window), out=average, where=has_traded)
    return average
