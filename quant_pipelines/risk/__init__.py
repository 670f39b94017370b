"""Rules that every order must pass: a table, and the compiled check that the batch loop calls."""

from quant_pipelines.core.limits import NO_LIMITS, RiskLimits
from quant_pipelines.risk.limits import (
    NO_BREACH,
    Breach,
    Denial,
    LimitTerms,
    denial_by,
    denial_of,
    first_breach,
    limit_terms,
)
from quant_pipelines.risk.rules import RULES, RiskRequest, Rule

__all__ = [
    "NO_BREACH",
    "NO_LIMITS",
    "RULES",
    "Breach",
    "Denial",
    "LimitTerms",
    "RiskLimits",
    "RiskRequest",
    "Rule",
    "denial_by",
    "denial_of",
    "first_breach",
    "limit_terms",
]
