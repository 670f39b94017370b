"""Price of a market order that walks a sampled order book."""

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.depth import ASKS, BIDS
from quant_pipelines.core.jit import inner, kernel
from quant_pipelines.costs.fees import CostTerms, fill_price, impact_of


@inner
def walked_rate(quantity: float, ladder: FloatArray, costs: CostTerms, volume: float) -> float:
    """Return the average distance from the middle that a market order pays, as a fraction.

    ``ladder`` is of shape (2, n_levels, 2), see ``core.depth``. What the sample has no level for pays the
    distance of the last one, and the declared impact of that rest on top: together no more than its cap, or
    than that distance where it is beyond the cap already.
    """
    side = ASKS if quantity > 0.0 else BIDS
    left, paid, rate = abs(quantity), 0.0, 0.0
    for level in range(ladder.shape[1]):
        there = ladder[side, level, 1]
        if there <= 0.0 or left <= 0.0:
            break
        rate = ladder[side, level, 0]
        taken = min(left, there)
        paid += taken * rate
        left -= taken
    if left > 0.0:
        paid += left * min(rate + impact_of(left, costs, volume), max(rate, costs.impact_cap))
    return paid / abs(quantity)


@kernel
def taker_price(
    price: float, quantity: float, costs: CostTerms, volume: float, ladder: FloatArray | None
) -> float:
    """Price of a market order: through the sampled book where there is one, else as declared.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.costs import CostTerms, taker_price
    >>> asks = [[0.001, 2.0], [0.003, 2.0]]  # two units at 0.1 % from the middle, two more at 0.3 %
    >>> ladder, costs = np.array([asks, asks]), CostTerms(fee_rate=0.0, slippage_rate=0.0005)
    >>> [round(taker_price(100.0, 4.0, costs, 0.0, known), 6) for known in (ladder, None)]
    [100.2, 100.05]
    """
    if ladder is None:
        return fill_price(price, quantity, costs, volume)
    if ladder.shape[1] == 0 or ladder[ASKS, 0, 1] <= 0.0:
        return fill_price(price, quantity, costs, volume)
    rate = walked_rate(quantity, ladder, costs, volume)
    return price * (1.0 + rate) if quantity > 0.0 else price * (1.0 - rate)
