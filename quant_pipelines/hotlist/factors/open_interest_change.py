"""Whether contracts are opened or closed."""

import math

from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.hotlist.factor import Factor
from quant_pipelines.hotlist.inputs import FactorInputs, open_interest_at


def _value(inputs: FactorInputs) -> float:
    now, before = (open_interest_at(inputs, at) for at in (inputs.at_ms, inputs.at_ms - DAY_MS))
    return now / before - 1.0 if before > 0 else math.nan


OPEN_INTEREST_CHANGE = Factor(
    "open_interest_change",
    _value,
    1,
    0.20,
    ("open_interest",),
    "open interest (base units, so price does not count) now / 24 hours ago - 1",
)
