"""Shares an account out among its deployments: pure, once a UTC day, every weight with its reason."""

from quant_pipelines.portfolio.allocation.arms import (
    AllocationPlan,
    Arm,
    Estimate,
    NoPlan,
    Weight,
)
from quant_pipelines.portfolio.allocation.weights import allocate, eased

__all__ = [
    "AllocationPlan",
    "Arm",
    "Estimate",
    "NoPlan",
    "Weight",
    "allocate",
    "eased",
]
