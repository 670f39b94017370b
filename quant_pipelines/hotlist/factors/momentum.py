"""Where the last day went, in the symbol's own deviations."""

import math

from quant_pipelines.hotlist.factor import Factor
from quant_pipelines.hotlist.inputs import (
    STEPS_PER_DAY,
    FactorInputs,
    root_mean_square,
    usual_and_recent_returns,
)


def _value(inputs: FactorInputs) -> float:
    usual, recent = usual_and_recent_returns(inputs)
    deviation = root_mean_square(usual) * math.sqrt(STEPS_PER_DAY)
    return float(recent.sum()) / deviation if deviation > 0 else math.nan


MOMENTUM = Factor(
    "momentum",
    _value,
    1,
    0.0,
    ("bars",),
    "log return of the last 24 hours / deviation of a day, of the 7 days before",
)
