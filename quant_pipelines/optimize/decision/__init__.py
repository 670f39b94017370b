"""One decision with a known error over candidates and looks, on records of daily returns that only grow."""

from typing import TYPE_CHECKING

from quant_pipelines.core.late_names import names_of
from quant_pipelines.optimize.evidence import (
    NOT_LOOKED_AT,
    CapitalEvidence,
    DecidedBy,
    told_decider,
    told_outcome,
)
from quant_pipelines.optimize.outcome import CapitalDecision, CapitalOutcome, CriticalAhead, capital_outcome

if TYPE_CHECKING:
    from quant_pipelines.optimize.decision.alone import evidence_of_record
    from quant_pipelines.optimize.decision.blocks import block_length, politis_white_length
    from quant_pipelines.optimize.decision.family import (
        POOL_SHARE,
        Pools,
        near_twins,
        pooled_at_equal_risk,
    )
    from quant_pipelines.optimize.decision.looks import DecisionTerms, LookResult, critical_ahead, seen_at
    from quant_pipelines.optimize.decision.paths import ResampledPaths, observed_statistics
    from quant_pipelines.optimize.decision.spa import superior_predictive_ability
    from quant_pipelines.optimize.decision.spending import (
        SPENDING,
        Look,
        Spending,
        cubic,
        linear,
        obrien_fleming,
        weekly_looks,
    )
    from quant_pipelines.optimize.decision.stepdown import StepDown, YearsError, step_down
else:
    __getattr__ = names_of(
        __name__,
        {
            "alone": ("evidence_of_record",),
            "blocks": (
                "block_length",
                "politis_white_length",
            ),
            "family": (
                "POOL_SHARE",
                "Pools",
                "near_twins",
                "pooled_at_equal_risk",
            ),
            "looks": (
                "DecisionTerms",
                "LookResult",
                "critical_ahead",
                "seen_at",
            ),
            "paths": (
                "ResampledPaths",
                "observed_statistics",
            ),
            "spa": ("superior_predictive_ability",),
            "spending": (
                "SPENDING",
                "Look",
                "Spending",
                "cubic",
                "linear",
                "obrien_fleming",
                "weekly_looks",
            ),
            "stepdown": (
                "StepDown",
                "YearsError",
                "step_down",
            ),
        },
    )

__all__ = [
    "seen_at",
    "LookResult",
    "DecisionTerms",
    "weekly_looks",
    "Look",
    "capital_outcome",
    "CapitalOutcome",
    "CriticalAhead",
    "critical_ahead",
    "CapitalDecision",
    "CapitalEvidence",
    "DecidedBy",
    "NOT_LOOKED_AT",
    "evidence_of_record",
    "told_decider",
    "told_outcome",
    "superior_predictive_ability",
    "pooled_at_equal_risk",
    "Pools",
    "POOL_SHARE",
    "near_twins",
    "block_length",
    "politis_white_length",
    "ResampledPaths",
    "observed_statistics",
    "step_down",
    "StepDown",
    "YearsError",
    "obrien_fleming",
    "linear",
    "cubic",
    "SPENDING",
    "Spending",
]
