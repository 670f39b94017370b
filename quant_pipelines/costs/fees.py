"""Fee and slippage of fills: a taker pays both, a maker only its own fee."""

import math
from typing import NamedTuple

from quant_pipelines.core.jit import scalar
from quant_pipelines.core.settings import CostSettings


class CostTerms(NamedTuple):
    """Costs as fractions.

    Parameters
    ----------
    fee_rate, maker_rate
        Fee of a taker and of a maker, of notional.
    slippage_rate
        Half the spread and what comes on top, of price.
    impact_rate
        Slippage of an order as large as the volume of the bar before; it grows with the root of that share.

    Examples
    --------
    >>> from quant_pipelines.costs import CostTerms, fee_of
    >>> costs = CostTerms(fee_rate=0.0005, slippage_rate=0.0001)  # 5 and 1 basis points
    >>> fee_of(-2.0, 100.0, costs)  # of 200 quote; selling costs as much as buying
    0.1
    """

    fee_rate: float
    slippage_rate: float
    maker_rate: float = 0.0
    impact_rate: float = 0.0


def cost_terms(settings: CostSettings) -> CostTerms:
    """Fractions of settings that are given in basis points.

    Examples
    --------
    >>> from quant_pipelines.core.settings import CostSettings
    >>> from quant_pipelines.costs import cost_terms
    >>> terms = cost_terms(CostSettings(fee_bps=5.0, slippage_bps=1.0, spread_bps=2.0))
    >>> round(terms.fee_rate, 6), round(terms.slippage_rate, 6)  # half of the spread is paid
    (0.0005, 0.0002)
    """
    return CostTerms(
        float(settings.fee_bps) / 1e4,
        float(settings.slippage_bps) / 1e4 + float(settings.spread_bps) / 2e4,
        float(settings.maker_fee_bps) / 1e4,
        float(settings.impact_bps) / 1e4,
    )


@scalar
def fill_price(price: float, quantity: float, costs: CostTerms, volume: float = 0.0) -> float:
    """Price of a market order: worse than ``price`` by the slippage, for buys (quantity > 0) and sells.

    ``volume`` in base is that of the last closed bar; the impact follows the square-root law, see
    ``costs.calibration``, and is 0 where the volume isn't known.

    Examples
    --------
    >>> from quant_pipelines.costs import CostTerms, fill_price
    >>> costs = CostTerms(fee_rate=0.0, slippage_rate=0.001, impact_rate=0.01)
    >>> round(fill_price(100.0, 1.0, costs), 6), round(fill_price(100.0, -1.0, costs), 6)
    (100.1, 99.9)
    >>> round(fill_price(100.0, 1.0, costs, 4.0), 6)  # a quarter of the volume: half of the impact on top
    100.6
    """
    rate = costs.slippage_rate
    if costs.impact_rate > 0.0 and volume > 0.0:
        rate += costs.impact_rate * math.sqrt(abs(quantity) / volume)
    if quantity > 0.0:
        return price * (1.0 + rate)
    return price * (1.0 - rate)


@scalar
def fee_of(quantity: float, price: float, costs: CostTerms) -> float:
    """Fee in quote of a taker who fills a signed quantity at a price.

    Examples
    --------
    >>> from quant_pipelines.costs import CostTerms, fee_of
    >>> fee_of(2.0, 100.0, CostTerms(fee_rate=0.0005, slippage_rate=0.0))
    0.1
    """
    return abs(quantity) * price * costs.fee_rate


@scalar
def maker_fee_of(quantity: float, price: float, costs: CostTerms) -> float:
    """Fee in quote of a maker; negative is a rebate.

    Examples
    --------
    >>> from quant_pipelines.costs import CostTerms, maker_fee_of
    >>> maker_fee_of(2.0, 100.0, CostTerms(fee_rate=0.0005, slippage_rate=0.0, maker_rate=-0.00025))
    -0.05
    """
    return abs(quantity) * price * costs.maker_rate
