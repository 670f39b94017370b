"""From a target to a quantity: sizers around one compiled scalar."""

from quant_pipelines.portfolio.sizing import (
    AllIn,
    Fixed,
    Sizing,
    SizingTerms,
    VolatilityTarget,
    desired_quantity,
    parse_sizing,
)
from quant_pipelines.portfolio.volatility import realized_volatility

__all__ = [
    "AllIn",
    "Fixed",
    "Sizing",
    "SizingTerms",
    "VolatilityTarget",
    "desired_quantity",
    "parse_sizing",
    "realized_volatility",
]
