"""Whether a new version earns more than the incumbent, at weekly looks that share one error for a year.

Both records grow while the challenge lasts. A bound for a single look would be passed by luck sooner or
later; looks hang on the calendar and spend its error, so that nobody gains by asking again.

References
----------
.. [1] Lan, DeMets (1983), Discrete Sequential Boundaries for Clinical Trials, Biometrika 70(3).
.. [2] Kim, DeMets (1987), Design and Analysis of Group Sequential Tests Based on the Type I Error Spending
   Rate Function, Biometrika 74(1).
"""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.optimize.decision import DecisionTerms, seen_at, weekly_looks

TERMS: Final = DecisionTerms(spending="linear")
"""Most of what two records say is known at the first look: the error is spent evenly, [2]_ with power 1."""
_REMEMBERED: Final = 128


class PairedVerdict(NamedTuple):
    """What the newest look said of two records.

    Parameters
    ----------
    days
        How many they had in common at that look.
    difference
        First minus second, mean daily difference times 365.
    statistic, critical
        Mean difference over its standard error, and what it had to exceed; infinite where nothing could pass.
    passed
        Whether a look by now has said that the first earns more; what has passed stays passed.
    look_day
        Last day that the look saw.

    Examples
    --------
    >>> from datetime import date
    >>> PairedVerdict(200, 0.2, statistic=2.9, critical=2.6, passed=True, look_day=date(2026, 3, 4)).passed
    True
    """

    days: int
    difference: float
    statistic: float
    critical: float
    passed: bool
    look_day: date


def paired_at_looks(difference: FloatArray, first_day: date, since: date) -> PairedVerdict | None:
    """Test at every weekly look since a day whether a difference of records is above 0.

    Parameters
    ----------
    difference
        Daily return of the one less that of the other, on consecutive days. ndarray of shape (n_days,),
        float64, without NaN.
    first_day
        UTC day of the first of them.
    since
        Day on which the younger record was first computed: looks before it saw nothing, and spent nothing.

    Returns
    -------
    PairedVerdict or None
        None before the first look.

    Examples
    --------
    >>> from datetime import date
    >>> import numpy as np
    >>> days = np.random.default_rng(1).normal(0.0, 0.01, 700)
    >>> begin, since = date(2025, 1, 1), date(2026, 10, 1)
    >>> paired_at_looks(days, begin, since).passed, paired_at_looks(days + 0.002, begin, since).passed
    (False, True)
    """
    looks = weekly_looks(first_day, difference.size, since=max((since - first_day).days, 0))
    if not looks:
        return None
    seen = np.ascontiguousarray(difference[: looks[-1].n_days])
    return _looked(seen.tobytes(), first_day, since)


@lru_cache(maxsize=_REMEMBERED)
def _looked(seen: bytes, first_day: date, since: date) -> PairedVerdict:
    """Look once at the same days, however often a cycle asks."""
    days = np.frombuffer(seen, dtype=np.float64)
    looks = weekly_looks(first_day, days.size, since=max((since - first_day).days, 0))
    *_, last = seen_at(days[:, None], looks, TERMS)
    return PairedVerdict(
        days.size,
        float(days.mean()) * YEAR_DAYS,
        float(last.statistics[0]),
        float(last.critical[0]),
        bool(last.passed[0]),
        first_day + timedelta(days=days.size - 1),
    )
