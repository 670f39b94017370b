"""Whether a stop is met before the venue liquidates; a matter of each fill, and of leverage and brackets."""

import math

BUFFER = 0.20
"""Part of the way from the mark to the liquidation price that a stop must leave."""


def stop_fault(
    position: float, *, mark: float, stop_price: float, liquidation_price: float, buffer: float = BUFFER
) -> str:
    """Why a stop does not protect from liquidation, in one sentence; empty if it does.

    Parameters
    ----------
    position
        Base, signed.
    mark, stop_price, liquidation_price
        Quote per base; a liquidation price of 0 can't be reached (no margin stands behind a loss so large).
    buffer
        Part of the way from mark to liquidation price that must be left after the stop.

    Examples
    --------
    >>> stop_fault(1.0, mark=100.0, stop_price=92.0, liquidation_price=90.0)  # 8 of the 10 that there are
    ''
    >>> stop_fault(1.0, mark=100.0, stop_price=91.0, liquidation_price=90.0)
    'the stop at 91 leaves 10.0 % of the way to liquidation at 90; expected 20.0 %'
    >>> stop_fault(-1.0, mark=100.0, stop_price=112.0, liquidation_price=110.0)
    'the stop at 112 leaves -20.0 % of the way to liquidation at 110; expected 20.0 %'
    """
    if position == 0.0:
        return ""
    told = {"mark": mark, "stop price": stop_price, "liquidation price": liquidation_price}
    for name, value in told.items():
        if not math.isfinite(value):
            return f"the {name} of the position is not known; expected a number"
    side = math.copysign(1.0, position)
    way = side * (mark - liquidation_price)
    if liquidation_price <= 0.0:
        return ""
    if way <= 0.0:
        return f"the mark at {mark:g} is at liquidation at {liquidation_price:g} or beyond"
    left = side * (stop_price - liquidation_price) / way
    if left >= buffer - 1e-9:
        return ""
    shown = f"{left:.1%}".replace("%", " %"), f"{buffer:.1%}".replace("%", " %")
    return (
        f"the stop at {stop_price:g} leaves {shown[0]} of the way to liquidation at {liquidation_price:g}; "
        f"expected {shown[1]}"
    )
