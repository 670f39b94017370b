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
from functools import cache, lru_cache
from statistics import NormalDist
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.timeframes import YEAR_DAYS

CapitalDecision: TypeAlias = Literal["passed", "refused", "undecided"]

_NORMAL = NormalDist()
_CHANCES = (0.1, 0.5, 0.9)
"""Of having passed: at the fewest days, at about so many, and at the most."""
_PRIOR_SHARPE = 1.0
"""Standard deviation of the annual Sharpe ratios that strategies are believed to have, around zero."""
_YEARS = 30
"""That are looked ahead: whoever needs more is told no number."""
_BEFORE_YEAR_END = (0, 45, 120)
_WALKS = 256
_LEAST_TAIL = 1e-300


class CapitalOutcome(NamedTuple):
    """Decision on a candidate.

    Parameters
    ----------
    decision
        ``refused`` where even a chance of 10 % would need more days than one has patience for.
    more_days
        By about so many more days it has passed with a chance of a half; 0 for what has passed, None
        where no number of days would do, or none can be told.
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
    after ``m`` more the statistic times ``sqrt(n + m)`` is predicted to be ``z sqrt(n) + b' m + W(m)`` [1]_,
    with ``b'`` drawn around ``b`` and a Brownian motion ``W``. The record passes at the first look at which
    that exceeds ``c sqrt(n + m)``, with the critical value ``c`` of the day; what is told are the days by
    which so many of such records have.

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
    ('undecided', 730, 189, 9445)
    >>> capital_outcome(-2.0, 720, CriticalAhead(3.1), passed=False).decision
    'refused'
    >>> capital_outcome(-2.0, 20, CriticalAhead(float("inf")), passed=False).decision
    'undecided'
    """
    record = _record(statistic, n_days)
    fewest, more, most = (dict.fromkeys(_CHANCES, 0) if passed else _days_until(record, ahead)).values()
    hopeless = math.isfinite(ahead.at_last) and (fewest is None or fewest > patience_days)
    decision: CapitalDecision = "passed" if passed else "refused" if hopeless else "undecided"
    spread, annual = _NORMAL.inv_cdf(_CHANCES[-1]) * math.sqrt(record.variance), math.sqrt(YEAR_DAYS)
    ends = (record.mean, record.mean - spread, record.mean + spread)
    return CapitalOutcome(decision, more, fewest, most, *(annual * end for end in ends))


def _record(statistic: float, n_days: int) -> _Record:
    variance = 1.0 / max(n_days, 1)
    prior = _PRIOR_SHARPE**2 / YEAR_DAYS
    weight = prior / (prior + variance)
    earned = (statistic if math.isfinite(statistic) else 0.0) * math.sqrt(max(n_days, 1))
    return _Record(n_days, earned, weight * earned * variance, weight * variance)


def _days_until(record: _Record, ahead: CriticalAhead) -> dict[float, int | None]:
    """Days until so many of the predicted records have passed at a look; None where that takes too long."""
    if not math.isfinite(ahead.at_last):
        return dict.fromkeys(_CHANCES)
    looks = _looks_until(ahead.until_year_end(0))
    days, beliefs = looks.days, _walks(looks.days.size).beliefs
    asked = np.array([ahead.after(int(days[at])) for at in looks.one_of_each])[looks.kinds]
    # Each walk's looks lie side by side, and no step needs a matrix of its own: half of the time was theirs.
    level = np.multiply.outer(record.mean + math.sqrt(record.variance) * beliefs, days)
    level += record.earned
    level += looks.chance
    has_passed = level > asked * np.sqrt(record.n_days + days)
    first = np.sort(np.where(has_passed.any(axis=1), has_passed.argmax(axis=1), days.size))
    reached = (int(first[math.ceil(chance_of * _WALKS) - 1]) for chance_of in _CHANCES)
    return {
        chance_of: int(days[at]) if at < days.size else None
        for chance_of, at in zip(_CHANCES, reached, strict=True)
    }


class _LooksAhead(NamedTuple):
    """Looks that are to come.

    Parameters
    ----------
    days
        Days to each; shape (n_looks,).
    one_of_each, kinds
        Looks of the same day of a year ask for the same: the place of one of each kind, and the kind of each.
    chance
        What chance brings each walk by each look; shape (n_walks, n_looks).
    """

    days: IntArray
    one_of_each: IntArray
    kinds: IntArray
    chance: FloatArray


@lru_cache(maxsize=4)
def _looks_until(year_end: int) -> _LooksAhead:
    """Place looks in the first year, and some in the second half of each later one.

    The present year has so many days left.
    """
    ends = [year_end + later * YEAR_DAYS for later in range(_YEARS)]
    later = {end - back for end in ends for back in _BEFORE_YEAR_END}
    days = np.array(sorted({*range(7, YEAR_DAYS, 7), *(day for day in later if day > 0)}), dtype=np.int64)
    _, one_of_each, kinds = np.unique((days - year_end) % YEAR_DAYS, return_index=True, return_inverse=True)
    steps = _walks(days.size).steps * np.sqrt(np.diff(days, prepend=0))[:, None]
    return _LooksAhead(days, one_of_each, kinds, np.ascontiguousarray(np.cumsum(steps, axis=0).T))


class _Walks(NamedTuple):
    """Standard normal numbers: what is believed of each walk, and its steps, shape (n_steps, n_walks)."""

    beliefs: FloatArray
    steps: FloatArray


@cache
def _walks(n_steps: int) -> _Walks:
    """Each half mirrors the other, and beliefs are the quantiles: few walks tell as much as many."""
    chance = np.random.default_rng(0)
    half = chance.standard_normal((n_steps, _WALKS // 2))
    beliefs = np.array([_NORMAL.inv_cdf((at + 0.5) / _WALKS) for at in range(_WALKS)])
    return _Walks(chance.permutation(beliefs), np.hstack([half, -half]))
