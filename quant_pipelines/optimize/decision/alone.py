"""The decision on one record as a family of its own, for where no family is stored."""

import math
from datetime import date

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.optimize.decision.looks import DecisionTerms, LookResult, critical_ahead, seen_at
from quant_pipelines.optimize.decision.spending import weekly_looks
from quant_pipelines.optimize.evidence import CapitalEvidence
from quant_pipelines.optimize.outcome import capital_outcome


def evidence_of_record(
    returns: FloatArray,
    first_day: date,
    *,
    terms: DecisionTerms | None = None,
    beyond_holding: FloatArray | None = None,
) -> CapitalEvidence:
    """Decision on one record at the weekly looks of its newest calendar year.

    It pays for no search: what else was tried and thrown away is not asked. A family of all records is the
    stricter question, and the one that money rests on.

    Parameters
    ----------
    returns
        Daily net returns out of sample, fractions, without a gap. ndarray of shape (n_days,), float64.
    first_day
        UTC day of the first of them.
    terms
        By default those of ``DecisionTerms``.
    beyond_holding
        The same less those of holding the average exposure; without it only the first null is tested.

    Raises
    ------
    OptimizationError
        If a return is missing or infinite, or the two arrays differ in shape.

    Examples
    --------
    >>> from datetime import date
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import evidence_of_record
    >>> days = np.random.default_rng(1).normal(0.0025, 0.01, 365)  # a Sharpe ratio near five
    >>> found = evidence_of_record(days, date(2025, 1, 1))
    >>> found.decision, found.decided_by, found.tests, found.look_day
    ('passed', 'record', 1, datetime.date(2025, 12, 31))
    >>> evidence_of_record(days[:30], date(2025, 1, 1)).decided_by
    'too_short'
    """
    terms = terms or DecisionTerms()
    looks = weekly_looks(first_day, returns.size)
    if not looks:
        return _too_short(terms.least_days - returns.size)
    years = [look for look in looks if look.year == looks[-1].year]
    beyond = None if beyond_holding is None else beyond_holding[:, None]
    *_, last = seen_at(returns[:, None], years, terms, beyond_holding=beyond)
    return _evidence(last, terms)._replace(
        look_day=date.fromordinal(first_day.toordinal() + last.look.n_days - 1)
    )


def _evidence(seen: LookResult, terms: DecisionTerms) -> CapitalEvidence:
    n_days, needed = seen.look.n_days, max(terms.least_days, terms.least_blocks * seen.block)
    if n_days < needed:
        return _too_short(needed - n_days)
    statistic, critical = float(seen.statistics[0]), float(seen.critical[0])
    ahead = critical_ahead(seen, 0, terms)
    outcome = capital_outcome(statistic, n_days, ahead, passed=bool(seen.passed[0]))
    return CapitalEvidence(
        **(outcome._asdict() | {"decided_by": "record", "tests": 1}),
        statistic=_finite(statistic),
        critical=_finite(critical),
    )


def _too_short(lacking_days: int) -> CapitalEvidence:
    return CapitalEvidence("undecided", "too_short", fewest_more_days=max(lacking_days, 1), tests=1)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
