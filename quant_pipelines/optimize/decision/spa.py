"""The day's global question: whether there is any edge at all among all candidates.

References
----------
.. [1] Hansen (2005), A Test for Superior Predictive Ability, Journal of Business & Economic Statistics
   23(4): the studentized statistic, the consistent recentering and its p value.
.. [2] Politis, Romano (1992), A Circular Block-Resampling Procedure for Stationary Data.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.jit import kernel
from quant_pipelines.metrics.rounding import is_rounding
from quant_pipelines.optimize.decision.records import filled, length_of_records


def superior_predictive_ability(
    returns: FloatArray, *, block: int, n_resamples: int = 2000, seed: int = 0
) -> float:
    """Probability of so good a best candidate if no candidate had a positive mean, [1]_.

    Parameters
    ----------
    returns
        Daily net returns, fractions. ndarray of shape (n_days, n_candidates), float64; NaN before a record
        begins.
    block
        Days of a block of the circular bootstrap, [2]_; see ``block_length``.
    n_resamples
        Number of resamples.
    seed
        Of the resampling.

    Returns
    -------
    float
        1 where no candidate moves or has a positive mean.

    Raises
    ------
    OptimizationError
        If there are fewer than 3 days, or no block fits.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import superior_predictive_ability
    >>> luck = np.random.default_rng(1).normal(0.0, 0.01, (500, 10))
    >>> edge = luck + np.where(np.arange(10) == 3, 0.002, 0.0)
    >>> superior_predictive_ability(luck, block=2) > 0.1, superior_predictive_ability(edge, block=2) < 0.01
    (True, True)
    """
    pool = filled(returns)
    n_days = pool.shape[0]
    if n_days < 3 or not 1 <= block <= n_days:
        raise OptimizationError(f"block is {block} of {n_days} days; expected 1 to all of at least 3 days")
    moving = ~is_rounding(pool.std(axis=0), pool) & (length_of_records(returns) > 1)
    if not moving.any():
        return 1.0
    pool, lengths = pool[:, moving], length_of_records(returns)[moving]
    mean = pool.mean(axis=0)
    resampled = _resampled_sums(pool, block, n_resamples, seed) / n_days - mean
    deviation = resampled.std(axis=0)
    # A short record fills all days by repetition; its mean is as uncertain as its own days leave it.
    observed = np.nanmean(returns[:, moving], axis=0) / (deviation * np.sqrt(n_days / lengths))
    hopeless = observed < -math.sqrt(2.0 * math.log(math.log(n_days)))
    shifted = resampled / deviation + np.where(hopeless, observed, 0.0)
    best = max(float(observed.max()), 0.0)
    return float(np.mean(np.maximum(shifted.max(axis=1), 0.0) >= best))


def _resampled_sums(pool: FloatArray, block: int, n_resamples: int, seed: int) -> FloatArray:
    """Sum over the days of each resample, shape (n_resamples, n_candidates); the last block may be cut."""
    n_days = pool.shape[0]
    n_blocks = -(-n_days // block)
    starts = np.random.default_rng(seed).integers(0, n_days, (n_resamples, n_blocks))
    sums = np.zeros((n_resamples, pool.shape[1]))
    cut = n_days - (n_blocks - 1) * block
    _add_blocks(_sums_from(pool, block), _sums_from(pool, cut), starts, sums)
    return sums


def _sums_from(pool: FloatArray, block: int) -> FloatArray:
    """Sum of the block that begins on each day, around the end."""
    around = np.vstack([pool, pool[: block - 1]])
    return np.asarray(sliding_window_view(around, block, axis=0).sum(axis=-1))


@kernel
def _add_blocks(whole: FloatArray, cut: FloatArray, starts: IntArray, sums: FloatArray) -> None:
    for resample in range(starts.shape[0]):
        for place in range(starts.shape[1] - 1):
            row = whole[starts[resample, place]]
            for k in range(row.size):
                sums[resample, k] += row[k]
        row = cut[starts[resample, -1]]
        for k in range(row.size):
            sums[resample, k] += row[k]
