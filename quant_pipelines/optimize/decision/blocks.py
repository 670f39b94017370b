"""How many days a resampled block holds, so that what depends on each other stays together.

References
----------
.. [1] Politis, White (2004), Automatic Block-Length Selection for the Dependent Bootstrap, Econometric
   Reviews 23(1), section 3; corrected by Patton, Politis, White (2009), Econometric Reviews 28(4), which
   leaves the constant of the circular bootstrap as it was.
"""

import math

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.metrics.rounding import is_rounding
from quant_pipelines.optimize.decision.records import length_of_records

_FEWEST_DAYS = 8


def politis_white_length(returns: FloatArray) -> float:
    """Block length of the circular bootstrap with the least mean squared error of the variance, [1]_.

    For several records it is the minimizer of the sum of their errors, each in units of its own variance:
    ``(2 sum G_k^2 / sum D_k * n)^(1/3)``, where [1]_ has ``(2 G^2 / D * n)^(1/3)`` for one.

    Parameters
    ----------
    returns
        Daily returns, fractions. ndarray of shape (n_days, n_candidates), float64; NaN before a record
        begins. Records of fewer than 8 days and those that never move say nothing.

    Returns
    -------
    float
        At least 1 day, at most ``min(3 sqrt(n), n / 3)`` of the longest record.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import politis_white_length
    >>> days = np.random.default_rng(1).normal(0.0, 0.01, (1000, 8))
    >>> round(politis_white_length(days), 1)  # independent days
    1.9
    >>> tenth = np.cumsum(days, axis=0)
    >>> round(politis_white_length((tenth[10:] - tenth[:-10]) / 10.0), 1)  # each is spread over ten
    30.1
    """
    lengths = length_of_records(returns)
    squares, spreads, longest = 0.0, 0.0, 0
    for column, length in zip(returns.T, lengths, strict=True):
        record = column[column.size - length :]
        if length < _FEWEST_DAYS or is_rounding(record.std(), record):
            continue
        square, spread = _bias_and_spread((record - record.mean()) / record.std())
        squares, spreads, longest = squares + square, spreads + spread, max(longest, int(length))
    if spreads <= 0.0:
        return 1.0
    most = math.ceil(min(3.0 * math.sqrt(longest), longest / 3.0))
    length = math.pow(2.0 * squares / spreads * longest, 1.0 / 3.0)
    return min(max(length, 1.0), most)


def block_length(returns: FloatArray, longest_holding_days: int) -> int:
    """Whole days of a block: the larger of Politis and White's and the longest holding.

    Raises
    ------
    OptimizationError
        If the longest holding is less than a day; a shorter one counts as one day.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import block_length
    >>> days = np.random.default_rng(1).normal(0.0, 0.01, (1000, 8))
    >>> block_length(days, 1), block_length(days, 14)
    (2, 14)
    """
    if longest_holding_days < 1:
        raise OptimizationError(f"longest_holding_days is {longest_holding_days}; expected at least 1")
    return max(math.ceil(politis_white_length(returns)), longest_holding_days)


def _bias_and_spread(deviations: FloatArray) -> tuple[float, float]:
    """Squared ``G`` and ``D_CB`` of [1]_, section 3, by its flat-top window."""
    n = deviations.size
    last = math.ceil(math.sqrt(n)) + max(5, int(math.log10(n)))
    last = min(last, n - 1)
    covariances = np.array([deviations[lag:] @ deviations[: n - lag] / n for lag in range(last + 1)])
    lags = np.arange(1, min(_bandwidth(covariances / covariances[0], n), last) + 1)
    weights = np.minimum(1.0, 2.0 * (1.0 - lags / lags[-1]))
    bias = 2.0 * float(np.sum(weights * lags * covariances[lags]))
    long_run = float(covariances[0] + 2.0 * np.sum(weights * covariances[lags]))
    return bias**2, 4.0 / 3.0 * long_run**2


def _bandwidth(correlations: FloatArray, n: int) -> int:
    """Twice the first lag from which enough correlations in a row are nothing.

    [1]_, footnote c, has the lag before; the code that its authors published takes that lag itself.
    """
    in_a_row = max(5, int(math.log10(n)))
    is_nothing = np.abs(correlations[1:]) < 2.0 * math.sqrt(math.log10(n) / n)
    for lag in range(is_nothing.size - in_a_row + 1):
        if is_nothing[lag : lag + in_a_row].all():
            return 2 * (lag + 1)
    return 2 * is_nothing.size
