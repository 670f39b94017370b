"""How much the arms vary together: correlations by Ledoit and Wolf (2004), volatilities of their own.

The shrinkage is scikit-learn's: on standardized days its target, a multiple of the identity, says that
strategies have nothing in common but their size.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.portfolio.allocation.arms import Arm

PRIOR_CORRELATION = 0.5
"""Of an arm whose record is too short to tell, with every other one."""
NEWEST_DAYS = 365


class Correlations(NamedTuple):
    """Matrix in the order of the arms, shape (n_arms, n_arms), and how far it was shrunk; NaN: not at all."""

    matrix: FloatArray
    shrinkage: float


def correlations_of(arms: Sequence[Arm], fewest_days: int) -> Correlations:
    """Estimate the correlations of all arms.

    Those with enough shared days of the last year are measured on these days; where no such days are shared
    by all, those with the shortest records are left out first. Whoever is left out is taken to correlate with
    everybody, as what is not known must not look like diversification.
    """
    n = len(arms)
    matrix = np.where(np.eye(n, dtype=bool), 1.0, PRIOR_CORRELATION)
    measured = [at for at in range(n) if arms[at].days.size and np.ptp(arms[at].returns[-NEWEST_DAYS:]) > 0.0]
    shared = _shared_days(arms, measured)
    while len(measured) > 1 and shared.size < fewest_days:
        measured.remove(min(measured, key=lambda at: (arms[at].days[-1] - arms[at].days[0], arms[at].key)))
        shared = _shared_days(arms, measured)
    if len(measured) < 2:
        return Correlations(matrix, math.nan)
    columns = [_on_days(arms[at], shared) for at in measured]
    spread = [float(column.std()) for column in columns]
    if min(spread) <= 0.0:
        return Correlations(matrix, math.nan)
    found, shrinkage = _shrunk(np.column_stack([c / s for c, s in zip(columns, spread, strict=True)]))
    matrix[np.ix_(measured, measured)] = found
    return Correlations(matrix, shrinkage)


def portfolio_volatility(weights: FloatArray, volatilities: FloatArray, correlations: FloatArray) -> float:
    """Volatility of all together, in the unit of their own.

    Examples
    --------
    >>> import numpy as np
    >>> round(portfolio_volatility(np.array([0.5, 0.5]), np.array([0.2, 0.2]), np.eye(2)), 6)  # 0.2 / √2
    0.141421
    """
    risks = weights * volatilities
    return math.sqrt(max(0.0, float(risks @ correlations @ risks)))


def _shrunk(standardized: FloatArray) -> Correlations:
    from sklearn.covariance import ledoit_wolf  # noqa: PLC0415 - it takes a second to load

    covariance, shrinkage = ledoit_wolf(standardized)
    scale = np.sqrt(np.diag(covariance))
    return Correlations(covariance / np.outer(scale, scale), float(shrinkage))


def _shared_days(arms: Sequence[Arm], measured: Sequence[int]) -> IntArray:
    if not measured:
        return np.empty(0, dtype=np.int64)
    shared = arms[measured[0]].days
    for at in measured[1:]:
        shared = np.intersect1d(shared, arms[at].days, assume_unique=True)
    return shared[-NEWEST_DAYS:]


def _on_days(arm: Arm, days: IntArray) -> FloatArray:
    return arm.returns[np.searchsorted(arm.days, days)]
