"""How much wilder the last day was than the week before."""

import math

from quant_pipelines.hotlist.factor import Factor
from quant_pipelines.hotlist.inputs import FactorInputs, root_mean_square, usual_and_recent_returns


def _value(inputs: FactorInputs) -> float:
    usual, recent = usual_and_recent_returns(inputs)
    before, now = root_mean_square(usual), root_mean_square(recent)
    return math.log(now / before) if before > 0 and now > 0 else math.nan


VOLATILITY_JUMP = Factor(
    "volatility_jump",
    _value,
    1,
    0.30,
    ("bars",),
    "ln(volatility of the last 24 hours / of the 7 days before), root mean square of 15-minute log returns",
)
