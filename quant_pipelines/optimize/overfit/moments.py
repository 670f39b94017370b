"""The moments that Sharpe-ratio statistics ask for, per period."""

import math
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.metrics.rounding import is_rounding


class Moments(NamedTuple):
    """Per-period moments of a return series.

    Parameters
    ----------
    sharpe
        Mean over standard deviation (ddof 1), not annualized; NaN for returns that are all the same.
    skew
        Third standardized moment, biased; 0 for a normal.
    kurtosis
        Pearson, biased; 3 for a normal.
    n_observations
        Number of returns.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.overfit import moments_of, probabilistic_sharpe_ratio
    >>> moments = moments_of(np.array([0.01, -0.01, 0.02]))
    >>> round(probabilistic_sharpe_ratio(**moments._asdict()), 2)  # by the same names
    0.71
    """

    sharpe: float
    skew: float
    kurtosis: float
    n_observations: int


def moments_of(returns: FloatArray) -> Moments:
    """Per-period moments of a return series.

    Parameters
    ----------
    returns
        Simple returns, fractions. ndarray of shape (n_periods,), float64, without NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.overfit import moments_of
    >>> moments = moments_of(np.array([0.01, 0.03]))
    >>> round(moments.sharpe, 4), round(moments.kurtosis, 4), moments.n_observations  # 0.02 / 0.01414
    (1.4142, 1.0, 2)
    >>> moments_of(np.full(3, 0.01))  # all the same
    Moments(sharpe=nan, skew=0.0, kurtosis=3.0, n_observations=3)
    """
    n = int(returns.size)
    deviations = returns - returns.mean() if n else returns
    variance = float(np.mean(deviations**2)) if n else 0.0
    if n < 2 or is_rounding(math.sqrt(variance), returns):
        return Moments(math.nan, 0.0, 3.0, n)
    return Moments(
        sharpe=float(returns.mean() / returns.std(ddof=1)),
        skew=float(np.mean(deviations**3) / variance**1.5),
        kurtosis=float(np.mean(deviations**4) / variance**2),
        n_observations=n,
    )


def sharpe_of_columns(returns: FloatArray) -> FloatArray:
    """Per-period Sharpe ratio of each column; 0 where all values are the same, so that it can be ranked.

    Parameters
    ----------
    returns
        ndarray of shape (n_periods, n_series), float64.

    Returns
    -------
    ndarray of shape (n_series,), float64

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.overfit import sharpe_of_columns
    >>> sharpe_of_columns(np.array([[0.01, 0.01], [0.03, 0.01]])).round(4)
    array([1.4142, 0.    ])
    """
    if len(returns) < 2:
        return np.zeros(returns.shape[1])
    deviation = returns.std(axis=0, ddof=1)
    still = is_rounding(deviation, returns)
    return np.where(still, 0.0, returns.mean(axis=0) / np.where(still, 1.0, deviation))
