"""Interval of a Sharpe ratio that keeps the dependence between neighboring days.

References
----------
.. [1] Politis, Romano (1994), The Stationary Bootstrap, Journal of the American Statistical Association 89.
"""

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.jit import kernel
from quant_pipelines.metrics.rounding import is_rounding


def stationary_bootstrap_indices(
    n_observations: int,
    n_resamples: int,
    *,
    mean_block: float,
    generator: np.random.Generator,
    length: int | None = None,
) -> IntArray:
    """Positions of resampled series: blocks of geometric length that wrap around the end, [1]_ section 2.

    Parameters
    ----------
    n_observations
        Length of the series.
    n_resamples
        Number of resamples.
    mean_block
        Mean length of a block, at least 1.
    generator
        Source of randomness.
    length
        Observations of each resample; by default as many as the series has.

    Returns
    -------
    ndarray of shape (length, n_resamples), int64

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.overfit import stationary_bootstrap_indices
    >>> generator = np.random.default_rng(1)
    >>> indices = stationary_bootstrap_indices(5, 1000, mean_block=1e9, generator=generator)
    >>> indices.shape, bool((np.diff(indices, axis=0) % 5 == 1).all())  # one block, around the end
    ((5, 1000), True)
    """
    length = n_observations if length is None else length
    starts, is_start = _drawn(generator, n_observations, length, n_resamples, mean_block)
    return _continued(starts, is_start, n_observations)


def _drawn(
    generator: np.random.Generator, n_observations: int, length: int, n_resamples: int, mean_block: float
) -> tuple[IntArray, BoolArray]:
    """Draw where blocks would start, and where one does."""
    starts = generator.integers(0, n_observations, (length, n_resamples))
    return starts, generator.random((length, n_resamples)) < 1.0 / mean_block


@kernel
def _following(at: int, start: int, is_start: bool, n_observations: int) -> int:
    """Position after another one, around the end, or that of a block that starts here."""
    following = 0 if at + 1 == n_observations else at + 1
    return start if is_start else following


@kernel
def _continued(starts: IntArray, is_start: BoolArray, n_observations: int) -> IntArray:
    """Go on from each start to the next one, around the end."""
    positions = np.empty(starts.shape, np.int64)
    for column in range(starts.shape[1]):
        positions[0, column] = starts[0, column]
    for row in range(1, starts.shape[0]):
        for column in range(starts.shape[1]):
            known = positions[row - 1, column]
            positions[row, column] = _following(
                known, starts[row, column], is_start[row, column], n_observations
            )
    return positions


def bootstrap_sharpe_interval(
    returns: FloatArray,
    *,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    mean_block: float | None = None,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of the Sharpe ratio per period under the stationary bootstrap.

    Parameters
    ----------
    returns
        ndarray of shape (n_periods,), float64, without NaN.
    confidence
        Share of resamples inside the interval.
    n_resamples
        Number of resamples.
    mean_block
        Mean block length in periods; by default the cube root of the number of periods, the rate at which
        the optimal length grows.
    seed
        Seed of the resampling.

    Raises
    ------
    OptimizationError
        If there are fewer than 2 returns.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.overfit import bootstrap_sharpe_interval
    >>> days = np.random.default_rng(1).normal(0.0, 0.01, 1000)  # luck alone
    >>> for n in (100, 1000):
    ...     low, high = bootstrap_sharpe_interval(days[:n])
    ...     print(n, "days:", round(high - low, 1))
    100 days: 0.3
    1000 days: 0.1
    """
    n = int(returns.size)
    if n < 2:
        raise OptimizationError(f"returns have length {n}; expected at least 2")
    block = mean_block if mean_block is not None else max(1.0, n ** (1 / 3))
    generator = np.random.default_rng(seed)
    draws = _drawn(generator, n, n, n_resamples, block)
    total, squares, largest = _spread(np.ascontiguousarray(returns, np.float64), *draws)
    deviation = np.sqrt(squares / (n - 1))
    still = is_rounding(deviation, largest[None, :])
    sharpes = np.where(still, 0.0, (total / n) / np.where(still, 1.0, deviation))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(sharpes, [tail, 1.0 - tail])
    return float(low), float(high)


@kernel
def _spread(
    returns: FloatArray, starts: IntArray, is_start: BoolArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sum, squared deviations from the mean, and largest size of each resample, to the bit as numpy has them.

    No resample is ever stored: they are many times as large as what is asked of them.
    """
    n, columns = starts.shape
    total, squares, largest = np.zeros(columns), np.zeros(columns), np.zeros(columns)
    at = np.empty(columns, np.int64)
    for row in range(n):
        for column in range(columns):
            at[column] = _following(at[column], starts[row, column], row == 0 or is_start[row, column], n)
            value = returns[at[column]]
            total[column] += value
            largest[column] = max(largest[column], abs(value))
    for row in range(n):
        for column in range(columns):
            at[column] = _following(at[column], starts[row, column], row == 0 or is_start[row, column], n)
            apart = returns[at[column]] - total[column] / n
            squares[column] += apart * apart
    return total, squares, largest
