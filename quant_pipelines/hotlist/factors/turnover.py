"""How often a day the open contracts change hands."""

import math

from quant_pipelines.hotlist.factor import Factor
from quant_pipelines.hotlist.inputs import FactorInputs, daily_volume, open_interest_at


def _value(inputs: FactorInputs) -> float:
    held, traded = open_interest_at(inputs, inputs.at_ms), daily_volume(inputs)
    return math.log(traded / held) if traded > 0 and held > 0 else math.nan


TURNOVER = Factor(
    "turnover",
    _value,
    1,
    0.25,
    ("bars", "open_interest"),
    "ln(base volume of the last 24 hours / open interest): a rate, so coins of any size compare",
)
