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
    left = ahead.until_year_end(0)
    days, beliefs, chance = _walks_ahead(left)
    means = record.mean + math.sqrt(record.variance) * beliefs
    asked = _criticals(ahead, days - left) * np.sqrt(record.n_days + days)
    has_passed = record.earned + days[:, None] * means + chance > asked[:, None]
    share = np.logical_or.accumulate(has_passed, axis=0).mean(axis=1)
    reached = (np.searchsorted(share, chance_of) for chance_of in _CHANCES)
    return {
        chance_of: int(days[at]) if at < days.size else None
        for chance_of, at in zip(_CHANCES, reached, strict=True)
    }


def _criticals(ahead: CriticalAhead, beyond: IntArray) -> FloatArray:
    """Critical values on days counted from the end of the present year; each year asks the same."""
    same, places = np.unique(beyond % YEAR_DAYS, return_inverse=True)
    left = ahead.until_year_end(0)
    return np.array([ahead.after(left + int(day)) for day in same])[places]


class _WalksAhead(NamedTuple):
    """Days to the looks ahead, what is believed of each walk, and where it is by then, (n_looks, n_walks)."""

    days: IntArray
    beliefs: FloatArray
    chance: FloatArray


@lru_cache(maxsize=4)  # everybody at a look has the same days ahead
def _walks_ahead(left: int) -> _WalksAhead:
    days = _look_days(left)
    walks = _walks(days.size)
    roots = np.sqrt(np.diff(days, prepend=0))[:, None]
    return _WalksAhead(days, walks.beliefs, np.cumsum(walks.steps * roots, axis=0))


def _look_days(left: int) -> IntArray:
    """Days to the looks of the first year, and to some in the second half of each later one.

    ``left`` are the days of the present year that are still to come.
    """
    ends = [left + later * YEAR_DAYS for later in range(_YEARS)]
    later = {end - back for end in ends for back in _BEFORE_YEAR_END}
    return np.array(sorted({*range(7, YEAR_DAYS, 7), *(day for day in later if day > 0)}), dtype=np.int64)


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
