"""What is said of a candidate: passed, refused, or not yet decidable and about how many more days."""

import math
from statistics import NormalDist
from typing import Literal, NamedTuple, TypeAlias

from quant_pipelines.core.timeframes import YEAR_DAYS

CapitalDecision: TypeAlias = Literal["passed", "refused", "undecided"]

_NORMAL = NormalDist()
_POWER = 0.8
_PRIOR_SHARPE = 1.0
"""Standard deviation of the annual Sharpe ratios that strategies are believed to have, around zero."""


class CapitalOutcome(NamedTuple):
    """Decision on a candidate.

    Parameters
    ----------
    decision
        ``refused`` where even the upper end of what is likely would need more days than one has patience for.
    more_days
        About so many more days until it would pass with a chance of 80 %, at the shrunk Sharpe ratio; 0 for
        what has passed, None where no number of days would do or none can be told.
    fewest_more_days, most_more_days
        The same at the ends of the range of the Sharpe ratio.
    sharpe, sharpe_low, sharpe_high
        Shrunk, annual, with its 80 % range.

    Examples
    --------
    >>> from quant_pipelines.optimize.outcome import capital_outcome
    >>> outcome = capital_outcome(2.5, 720, passed=False, critical=3.1)
    >>> outcome.sharpe_low < outcome.sharpe < outcome.sharpe_high
    True
    """

    decision: CapitalDecision
    more_days: int | None
    fewest_more_days: int | None
    most_more_days: int | None
    sharpe: float
    sharpe_low: float
    sharpe_high: float


def capital_outcome(
    statistic: float, n_days: int, *, passed: bool, critical: float, patience_days: int = 1095
) -> CapitalOutcome:
    """Outcome of a candidate at a look.

    The observed Sharpe ratio ``z / sqrt(n)`` a day is shrunk toward zero by a normal prior (Gelman et al.,
    Bayesian Data Analysis, 3rd edition, section 2.5). A record of ``((c + z_0.8) / sharpe)^2`` days exceeds
    ``c`` with a chance of 80 % (Lo, 2002, The Statistics of Sharpe Ratios, Financial Analysts Journal 58(4):
    the standard error of a small ratio a day is ``1 / sqrt(n)``).

    Parameters
    ----------
    statistic
        Mean over its standard error, robust to dependence.
    n_days
        Of the record.
    passed
        Whether the step-down has passed it.
    critical
        What the statistic will have to exceed: ``critical_at_last`` of the look. Infinite where this can't
        be told, which is ``undecided`` without a number of days.
    patience_days
        More days than these are no answer.

    Examples
    --------
    >>> from quant_pipelines.optimize.outcome import capital_outcome
    >>> capital_outcome(3.6, 720, passed=True, critical=3.1).decision
    'passed'
    >>> outcome = capital_outcome(2.5, 720, passed=False, critical=3.1)
    >>> outcome.decision, outcome.more_days, outcome.fewest_more_days, outcome.most_more_days
    ('undecided', 3345, 812, 28854)
    >>> capital_outcome(-2.0, 720, passed=False, critical=3.1).decision
    'refused'
    >>> capital_outcome(-2.0, 20, passed=False, critical=float("inf")).decision
    'undecided'
    """
    variance = 1.0 / max(n_days, 1)
    prior = _PRIOR_SHARPE**2 / YEAR_DAYS
    weight = prior / (prior + variance)
    center = weight * (statistic if math.isfinite(statistic) else 0.0) * math.sqrt(variance)
    half = _NORMAL.inv_cdf(0.9) * math.sqrt(weight * variance)
    more, most, fewest = (
        0 if passed else _more_days(sharpe, n_days, critical)
        for sharpe in (center, center - half, center + half)
    )
    hopeless = math.isfinite(critical) and (fewest is None or fewest > patience_days)
    decision: CapitalDecision = "passed" if passed else "refused" if hopeless else "undecided"
    annual = math.sqrt(YEAR_DAYS)
    return CapitalOutcome(
        decision, more, fewest, most, center * annual, (center - half) * annual, (center + half) * annual
    )


def _more_days(sharpe: float, n_days: int, critical: float) -> int | None:
    if sharpe <= 0.0 or not math.isfinite(critical):
        return None
    return max(math.ceil(((critical + _NORMAL.inv_cdf(_POWER)) / sharpe) ** 2) - n_days, 1)
