"""Whether one record earns more than another: the difference of their returns on the same days.

References
----------
.. [1] Politis, Romano (1994), The Stationary Bootstrap, Journal of the American Statistical Association 89.
.. [2] Politis, White (2004), Automatic Block-Length Selection for the Dependent Bootstrap, Econometric
   Reviews 23(1).
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.optimize.decision.blocks import politis_white_length
from quant_pipelines.optimize.overfit import stationary_bootstrap_indices

FEWEST_PAIRED_DAYS = 8


class PairedDifference(NamedTuple):
    """First record minus second, a year: mean daily difference times 365.

    Parameters
    ----------
    days
        How many they have in common.
    difference, low, high
        Mean and its interval, fractions a year.
    block_days
        Mean length of a resampled block.

    Examples
    --------
    >>> from quant_pipelines.optimize.paired import PairedDifference
    >>> PairedDifference(365, 0.1, low=-0.2, high=0.4, block_days=2.0).is_told  # it may as well be nothing
    False
    """

    days: int
    difference: float
    low: float
    high: float
    block_days: float

    @property
    def is_told(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0.0 or self.high < 0.0


def paired_difference(
    first: FloatArray, second: FloatArray, *, confidence: float = 0.95, n_resamples: int = 4000
) -> PairedDifference:
    """Interval of the mean difference of two records, under the stationary bootstrap [1]_ of whole days.

    Days that both lived through are resampled together, so that what moves both cancels out; the mean block
    is as long as the difference depends on its past, [2]_.

    Parameters
    ----------
    first, second
        Daily returns on the same days, fractions. ndarrays of shape (n_days,), float64, without NaN.
    confidence
        Share of resamples inside the interval.
    n_resamples
        Number of resamples; their seed is fixed.

    Raises
    ------
    OptimizationError
        If the records are not of the same length, or have fewer than 8 days.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.paired import paired_difference
    >>> market = np.random.default_rng(1).normal(0.0, 0.03, 300)  # both ride it
    >>> found = paired_difference(market + 0.001, market)
    >>> round(found.difference, 3), found.is_told
    (0.365, True)
    """
    if first.shape != second.shape or first.size < FEWEST_PAIRED_DAYS:
        raise OptimizationError(
            f"the records have {first.size} and {second.size} days; "
            f"expected the same {FEWEST_PAIRED_DAYS} or more"
        )
    difference = first - second
    block = politis_white_length(difference[:, None])
    indices = stationary_bootstrap_indices(
        difference.size, n_resamples, mean_block=block, generator=np.random.default_rng(0)
    )
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(difference[indices].mean(axis=0), [tail, 1.0 - tail]) * YEAR_DAYS
    return PairedDifference(
        difference.size, float(difference.mean()) * YEAR_DAYS, float(low), float(high), block
    )
