"""What longs pay to shorts."""

from quant_pipelines.hotlist.factor import Factor
from quant_pipelines.hotlist.inputs import FactorInputs


def _value(inputs: FactorInputs) -> float:
    return inputs.funding_rate * 8.0 / inputs.funding_interval_hours


FUNDING = Factor(
    "funding",
    _value,
    1,
    0.10,
    ("funding",),
    "newest funding rate as its 8-hour equivalent: rate * 8 / interval in hours",
)
