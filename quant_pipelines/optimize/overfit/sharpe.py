"""Sharpe ratios tested against a benchmark, against luck and against a short record.

All ratios are per period (not annualized); kurtosis is Pearson's, 3 for a normal.

References
----------
.. [1] Bailey, López de Prado (2012), The Sharpe Ratio Efficient Frontier, Journal of Risk 15(2).
.. [2] Bailey, López de Prado (2014), The Deflated Sharpe Ratio, Journal of Portfolio Management 40(5).
"""

import math
from statistics import NormalDist

from quant_pipelines.core.errors import OptimizationError

_NORMAL = NormalDist()
_EULER_MASCHERONI = 0.5772156649015329


def probabilistic_sharpe_ratio(
    sharpe: float,
    *,
    n_observations: int,
    skew: float,
    kurtosis: float,
    benchmark: float = 0.0,
) -> float:
    """Probability that the true Sharpe ratio exceeds a benchmark, [1]_ equation 11.

    Parameters
    ----------
    sharpe
        Observed Sharpe ratio per period; where it is NaN, so is the probability.
    n_observations
        Number of returns that it rests on, at least 2.
    skew, kurtosis
        Of the returns; 0 and 3 for a normal.
    benchmark
        Sharpe ratio per period to beat.

    Raises
    ------
    OptimizationError
        If there are fewer than 2 observations.

    Examples
    --------
    >>> from quant_pipelines.optimize.overfit import probabilistic_sharpe_ratio
    >>> probabilistic_sharpe_ratio(0.0, n_observations=250, skew=0.0, kurtosis=3.0)
    0.5
    >>> round(probabilistic_sharpe_ratio(0.1, n_observations=250, skew=0.0, kurtosis=3.0), 3)
    0.942
    >>> round(probabilistic_sharpe_ratio(0.1, n_observations=250, skew=-2.0, kurtosis=10.0), 3)  # fat losses
    0.923
    """
    _require_two(n_observations)
    deviation = math.sqrt(_estimator_variance(sharpe, skew, kurtosis))
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt(n_observations - 1) / deviation)


def sharpe_standard_error(sharpe: float, *, n_observations: int, skew: float, kurtosis: float) -> float:
    """Tell the standard error of an observed Sharpe ratio per period, [1]_ equation 8.

    Parameters
    ----------
    sharpe
        Observed Sharpe ratio per period; where it is NaN, so is the error.
    n_observations
        Number of returns that it rests on, at least 2.
    skew, kurtosis
        Of the returns; 0 and 3 for a normal.

    Raises
    ------
    OptimizationError
        If there are fewer than 2 observations.

    Examples
    --------
    >>> from quant_pipelines.optimize.overfit import sharpe_standard_error
    >>> round(sharpe_standard_error(0.1, n_observations=101, skew=0.0, kurtosis=3.0), 4)
    0.1002
    """
    _require_two(n_observations)
    return math.sqrt(_estimator_variance(sharpe, skew, kurtosis) / (n_observations - 1))


def expected_maximum_sharpe(*, n_trials: float, trial_variance: float) -> float:
    """Sharpe ratio that the best of many worthless trials is expected to show, [2]_ equation 1.

    Parameters
    ----------
    n_trials
        Number of independent trials, not necessarily whole; 1 or less expects 0.
    trial_variance
        Variance of the trials' Sharpe ratios per period.

    Examples
    --------
    >>> from quant_pipelines.optimize.overfit import expected_maximum_sharpe
    >>> expected_maximum_sharpe(n_trials=1, trial_variance=0.01)
    0.0
    >>> round(expected_maximum_sharpe(n_trials=100, trial_variance=0.01), 3)  # of trials that scatter by 0.1
    0.253
    """
    if n_trials <= 1.0:
        return 0.0
    mixed = (1.0 - _EULER_MASCHERONI) * _NORMAL.inv_cdf(1.0 - 1.0 / n_trials)
    mixed += _EULER_MASCHERONI * _NORMAL.inv_cdf(1.0 - 1.0 / (n_trials * math.e))
    return math.sqrt(max(trial_variance, 0.0)) * max(mixed, 0.0)


def deflated_sharpe_ratio(
    sharpe: float,
    *,
    n_observations: int,
    n_trials: float,
    trial_variance: float,
    skew: float,
    kurtosis: float,
) -> float:
    """Probability that the best of many trials is better than luck, [2]_ equation 2.

    Parameters
    ----------
    sharpe
        Sharpe ratio per period of the selected trial.
    n_observations
        Number of returns that it rests on, at least 2.
    n_trials
        Number of independent trials it was selected from.
    trial_variance
        Variance of the trials' Sharpe ratios per period.
    skew, kurtosis
        Of the selected trial's returns; 0 and 3 for a normal.

    Raises
    ------
    OptimizationError
        If there are fewer than 2 observations.

    Examples
    --------
    >>> from quant_pipelines.optimize.overfit import deflated_sharpe_ratio
    >>> shape = {"n_observations": 250, "trial_variance": 0.01, "skew": 0.0, "kurtosis": 3.0}
    >>> [round(deflated_sharpe_ratio(0.2, n_trials=trials, **shape), 3) for trials in (1, 10, 100)]
    [0.999, 0.747, 0.204]
    """
    return probabilistic_sharpe_ratio(
        sharpe,
        n_observations=n_observations,
        skew=skew,
        kurtosis=kurtosis,
        benchmark=expected_maximum_sharpe(n_trials=n_trials, trial_variance=trial_variance),
    )


def minimum_track_record_length(
    sharpe: float,
    *,
    skew: float,
    kurtosis: float,
    benchmark: float = 0.0,
    confidence: float = 0.95,
) -> float:
    """Count the returns before the Sharpe ratio exceeds a benchmark with confidence, [1]_ equation 13.

    Parameters
    ----------
    sharpe
        Observed Sharpe ratio per period.
    skew, kurtosis
        Of the returns; 0 and 3 for a normal.
    benchmark
        Sharpe ratio per period to beat.
    confidence
        Probability to reach, between 0.5 and 1.

    Returns
    -------
    float
        Number of periods; infinite when the ratio does not exceed the benchmark, NaN where it is NaN.

    Examples
    --------
    >>> from quant_pipelines.optimize.overfit import minimum_track_record_length
    >>> round(minimum_track_record_length(0.1, skew=0.0, kurtosis=3.0))  # days, for a ratio of 0.1 a day
    273
    >>> minimum_track_record_length(0.0, skew=0.0, kurtosis=3.0)
    inf
    """
    if sharpe <= benchmark:
        return math.inf
    needed = _NORMAL.inv_cdf(confidence) / (sharpe - benchmark)
    return 1.0 + _estimator_variance(sharpe, skew, kurtosis) * needed**2


def _require_two(n_observations: int) -> None:
    if n_observations < 2:
        raise OptimizationError(f"n_observations is {n_observations}; expected at least 2 returns")


def _estimator_variance(sharpe: float, skew: float, kurtosis: float) -> float:
    # A sample's moments keep this positive (kurtosis >= 1 + skew^2); rounding may touch zero.
    return max(1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2, 1e-12)
