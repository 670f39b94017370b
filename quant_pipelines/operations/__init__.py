"""What a verb of the command line and its Dagster job share: one function each.

The names below load what they need when they are first used, so that the code server stays light.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quant_pipelines.operations.candidates import approve_candidate, reject_candidate
    from quant_pipelines.operations.coins import approve_coin
    from quant_pipelines.operations.culling import cull_worst
    from quant_pipelines.operations.halts import flatten, halt, resume, runner_status
    from quant_pipelines.operations.limits import set_limit
    from quant_pipelines.operations.stages import disable, promote, roll_back, steps_in_reach

_HOMES = {
    "approve_candidate": "candidates",
    "reject_candidate": "candidates",
    "approve_coin": "coins",
    "cull_worst": "culling",
    "flatten": "halts",
    "halt": "halts",
    "resume": "halts",
    "runner_status": "halts",
    "set_limit": "limits",
    "disable": "stages",
    "promote": "stages",
    "roll_back": "stages",
    "steps_in_reach": "stages",
}

__all__ = [
    "approve_candidate",
    "reject_candidate",
    "approve_coin",
    "promote",
    "roll_back",
    "disable",
    "set_limit",
    "halt",
    "flatten",
    "resume",
    "runner_status",
    "steps_in_reach",
    "cull_worst",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
