"""What is said of a candidate: passed, refused, or not yet decidable and about how many more days.

References
----------
.. [1] Spiegelhalter, Freedman, Blackburn (1986), Monitoring clinical trials: conditional or predictive
   power? Controlled Clinical Trials 7(1): what a trial will show is predicted from what it has shown so far,
   and from what is believed by now of what is still to come.
.. [2] Gelman et al., Bayesian Data Analysis, 3rd edition, section 2.5: normal data under a normal prior.
.. [3] Lo (2002), The Statistics of Sharpe Ratios, Financial Analysts Journal 58(4): the standard error of a
   small ratio a day is ``1 / sqrt(n)``.
.. [4] Lan, DeMets (1983), Discrete Sequential Boundaries for Clinical Trials, Biometrika 70(3).
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Literal, NamedTuple, TypeAlias

from quant_pipelines.core.timeframes import YEAR_DAYS

CapitalDecision: TypeAlias = Literal["passed", "refused", "undecided"]

_NORMAL = NormalDist()
_RANGE = 0.8
_PRIOR_SHARPE = 1.0
"""Standard deviation of the annual Sharpe ratios that strategies are believed to have, around zero."""
_MOST_YEARS = 2_700
_LEAST_TAIL = 1e-300


class CapitalOutcome(NamedTuple):
    """Decision on a candidate.

    Parameters
    ----------
    decision
        ``refused`` where even the lucky end of what is likely would need more days than one has patience for.
    more_days
        About so many more days until it would pass, with a chance of a half; 0 for what has passed, None
        where no number of days would do or none can be told.
    fewest_more_days, most_more_days
        The same with a chance of 10 % and of 90 %.
    sharpe, sharpe_low, sharpe_high
        Shrunk, annual, with its 80 % range.

    Examples
    --------
    >>> from quant_pipelines.optimize.outcome import CriticalAhead, capital_outcome
    >>> outcome = capital_outcome(2.5, 720, CriticalAhead(3.1), passed=False)
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


class CriticalAhead(NamedTuple):
    """What a statistic will have to exceed from now on: much early in a calendar year, least at its end.

    Parameters
    ----------
    at_last
        At a year's last look; infinite where this can't be told.
    elapsed
        Share of the present year that is over.
    spent
        Share of a year's error that may be spent once a share of the year is over, [4]_.

    Examples
    --------
    >>> from quant_pipelines.optimize.outcome import CriticalAhead
    >>> ahead = CriticalAhead(2.0, elapsed=0.5, spent=lambda share: share)
    >>> [round(ahead.after(days), 2) for days in (1, 182, 190)]  # the year's last day is the 182nd
    [2.27, 2.0, 3.29]
    """

    at_last: float
    elapsed: float = 1.0
    spent: Callable[[float], float] = lambda share: share

    def until_year_end(self, later: int) -> int:
        """Days to the end of the present year, or of one later; a year that is over has none."""
        return round((1.0 - self.elapsed) * YEAR_DAYS) + later * YEAR_DAYS

    def after(self, days: int) -> float:
        """Critical value after so many days: the tail of the year's last one, as far as it may be spent."""
        over = (days - self.until_year_end(0)) % YEAR_DAYS or YEAR_DAYS
        tail = 0.5 * math.erfc(self.at_last / math.sqrt(2.0)) * self.spent(over / YEAR_DAYS)
        return -_NORMAL.inv_cdf(tail) if tail > _LEAST_TAIL else math.inf


class _Record(NamedTuple):
    """A record so far: what it has earned, and what is believed of its days to come.

    ``earned`` is the sum of its days over the deviation of one; ``mean`` and ``variance`` are those of what
    is believed of a day, in the same unit.
    """

    n_days: int
    earned: float
    mean: float
    variance: float


def capital_outcome(
    statistic: float, n_days: int, ahead: CriticalAhead, *, passed: bool, patience_days: int = 1095
) -> CapitalOutcome:
    """Outcome of a candidate at a look.

    The observed Sharpe ratio ``z / sqrt(n)`` a day, of standard error ``1 / sqrt(n)`` [3]_, is shrunk toward
    zero by a normal prior [2]_ to a mean ``b`` of variance ``v``. What the days so far have earned stays:
    after ``m`` more the statistic times ``sqrt(n + m)`` is predicted to be normal around
    ``z sqrt(n) + b m`` with variance ``v m^2 + m`` [1]_, and passes where it exceeds ``c sqrt(n + m)``, with
    the critical value ``c`` of that day.

    Parameters
    ----------
    statistic
        Mean over its standard error, robust to dependence.
    n_days
        Of the record.
    ahead
        What the statistic will have to exceed. Where this can't be told, the outcome is ``undecided`` without
        a number of days.
    passed
        Whether the step-down has passed it.
    patience_days
        More days than these are no answer.

    Examples
    --------
    >>> from quant_pipelines.optimize.outcome import CriticalAhead, capital_outcome
    >>> capital_outcome(3.6, 720, CriticalAhead(3.1), passed=True).decision
    'passed'
    >>> outcome = capital_outcome(2.5, 720, CriticalAhead(3.1), passed=False)
    >>> outcome.decision, outcome.more_days, outcome.fewest_more_days, outcome.most_more_days
    ('undecided', 1051, 202, 14956)
    >>> capital_outcome(-2.0, 720, CriticalAhead(3.1), passed=False).decision
    'refused'
    >>> capital_outcome(-2.0, 20, CriticalAhead(float("inf")), passed=False).decision
    'undecided'
    """
    record = _record(statistic, n_days)
    half = _NORMAL.inv_cdf(0.5 + _RANGE / 2)
    more, most, fewest = (0 if passed else _more_days(record, ahead, lucky) for lucky in (0.0, -half, half))
    hopeless = math.isfinite(ahead.at_last) and (fewest is None or fewest > patience_days)
    decision: CapitalDecision = "passed" if passed else "refused" if hopeless else "undecided"
    spread, annual = half * math.sqrt(record.variance), math.sqrt(YEAR_DAYS)
    ends = (record.mean, record.mean - spread, record.mean + spread)
    return CapitalOutcome(decision, more, fewest, most, *(annual * end for end in ends))


def _record(statistic: float, n_days: int) -> _Record:
    variance = 1.0 / max(n_days, 1)
    prior = _PRIOR_SHARPE**2 / YEAR_DAYS
    weight = prior / (prior + variance)
    earned = (statistic if math.isfinite(statistic) else 0.0) * math.sqrt(max(n_days, 1))
    return _Record(n_days, earned, weight * earned * variance, weight * variance)


def _more_days(record: _Record, ahead: CriticalAhead, lucky: float) -> int | None:
    """Days until it passes if what is to come is so many deviations better than is likely."""
    if not math.isfinite(ahead.at_last):
        return None

    def passes(more: int) -> bool:
        spread = math.sqrt(record.variance * more**2 + more)
        earned = record.earned + record.mean * more + lucky * spread
        return more > 0 and earned > ahead.after(more) * math.sqrt(record.n_days + more)

    # Within a year the critical value falls: a year passes if its end does, and then its first day that does.
    before, year = -1, 0
    while not passes(ahead.until_year_end(year)):
        before, year = year, year + 1 + year // 8
        if year > _MOST_YEARS:
            return None
    year = _first(before, year, lambda one: passes(ahead.until_year_end(one)))
    begin = ahead.until_year_end(year - 1) if year else 0
    return _first(begin, ahead.until_year_end(year), passes)


def _first(before: int, passing: int, passes: Callable[[int], bool]) -> int:
    """First number that passes, between one that does not and one that does."""
    while passing - before > 1:
        middle = (before + passing) // 2
        before, passing = (before, middle) if passes(middle) else (middle, passing)
    return passing
