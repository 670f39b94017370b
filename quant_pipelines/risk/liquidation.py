"""The stop that comes before the venue's liquidation: where it must stand, and what is wrong with one."""

import math
from typing import NamedTuple

_WIDER = 1.5
"""A stop that is moved leaves so many buffers: the liquidation price may come nearer by half of one again."""


class StopFault(NamedTuple):
    """Why a stop does not come before the liquidation, in one sentence, and where it must be moved to."""

    sentence: str
    stop_price: float


def stop_fault(
    position: float, stop_price: float, *, liquidation_price: float | None, buffer: float
) -> StopFault | None:
    """Tell what is wrong with a stop; None if it comes before the liquidation by the buffer.

    Parameters
    ----------
    position
        Base, signed.
    stop_price
        Quote per base; NaN where it is not known, which is a fault.
    liquidation_price
        Quote per base, as the venue tells it; None: no price liquidates the position.
    buffer
        Fraction of the liquidation price that must lie between. A part of the way from the mark would follow
        the market and move the stop with each look; this one moves with leverage, brackets and wallet only.

    Examples
    --------
    >>> stop_fault(1.0, 92.0, liquidation_price=90.0, buffer=0.02)
    >>> fault = stop_fault(1.0, 91.0, liquidation_price=90.0, buffer=0.02)
    >>> fault.sentence, round(fault.stop_price, 6)
    ('the stop at 91 is 1.11 % before the liquidation at 90; expected 2 %', 92.7)
    >>> stop_fault(-1.0, 120.0, liquidation_price=110.0, buffer=0.02).sentence
    'the stop at 120 is -9.09 % before the liquidation at 110; expected 2 %'
    """
    if position == 0.0 or liquidation_price is None:
        return None
    side = math.copysign(1.0, position)
    left = side * (stop_price / liquidation_price - 1.0)
    if left >= buffer * (1.0 - 1e-9):
        return None
    told = f"the stop at {stop_price:g} is {100 * left:.3g} %" if math.isfinite(left) else "no known stop is"
    sentence = f"{told} before the liquidation at {liquidation_price:g}; expected {100 * buffer:g} %"
    return StopFault(sentence, liquidation_price * (1.0 + side * _WIDER * buffer))
