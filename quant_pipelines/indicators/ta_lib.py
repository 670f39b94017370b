"""TA-Lib, imported when an indicator first asks: it brings pandas along, which takes a second."""

import importlib
import threading
from typing import Any

import numpy as np

from quant_pipelines.core.arrays import FloatArray

_ONE_AT_A_TIME = threading.Lock()


def ta_lib(name: str, *columns: FloatArray, window: int) -> FloatArray:
    """Values of one of its functions, whatever the process has set in it.

    Parameters
    ----------
    name
        Of the function.
    columns
        ndarrays of shape (n_bars,), float64, finite.
    window
        Bars.

    Notes
    -----
    The unstable period and the compatibility are variables of the whole process, which every thread shares;
    ours are always 0, as TA-Lib begins. It refuses to set them while another thread computes.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators.ta_lib import ta_lib
    >>> ta_lib("MAX", np.array([1.0, 3.0, 2.0]), window=2)
    array([nan,  3.,  3.])
    """
    if not columns[0].size:
        return np.empty(0)
    library: Any = importlib.import_module("talib")
    with _ONE_AT_A_TIME:
        library.set_unstable_period("ALL", 0)
        library.set_compatibility(0)
        found: FloatArray = getattr(library, name)(*columns, window)
    return found
