"""Which hypotheses fall at a look, so that the chance of a single false one stays within the budget.

References
----------
.. [1] Romano, Wolf (2005), Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing, Journal of
   the American Statistical Association 100(469), algorithm 2.1 and theorem 1: critical values that are
   monotone in the set of hypotheses control the family-wise error.
.. [2] Romano, Wolf (2016), Efficient computation of adjusted p-values for resampling-based stepdown multiple
   testing, Statistics & Probability Letters 113: the observed value counts as one resample.
.. [3] Lan, DeMets (1983), Discrete Sequential Boundaries for Clinical Trials, Biometrika 70(3): a look's
   critical value spends what the year's error has grown by, on paths that did not cross before.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray


class YearsError(NamedTuple):
    """Chance of a false rejection that may be spent.

    Parameters
    ----------
    spent
        Up to and with this look, at most ``alpha``.
    alpha
        In the whole year.

    Examples
    --------
    >>> from quant_pipelines.optimize.decision import YearsError
    >>> YearsError(spent=0.001, alpha=0.025).spent
    0.001
    """

    spent: float
    alpha: float


class StepDown(NamedTuple):
    """What a look found.

    Parameters
    ----------
    rejected
        Whether a hypothesis fell at this look. ndarray of shape (n_hypotheses,), bool.
    critical
        What those that still stand would have had to exceed; infinite where nothing may be spent yet.
    critical_at_last
        The same if all of the year's error could be spent at once: about what the last look will ask.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import StepDown
    >>> StepDown(np.array([True, False]), critical=3.2, critical_at_last=2.9).rejected.sum()
    np.int64(1)
    """

    rejected: BoolArray
    critical: float
    critical_at_last: float


def step_down(
    observed: FloatArray,
    resampled: FloatArray,
    *,
    crossed: BoolArray,
    standing: BoolArray,
    error: YearsError,
) -> StepDown:
    """Reject what exceeds the maximum's critical value, then again with those that are left, [1]_.

    Parameters
    ----------
    observed
        Statistics. ndarray of shape (n_hypotheses,), float64.
    resampled
        What they are without an edge. ndarray of shape (n_paths, n_hypotheses), float64.
    crossed
        Whether a path exceeded the critical value of an earlier look of the year. Same shape, bool.
    standing
        Hypotheses that are tested and have not fallen. ndarray of shape (n_hypotheses,), bool.
    error
        What may be spent.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import YearsError, step_down
    >>> paths = np.random.default_rng(1).standard_normal((1999, 3))
    >>> none, all_ = np.zeros(paths.shape, dtype=bool), np.ones(3, dtype=bool)
    >>> whole = YearsError(spent=0.05, alpha=0.05)
    >>> higher = np.array([4.0, 2.0, 0.0])
    >>> step = step_down(higher, paths, crossed=none, standing=all_, error=whole)
    >>> step.rejected  # the second falls once the first is out of the way
    array([ True,  True, False])
    >>> lower = np.array([1.9, 2.0, 0.0])
    >>> step_down(lower, paths, crossed=none, standing=all_, error=whole).rejected
    array([False, False, False])
    """
    left = standing.copy()
    while True:
        highest = _highest(resampled[:, left], crossed[:, left])
        critical = _critical(highest, error.spent)
        falls = left & (observed > critical)
        if not falls.any():
            return StepDown(standing & ~left, critical, _critical(highest, error.alpha))
        left &= ~falls


def _highest(resampled: FloatArray, crossed: BoolArray) -> FloatArray:
    """Maximum over the hypotheses of each path, infinite where one of them crossed before."""
    if not resampled.shape[1]:
        return np.full(resampled.shape[0], np.inf)
    return np.where(crossed.any(axis=1), np.inf, resampled.max(axis=1))


def _critical(highest: FloatArray, spent: float) -> float:
    # An exact multiple must not lose its last path to rounding.
    allowed = int(spent * (highest.size + 1) + 1e-9) - 1
    if allowed < 0:
        return np.inf
    place = highest.size - 1 - min(allowed, highest.size - 1)
    return float(np.partition(highest, place)[place])
