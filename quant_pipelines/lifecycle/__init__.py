"""From candidate to retired: the table of stages, the paper screen, deployments and scorecards."""

from typing import TYPE_CHECKING

from quant_pipelines.core.late_names import names_of

if TYPE_CHECKING:
    from quant_pipelines.lifecycle.admission import ScreenReport, screen_candidates
    from quant_pipelines.lifecycle.scorecard import Scorecard, score_deployments
    from quant_pipelines.lifecycle.screen import ScreenCandidate, ScreenDecision, decide_all
    from quant_pipelines.lifecycle.transitions import TRANSITIONS, Evidence, require_transition
else:
    __getattr__ = names_of(
        __name__,
        {
            "admission": (
                "ScreenReport",
                "screen_candidates",
            ),
            "scorecard": (
                "Scorecard",
                "score_deployments",
            ),
            "screen": (
                "ScreenCandidate",
                "ScreenDecision",
                "decide_all",
            ),
            "transitions": (
                "TRANSITIONS",
                "Evidence",
                "require_transition",
            ),
        },
    )

__all__ = [
    "TRANSITIONS",
    "ScreenCandidate",
    "ScreenDecision",
    "Evidence",
    "Scorecard",
    "ScreenReport",
    "decide_all",
    "require_transition",
    "score_deployments",
    "screen_candidates",
]
