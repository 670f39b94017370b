"""Bounds that hold at every look: a confidence sequence, an e-process, and an exact bound of a rate.

They guard against gross harm and bad execution; no edge is provable in the days of a canary.

References
----------
.. [1] Waudby-Smith, Ramdas (2024), Estimating means of bounded random variables by betting, Journal of the
   Royal Statistical Society B 86(1): predictable plug-in empirical-Bernstein confidence sequence, Theorem 2
   with equations (13) to (15); betting, section 4.
.. [2] Howard, Ramdas, McAuliffe, Sekhon (2021), Time-uniform, nonparametric, nonasymptotic confidence
   sequences, Annals of Statistics 49(2).
.. [3] Clopper, Pearson (1934), The use of confidence or fiducial limits, Biometrika 26(4).
"""

import math
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray

_MOST_BET = 0.5


class MeanBounds(NamedTuple):
    """Interval of a mean that holds at all looks together with the asked confidence."""

    low: float
    high: float


def empirical_bernstein(values: FloatArray, low: float, high: float, *, error: float) -> MeanBounds:
    """Interval of the mean of bounded values after the last of them, valid at any time one stops [1]_.

    Parameters
    ----------
    values
        In the order in which they came. ndarray of shape (n,), float64; each within ``[low, high]``.
    low, high
        Bounds of a value.
    error
        Probability that the interval ever leaves out the mean, in (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> bounds = empirical_bernstein(np.full(200, 4.0), 0.0, 10.0, error=0.05)
    >>> 3.0 < bounds.low < 4.0 < bounds.high < 5.0
    True
    >>> empirical_bernstein(np.empty(0), 0.0, 10.0, error=0.05)  # nothing is known
    MeanBounds(low=0.0, high=10.0)
    """
    x = (np.asarray(values, np.float64) - low) / (high - low)
    if not x.size:
        return MeanBounds(low, high)
    t = np.arange(1, x.size + 1)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    mean_before = np.concatenate([[0.5], mean[:-1]])
    variance_before = np.concatenate([[0.25], variance[:-1]])
    said = math.log(2.0 / error)
    bets = np.minimum(np.sqrt(2.0 * said / (variance_before * t * np.log(1.0 + t))), _MOST_BET)
    spread = 4.0 * (x - mean_before) ** 2
    psi = (-np.log1p(-bets) - bets) / 4.0
    total = np.cumsum(bets)
    centers = np.cumsum(bets * x) / total
    widths = (said + np.cumsum(spread * psi)) / total
    inside = np.clip([np.max(centers - widths), np.min(centers + widths)], 0.0, 1.0)
    return MeanBounds(*(float(low + (high - low) * one) for one in inside))


def evidence_below(returns: FloatArray, band: float, most: float) -> float:
    """Evidence that the mean of daily returns is below a band: above ``1/error`` it may be said at any time.

    A bettor wins on days below the band [1]_. Gains are cut at ``most``, which only helps to reject; losses
    never are, for a cut tail would look like skill. The band must be of returns that are cut the same.

    Parameters
    ----------
    returns
        Daily, fractions of at least -1, oldest first. ndarray of shape (n_days,), float64.
    band
        Lowest mean that was promised, a fraction a day.
    most
        Where gains are cut; above the band.

    Examples
    --------
    >>> import numpy as np
    >>> evidence_below(np.full(60, -0.01), band=0.0, most=0.05) > 20.0
    True
    >>> evidence_below(np.full(60, 0.01), band=0.0, most=0.05) <= 1.0
    True
    """
    wealth, highest = 1.0, 1.0
    limit = _MOST_BET / (most - band)
    below, squares = 0.0, most - band
    squares *= squares
    for n, value in enumerate(np.minimum(np.asarray(returns, np.float64), most), start=1):
        short = band - float(value)
        bet = min(max(below / squares, 0.0), limit) if n > 1 else 0.0
        wealth *= 1.0 + bet * short
        below, squares = below + short, squares + short * short
        highest = max(highest, wealth)
    return highest


def least_rate(n_bad: int, n_all: int, *, error: float) -> float:
    """Lowest rate that explains so many bad ones of all, exactly [3]_; 0 where none was bad.

    Examples
    --------
    >>> round(least_rate(5, 20, error=0.05), 3)
    0.104
    >>> least_rate(0, 20, error=0.05)
    0.0
    """
    if n_bad == 0:
        return 0.0
    from scipy.special import betaincinv  # noqa: PLC0415 - 8 MB in the code server, for who has failed

    return float(betaincinv(n_bad, n_all - n_bad + 1, error))
