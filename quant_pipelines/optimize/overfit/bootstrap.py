"""Interval of a Sharpe ratio that keeps the dependence between neighboring days.

References
----------
.. [1] Politis, Romano (1994), The Stationary Bootstrap, Journal of the American Statistical Association 89.
"""

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.jit import kernel
from quant_pipelines.optimize.overfit.moments import sharpe_of_columns


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
    shape = (n_observations if length is None else length, n_resamples)
    starts = generator.integers(0, n_observations, shape)
    is_start = generator.random(shape) < 1.0 / mean_block
    return _continued(starts, is_start, n_observations)


@kernel
def _continued(starts: IntArray, is_start: BoolArray, n_observations: int) -> IntArray:
    """Go on from each start to the next one, around the end."""
    positions = np.empty(starts.shape, np.int64)
    for column in range(starts.shape[1]):
        positions[0, column] = starts[0, column]
    for row in range(1, starts.shape[0]):
        for column in range(starts.shape[1]):
            following = positions[row - 1, column] + 1
            following = 0 if following == n_observations else following
            positions[row, column] = starts[row, column] if is_start[row, column] else following
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
    indices = stationary_bootstrap_indices(n, n_resamples, mean_block=block, generator=generator)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(sharpe_of_columns(returns[indices]), [tail, 1.0 - tail])
    return float(low), float(high)
