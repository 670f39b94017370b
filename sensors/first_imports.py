"""What sensors import when they first need it, one thread at a time.

Sensors are evaluated in threads of one code server, which starts without what takes long to import. Where two
threads are the first to import parts of one package, each waits for what the other is in the middle of, and
Python breaks that circle by showing one of them half a module.
"""

import threading
from importlib import import_module
from typing import Final

HEAVY: Final = (
    "quant_pipelines.lifecycle.scorecard",
    "quant_pipelines.operations.challenges",
    "quant_pipelines.operations.coin_exit",
    "quant_pipelines.operations.live_budget",
    "quant_pipelines.operations.proposals",
    "quant_pipelines.operations.stages",
    "quant_pipelines.operations.triggers",
    "quant_pipelines.optimize.paired_looks",
    "quant_pipelines.research.library",
    "quant_pipelines.sdk",
)
"""Modules that sensors, and what they call, import within their functions."""
_ONE_AT_A_TIME = threading.Lock()


def load_heavy() -> None:
    """Import all of them, or wait until another thread has."""
    with _ONE_AT_A_TIME:
        for name in HEAVY:
            import_module(name)
