"""Quantity steps and the smallest order."""

import math

from quant_pipelines.core.jit import scalar

LOT_TOLERANCE = 1e-9
FLOAT_NOISE = 1e-15


@scalar
def floor_to_lot(quantity: float, lot_size: float) -> float:
    """Signed quantity rounded toward zero to a multiple of ``lot_size``; 0 means any quantity.

    Applying it twice changes nothing. The result is the float nearest to the decimal multiple (0.3, not
    0.30000000000000004), so that it prints as the venue expects it.

    Examples
    --------
    >>> from quant_pipelines.costs import floor_to_lot
    >>> floor_to_lot(0.37, 0.1), floor_to_lot(-0.37, 0.1), floor_to_lot(0.37, 0.0)
    (0.3, -0.3, 0.37)
    """
    if lot_size <= 0.0:
        return quantity
    lots = abs(quantity) / lot_size
    lots = math.floor(lots + LOT_TOLERANCE + lots * FLOAT_NOISE)
    size = lots / math.floor(1.0 / lot_size + 0.5) if lot_size < 1.0 else lots * lot_size
    return math.copysign(size, quantity) if size > 0.0 else 0.0


@scalar
def whole_lots(quantity: float, lot_size: float) -> float:
    """Rid a signed quantity of float noise (0.30000000000000004 becomes 0.3); other fractions stay.

    Examples
    --------
    >>> from quant_pipelines.costs import whole_lots
    >>> whole_lots(0.1 + 0.2, 0.1), whole_lots(0.37, 0.1)
    (0.3, 0.37)
    """
    rounded = floor_to_lot(quantity, lot_size)
    return rounded if abs(rounded - quantity) <= LOT_TOLERANCE * abs(quantity) else quantity


@scalar
def is_below_min_notional(quantity: float, price: float, min_notional: float) -> bool:
    """Whether an order is too small for the venue; its value at the price decides, in quote.

    Examples
    --------
    >>> from quant_pipelines.costs import is_below_min_notional
    >>> is_below_min_notional(0.01, 400.0, 5.0), is_below_min_notional(-0.02, 400.0, 5.0)
    (True, False)
    """
    return abs(quantity) * price < min_notional
