"""Wilder's relative strength of the hours."""

import math

from quant_pipelines.hotlist.factor import Factor
from quant_pipelines.hotlist.inputs import FactorInputs

_WINDOW = 14
_STEPS_PER_HOUR = 4


def _value(inputs: FactorInputs) -> float:
    from quant_pipelines.indicators import rsi  # noqa: PLC0415 - it loads a compiler, the table does not

    hours = inputs.close[::-1][::_STEPS_PER_HOUR][::-1]
    return float(rsi(hours, _WINDOW)[-1]) if hours.size > _WINDOW else math.nan


STRENGTH = Factor(
    "strength",
    _value,
    1,
    0.0,
    ("bars",),
    "relative strength index of 14 hours, 0 to 100",
)
