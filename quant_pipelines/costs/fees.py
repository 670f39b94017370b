"""Fee and slippage of fills: a taker pays both, a maker only its own fee."""

import math
from typing import NamedTuple

from quant_pipelines.core.errors import ConfigurationError
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
    impact_cap
        Most of the slippage that ``impact_rate`` makes, of price; all of it at no volume.

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
    impact_cap: float = 0.1


def cost_terms(settings: CostSettings) -> CostTerms:
    """Fractions of settings that are given in basis points.

    Raises
    ------
    ConfigurationError
        If a sale could get a price at or below 0.

    Examples
    --------
    >>> from quant_pipelines.core.settings import CostSettings
    >>> from quant_pipelines.costs import cost_terms
    >>> terms = cost_terms(CostSettings(fee_bps=5.0, slippage_bps=1.0, spread_bps=2.0))
    >>> round(terms.fee_rate, 6), round(terms.slippage_rate, 6)  # half of the spread is paid
    (0.0005, 0.0002)
    """
    worst_bps = settings.slippage_bps + settings.spread_bps / 2.0 + settings.impact_cap_bps
    if not worst_bps < 10_000.0:
        raise ConfigurationError(
            f"slippage_bps, half of spread_bps and impact_cap_bps are {worst_bps:g} together; "
            "expected less than 10000, so that no price falls to 0"
        )
    return CostTerms(
        float(settings.fee_bps) / 1e4,
        float(settings.slippage_bps) / 1e4 + float(settings.spread_bps) / 2e4,
        float(settings.maker_fee_bps) / 1e4,
        float(settings.impact_bps) / 1e4,
        float(settings.impact_cap_bps) / 1e4,
    )


@scalar
def impact_of(quantity: float, costs: CostTerms, volume: float) -> float:
    """Slippage that a quantity makes by its share of a volume, as a fraction of price; never above the cap.

    Examples
    --------
    >>> from quant_pipelines.costs.fees import CostTerms, impact_of
    >>> costs = CostTerms(fee_rate=0.0, slippage_rate=0.0, impact_rate=0.01, impact_cap=0.05)
    >>> [impact_of(-4.0, costs, volume) for volume in (16.0, 4.0, 1e-6, 0.0)]
    [0.005, 0.01, 0.05, 0.05]
    """
    if costs.impact_rate <= 0.0:
        return 0.0
    if volume <= 0.0:
        return costs.impact_cap
    return min(costs.impact_rate * math.sqrt(abs(quantity) / volume), costs.impact_cap)


@scalar
def fill_price(price: float, quantity: float, costs: CostTerms, volume: float = math.inf) -> float:
    """Price of a market order: worse than ``price`` by the slippage, for buys (quantity > 0) and sells.

    ``volume`` in base is that of the last closed bar; the impact follows the square-root law up to its cap,
    see ``costs.calibration``. It is none where the volume is infinite, and the cap where it is 0.

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
    if costs.impact_rate > 0.0:
        rate += impact_of(quantity, costs, volume)
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
