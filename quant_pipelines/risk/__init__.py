"""Rules that every order must pass: a table, and the compiled check that the batch loop calls."""

from typing import TYPE_CHECKING

from quant_pipelines.core.late_names import names_of
from quant_pipelines.core.limits import NO_LIMITS, RiskLimits

if TYPE_CHECKING:
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
else:
    __getattr__ = names_of(
        __name__,
        {
            "limits": (
                "NO_BREACH",
                "Breach",
                "Denial",
                "LimitTerms",
                "denial_by",
                "denial_of",
                "first_breach",
                "limit_terms",
            ),
            "rules": (
                "RULES",
                "RiskRequest",
                "Rule",
            ),
        },
    )

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
