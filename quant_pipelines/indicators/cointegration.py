"""Whether two series return to each other, and how far they are apart now."""

import math
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import kernel
from quant_pipelines.indicators.known import by_known_runs

_ROUNDING = 1e-18
"""A variance of log prices below this is the rounding of a series that stands still."""


class Cointegration(NamedTuple):
    """Rolling regression of one series on another and the test of what is left; see `cointegration`.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import cointegration
    >>> other = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    >>> one = 2.0 * other + np.array([0.1, -0.1, 0.1, -0.1, 0.1, -0.1])
    >>> found = cointegration(one, other, 6)
    >>> round(float(found.slope[-1]), 1), bool(found.z[-1] < 0.0)  # the newest lies below the line
    (2.0, True)
    """

    slope: FloatArray
    z: FloatArray
    statistic: FloatArray


@by_known_runs
@kernel
def cointegration(one: FloatArray, other: FloatArray, window: int) -> Cointegration:
    """Regress ``one`` on ``other`` over the last ``window`` values and test the residual for a unit root.

    Parameters
    ----------
    one, other
        Log prices. ndarray of shape (n_bars,), float64; NaN where it is not known.
    window
        Values, at least 5.

    Returns
    -------
    Cointegration of ndarrays of shape (n_bars,), float64
        ``slope`` of the regression with intercept, ``z`` the newest residual in deviations of the window's
        residuals, ``statistic`` the t value of the residual's return to its mean (more negative: stronger).
        Each window is computed by itself: a value depends on its window alone. NaN for the first
        ``window - 1`` values and where a series stands still.

    Notes
    -----
    Engle and Granger, "Co-integration and error correction", Econometrica 55 (1987), in two steps: ordinary
    least squares, then Dickey and Fuller's regression ``diff(e)[t] = c + g e[t-1]`` without lags. The usual t
    tables do not hold for it: for two series the 5 % value lies near -3.4.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import cointegration
    >>> rng = np.random.default_rng(1)
    >>> other = np.cumsum(rng.normal(0.0, 0.01, 500))
    >>> tied, free = other + rng.normal(0.0, 0.01, 500), np.cumsum(rng.normal(0.0, 0.01, 500))
    >>> [bool(cointegration(one, other, 500).statistic[-1] < -3.4) for one in (tied, free)]
    [True, False]
    """
    slope = np.full(one.size, np.nan)
    z, statistic = slope.copy(), slope.copy()
    for end in range(window, one.size + 1):
        start = end - window
        y, x = one[start:end], other[start:end]
        mean_y, mean_x = np.mean(y), np.mean(x)
        var_x, cov = 0.0, 0.0
        for i in range(window):
            var_x += (x[i] - mean_x) ** 2
            cov += (x[i] - mean_x) * (y[i] - mean_y)
        if not var_x > _ROUNDING * window:
            continue
        beta = cov / var_x
        residual = (y - mean_y) - beta * (x - mean_x)
        variance = np.sum(residual**2) / window
        if not variance > _ROUNDING:
            continue
        slope[end - 1], z[end - 1] = beta, residual[-1] / math.sqrt(variance)
        statistic[end - 1] = _return_to_mean(residual)
    return Cointegration(slope, z, statistic)


@kernel
def _return_to_mean(residual: FloatArray) -> float:
    """T value of ``g`` in ``diff(e)[t] = c + g e[t-1]``."""
    before, step = residual[:-1], np.diff(residual)
    centered, moved = before - np.mean(before), step - np.mean(step)
    spread = np.sum(centered**2)
    rate = np.sum(centered * moved) / spread
    errors = np.sum((moved - rate * centered) ** 2) / (step.size - 2)
    return float(rate / math.sqrt(errors / spread))
