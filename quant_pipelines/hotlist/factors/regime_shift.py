"""Whether the market turns wild or calms down."""

import math

from quant_pipelines.hotlist.factor import Factor
from quant_pipelines.hotlist.inputs import FactorInputs, turbulence_path


def _value(inputs: FactorInputs) -> float:
    path = turbulence_path(inputs)
    return float(path[-1] - path[0]) if path.size else math.nan


REGIME_SHIFT = Factor(
    "regime_shift",
    _value,
    1,
    0.15,
    ("bars",),
    "filtered probability of the turbulent regime, now - 24 hours ago",
)
