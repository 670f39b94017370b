"""How a calendar year's error is spent over its looks.

References
----------
.. [1] Lan, DeMets (1983), Discrete Sequential Boundaries for Clinical Trials, Biometrika 70(3).
.. [2] Kim, DeMets (1987), Design and Analysis of Group Sequential Tests Based on the Type I Error Spending
   Rate Function, Biometrika 74(1).
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from statistics import NormalDist
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

Spending: TypeAlias = Literal["obrien_fleming", "linear", "cubic"]

_NORMAL = NormalDist()
_WEEK_DAYS = 7


class Look(NamedTuple):
    """One look at the records.

    Parameters
    ----------
    n_days
        Days of the matrix that it sees, from the first.
    year
        Calendar year, UTC, whose error it spends.
    elapsed
        Share of that year at the end of the last day, above 0, at most 1.

    Examples
    --------
    >>> from quant_pipelines.optimize.decision import Look
    >>> Look(n_days=372, year=2026, elapsed=7 / 365).n_days
    372
    """

    n_days: int
    year: int
    elapsed: float


def weekly_looks(first_day: date, n_days: int, *, since: int = 0) -> tuple[Look, ...]:
    """List looks at the end of each seventh day of a calendar year and at the end of its last day.

    Looks hang on the calendar, not on what is seen: no look can be chosen by its result.

    Parameters
    ----------
    first_day
        Of the matrix, UTC.
    n_days
        Of the matrix.
    since
        Days before the first look that counts.

    Examples
    --------
    >>> from datetime import date
    >>> from quant_pipelines.optimize.decision import weekly_looks
    >>> looks = weekly_looks(date(2025, 12, 20), 30)
    >>> [(look.n_days, look.year, round(look.elapsed, 3)) for look in looks]
    [(4, 2025, 0.978), (12, 2025, 1.0), (19, 2026, 0.019), (26, 2026, 0.038)]
    """
    looks = []
    for day in range(since, n_days):
        today = first_day + timedelta(days=day)
        number, last = today.timetuple().tm_yday, date(today.year, 12, 31).timetuple().tm_yday
        # The year's last look waits for its last day: a week of one or two days of its own is no look.
        if number == last or (number % _WEEK_DAYS == 0 and last - number >= _WEEK_DAYS):
            looks.append(Look(day + 1, today.year, number / last))
    return tuple(looks)


def obrien_fleming(alpha: float, elapsed: float) -> float:
    """Error spent by a share of the year, ``2 - 2 Phi(z_(alpha/2) / sqrt(t))``, [1]_.

    Examples
    --------
    >>> from quant_pipelines.optimize.decision import obrien_fleming
    >>> [round(obrien_fleming(0.025, elapsed), 4) for elapsed in (0.25, 0.5, 1.0)]
    [0.0, 0.0015, 0.025]
    """
    return 2.0 - 2.0 * _NORMAL.cdf(_NORMAL.inv_cdf(1.0 - alpha / 2.0) / elapsed**0.5)


def linear(alpha: float, elapsed: float) -> float:
    """Error spent by a share of the year, ``alpha t``, [2]_ with power 1.

    Examples
    --------
    >>> from quant_pipelines.optimize.decision import linear
    >>> linear(0.024, 0.25)
    0.006
    """
    return alpha * elapsed


def cubic(alpha: float, elapsed: float) -> float:
    """Error spent by a share of the year, ``alpha t^3``, [2]_ with power 3.

    Examples
    --------
    >>> from quant_pipelines.optimize.decision import cubic
    >>> cubic(0.024, 0.5)
    0.003
    """
    return alpha * elapsed**3


SPENDING: Mapping[Spending, Callable[[float, float], float]] = MappingProxyType(
    {"obrien_fleming": obrien_fleming, "linear": linear, "cubic": cubic}
)
