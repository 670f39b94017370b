"""How large the coin is, where somebody has recorded how many there are."""

import math

from quant_pipelines.hotlist.factor import Factor
from quant_pipelines.hotlist.inputs import FactorInputs


def _value(inputs: FactorInputs) -> float:
    worth = inputs.circulating_supply * float(inputs.close[-1]) if inputs.close.size else math.nan
    return math.log(worth) if worth > 0 else math.nan


MARKET_CAP = Factor(
    "market_cap",
    _value,
    -1,
    0.0,
    ("bars", "supply"),
    "ln(circulating supply * last close, quote); unknown where no supply is recorded; smaller is hotter",
)
