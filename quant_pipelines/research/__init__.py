"""Walk-forwards that are stored, resumed and spread over processes.

The names below load what they need when they are first used, so that listing the day's jobs in the code
server does not pull in compilers and solvers.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quant_pipelines.research.daily import Scope, daily_jobs
    from quant_pipelines.research.job import JobFailure, OptimizationJob
    from quant_pipelines.research.library import refresh_library, unknown_files
    from quant_pipelines.research.pool import WorkLimits, optimize_many
    from quant_pipelines.research.run import optimize_one, resume_job

_HOMES = {
    "OptimizationJob": "job",
    "JobFailure": "job",
    "Scope": "daily",
    "daily_jobs": "daily",
    "optimize_one": "run",
    "resume_job": "run",
    "optimize_many": "pool",
    "WorkLimits": "pool",
    "refresh_library": "library",
    "unknown_files": "library",
}

__all__ = [
    "OptimizationJob",
    "JobFailure",
    "Scope",
    "daily_jobs",
    "optimize_one",
    "resume_job",
    "optimize_many",
    "WorkLimits",
    "refresh_library",
    "unknown_files",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
