"""Which hypotheses fall at a look, so that the chance of a single false one stays within the budget.

References
----------
.. [1] Romano, Wolf (2005), Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing, Journal of
   the American Statistical Association 100(469), algorithm 2.1 (critical values that are monotone in the set
   of hypotheses control the family-wise error, theorem 1) and section 4 (by resampling).
.. [2] Romano, Wolf (2016), Efficient computation of adjusted p-values for resampling-based stepdown multiple
   testing, Statistics & Probability Letters 113, section 2: the observed value counts as one resample.
.. [3] Lan, DeMets (1983), Discrete Sequential Boundaries for Clinical Trials, Biometrika 70(3), equation 2: a
   look's critical value spends what the year's error has grown by, on paths that did not cross before.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray


class StepDown(NamedTuple):
    """What a look found.

    Parameters
    ----------
    rejected
        Whether a hypothesis fell at this look. ndarray of shape (n_hypotheses,), bool.
    critical
        What those that still stand would have had to exceed; infinite where nothing may be spent yet.
    """

    rejected: BoolArray
    critical: float


def step_down(
    observed: FloatArray,
    resampled: FloatArray,
    *,
    crossed: BoolArray,
    standing: BoolArray,
    spent: float,
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
    spent
        Error that may be spent up to and with this look, at most 1.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import step_down
    >>> paths = np.random.default_rng(1).standard_normal((1999, 3))
    >>> none, all_ = np.zeros(paths.shape, dtype=bool), np.ones(3, dtype=bool)
    >>> step = step_down(np.array([4.0, 2.0, 0.0]), paths, crossed=none, standing=all_, spent=0.05)
    >>> step.rejected  # the second falls once the first is out of the way
    array([ True,  True, False])
    >>> step_down(np.array([1.9, 2.0, 0.0]), paths, crossed=none, standing=all_, spent=0.05).rejected
    array([False, False, False])
    """
    left = standing.copy()
    while True:
        critical = _critical(resampled[:, left], crossed[:, left], spent)
        falls = left & (observed > critical)
        if not falls.any():
            return StepDown(standing & ~left, critical)
        left &= ~falls


def _critical(resampled: FloatArray, crossed: BoolArray, spent: float) -> float:
    n_paths = resampled.shape[0]
    # An exact multiple must not lose its last path to rounding.
    before = np.asarray(crossed.any(axis=1))
    allowed = int(spent * (n_paths + 1) + 1e-9) - 1 - int(before.sum())
    if allowed < 0 or not resampled.shape[1]:
        return np.inf
    highest: FloatArray = resampled.max(axis=1)[~before]
    if allowed >= highest.size:
        return -np.inf
    return float(np.partition(highest, highest.size - 1 - allowed)[highest.size - 1 - allowed])
