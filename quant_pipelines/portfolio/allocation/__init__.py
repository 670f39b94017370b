"""Shares an account out among its deployments: pure, once a UTC day, every weight with its reason."""

from quant_pipelines.portfolio.allocation.arms import (
    BOUNDS,
    Allocation,
    Arm,
    Bound,
    Estimate,
    NoPlan,
    Rule,
    Weight,
)
from quant_pipelines.portfolio.allocation.weights import allocate, eased

__all__ = [
    "BOUNDS",
    "Allocation",
    "Arm",
    "Bound",
    "Estimate",
    "NoPlan",
    "Rule",
    "Weight",
    "allocate",
    "eased",
]
