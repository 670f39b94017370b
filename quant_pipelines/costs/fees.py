"""Fee and slippage of taker fills."""

from typing import NamedTuple

from quant_pipelines.core.jit import scalar
from quant_pipelines.core.settings import CostSettings


class CostTerms(NamedTuple):
    """Costs as fractions: ``fee_rate`` of notional, ``slippage_rate`` of price."""

    fee_rate: float
    slippage_rate: float


def cost_terms(settings: CostSettings) -> CostTerms:
    """Fractions of settings that are given in basis points."""
    return CostTerms(float(settings.fee_bps) / 1e4, float(settings.slippage_bps) / 1e4)


@scalar
def fill_price(price: float, quantity: float, costs: CostTerms) -> float:
    """Price of a market order: worse than ``price`` by the slippage, for buys (quantity > 0) and sells."""
    if quantity > 0.0:
        return price * (1.0 + costs.slippage_rate)
    return price * (1.0 - costs.slippage_rate)


@scalar
def fee_of(quantity: float, price: float, costs: CostTerms) -> float:
    """Fee in quote, never negative, of a signed quantity at a price."""
    return abs(quantity) * price * costs.fee_rate
