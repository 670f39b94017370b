"""Turns of opinion: from what happens on single bars to what a strategy holds."""

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray


def held(opinion: FloatArray) -> FloatArray:
    """Keep each opinion until the next one.

    Parameters
    ----------
    opinion
        ndarray of shape (n_bars,), float64; NaN where a bar changes nothing.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        The newest opinion at or before each bar; NaN before the first one.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import held
    >>> held(np.array([np.nan, 1.0, np.nan, 0.0, np.nan]))
    array([nan,  1.,  1.,  0.,  0.])
    """
    if opinion.size == 0:
        return opinion.copy()
    newest = np.maximum.accumulate(np.where(np.isnan(opinion), 0, np.arange(opinion.size)))
    return opinion[newest]


def turned(state: BoolArray) -> BoolArray:
    """Tell on which bars a state differs from the bar before; never on the first one.

    Parameters
    ----------
    state
        ndarray of shape (n_bars,), bool.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import turned
    >>> turned(np.array([True, True, False, True]))
    array([False, False,  True,  True])
    """
    result = np.zeros(state.size, dtype=bool)
    result[1:] = state[1:] != state[:-1]
    return result
