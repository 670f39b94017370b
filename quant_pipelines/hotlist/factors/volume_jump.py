"""How much more is traded than in the week before."""

import math

import numpy as np

from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.hotlist.factor import Factor
from quant_pipelines.hotlist.inputs import STEPS_PER_DAY, FactorInputs, daily_volume


def _value(inputs: FactorInputs) -> float:
    before = inputs.volume[inputs.ts < inputs.at_ms - DAY_MS]
    usual = float(np.mean(before)) * STEPS_PER_DAY if before.size >= 2 * STEPS_PER_DAY else 0.0
    now = daily_volume(inputs)
    return math.log(now / usual) if now > 0 and usual > 0 else math.nan


VOLUME_JUMP = Factor(
    "volume_jump",
    _value,
    1,
    0.0,
    ("bars",),
    "ln(base volume of the last 24 hours / of a usual day of the 7 days before)",
)
