"""What a search of correlated trials is worth: how many independent ones, and how far they scatter.

References
----------
.. [1] Bailey, López de Prado (2014), The Deflated Sharpe Ratio, Journal of Portfolio Management 40(5),
   appendix A.3.
"""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.metrics.rounding import is_rounding


def effective_number_of_trials(returns: FloatArray, *, n_trials: int | None = None) -> float:
    """Independent trials implied by the average correlation, ``rho + (1 - rho) * n_trials``, [1]_.

    Parameters
    ----------
    returns
        Returns of a representative set of trials, whose average correlation is taken.
        ndarray of shape (n_periods, n_sets), float64. Series that never move are left out.
    n_trials
        Trials that were really made; by default the number of sets.

    Returns
    -------
    float
        Between 1 and ``n_trials``; with fewer than two moving series all trials count as independent.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.overfit import effective_number_of_trials
    >>> one, other = np.array([0.01, -0.01, 0.01, -0.01]), np.array([0.01, 0.01, -0.01, -0.01])
    >>> round(effective_number_of_trials(np.column_stack([one, other])), 6)  # uncorrelated
    2.0
    >>> round(effective_number_of_trials(np.column_stack([one, 2.0 * one]), n_trials=64), 6)  # all the same
    1.0
    """
    total = float(returns.shape[1] if n_trials is None else n_trials)
    moving = returns[:, ~is_rounding(returns.std(axis=0), returns)]
    n = moving.shape[1]
    if n < 2 or moving.shape[0] < 2:
        return max(total, 1.0)
    correlation = np.corrcoef(moving, rowvar=False)
    average = float((correlation.sum() - n) / (n * (n - 1)))
    average = min(max(average, 0.0), 1.0)
    return max(average + (1.0 - average) * total, 1.0)


def trial_variance(sharpes: FloatArray) -> float:
    """Variance of trials' Sharpe ratios that luck can turn into a maximum: their upper half, mirrored.

    For a symmetric scatter this is the variance. Trials that trade too often lose their costs as evenly as a
    clock, which gives them hugely negative ratios; their scatter says nothing about the best one.

    Parameters
    ----------
    sharpes
        Sharpe ratios per period. ndarray of shape (n_trials,), float64.

    Returns
    -------
    float
        Around the median; 0 with fewer than 2 trials.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.overfit import trial_variance
    >>> round(trial_variance(np.array([-0.1, 0.0, 0.1])), 6)
    0.01
    >>> round(trial_variance(np.array([-9.0, 0.0, 0.1])), 6)  # a hopeless one scatters for itself
    0.01
    """
    if sharpes.size < 2:
        return 0.0
    above = sharpes[sharpes >= np.median(sharpes)] - np.median(sharpes)
    return float(np.sum(above**2) / max(above.size - 1, 1))
