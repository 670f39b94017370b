"""The compiled check of all rules in their order, and what it answers."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from quant_pipelines.core.jit import each_of, scalar
from quant_pipelines.core.limits import RiskLimits
from quant_pipelines.risk.rules import RULES, RiskRequest

TOLERANCE = 1e-9
LimitTerms = tuple[float, ...]
"""Limits for compiled code, one a rule and in the order of the rules; infinite is no limit."""


class Breach(NamedTuple):
    """First rule that denies: its code, what it saw, what it allows. Code 0 approves."""

    code: int
    observed: float
    limit: float


NO_BREACH = Breach(0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Denial:
    """The rule's name, what it saw and what it allows, in the same unit."""

    rule: str
    observed: float
    limit: float

    def __str__(self) -> str:
        return f"{self.rule}: {self.observed:.6g} is beyond {self.limit:.6g}"


def limit_terms(limits: RiskLimits) -> LimitTerms:
    """Limits of one book for compiled code."""
    return tuple(rule.limit(limits) for rule in RULES)


def denial_of(breach: Breach) -> Denial | None:
    """Name the rule of a breach; None where all approved."""
    return Denial(RULES[breach.code - 1].name, breach.observed, breach.limit) if breach.code else None


@scalar
def exceeds(observed: float, limit: float) -> bool:
    """Whether an observed value is beyond its limit, with a tolerance for rounding."""
    return limit < math.inf and observed > limit + TOLERANCE * abs(limit)


def denial_by(name: str, observed: float, limits: RiskLimits) -> Denial | None:
    """Ask one rule about what it observes, where there is no order to check yet; None where it approves.

    Parameters
    ----------
    name
        Of the rule, such as ``stale_data``.
    observed
        In the unit of its limit.
    limits
        In force.

    Raises
    ------
    KeyError
        If there is no such rule.

    Examples
    --------
    >>> from quant_pipelines.risk import RiskLimits, denial_by
    >>> str(denial_by("stale_data", 120.0, RiskLimits(max_data_age_seconds=90.0)))
    'stale_data: 120 is beyond 90'
    """
    limit = {rule.name: rule for rule in RULES}[name].limit(limits)
    return Denial(name, observed, limit) if exceeds(observed, limit) else None


_observed_by_all = each_of(tuple(rule.observed for rule in RULES))


@scalar
def first_breach(request: RiskRequest, limits: LimitTerms) -> Breach:
    """Check an order that adds exposure against every rule; the first that denies is returned."""
    observed = _observed_by_all(request)
    for index in range(len(limits)):
        if exceeds(observed[index], limits[index]):
            return Breach(index + 1, observed[index], limits[index])
    return NO_BREACH
