"""Stages of a deployment's life, and what each lets the runner do; ``lifecycle.transitions`` joins them."""

from typing import Literal, TypeAlias, get_args

Stage: TypeAlias = Literal[
    "candidate", "paper", "shadow", "canary", "live", "cooling", "retired", "rejected", "rolled_back"
]
Rung: TypeAlias = Literal["paper", "shadow", "canary", "live"]
Rest: TypeAlias = Literal["cooling", "retired"]

LADDER: tuple[Rung, ...] = get_args(Rung)
"""Stages that trade, in the order in which a deployment climbs them."""
RESTS: tuple[Rest, ...] = get_args(Rest)
"""Where a disabled deployment goes."""
PAPER_STAGES: tuple[Rung, ...] = ("paper", "shadow")
ORDER_STAGES: tuple[Rung, ...] = ("canary", "live")
"""Stages whose orders go to a venue."""
