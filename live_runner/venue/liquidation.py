"""Keeps the stop of one position before the venue's liquidation price, while that position lasts."""

import math
from collections.abc import Sequence

from quant_pipelines.core.orders import closing_side
from quant_pipelines.risk.liquidation import stop_fault
from quant_pipelines.trading.venue import AccountPosition, VenueStop

LIQUIDATION_BUFFER = "liquidation_buffer"
"""Reason of a stop that stands nearer than the strategy's own: the venue would liquidate before that."""


class LiquidationGuard:
    """What the stop may not be farther away than.

    Parameters
    ----------
    buffer
        Fraction of the liquidation price between it and the stop.
    """

    def __init__(self, buffer: float) -> None:
        self._buffer = buffer
        self._side = 0.0
        self._nearest = math.nan
        self.is_near = False
        """Whether the stop in force would come too late."""

    def look(self, held: AccountPosition, stops: Sequence[VenueStop], wanted: float | None) -> str:
        """Compare the stop in force with the venue's liquidation price; returns what people are to be told.

        In force is the nearest of those that stand, or the one that is ``wanted`` where none stands yet. A
        level that was moved nearer stays there while the position lasts.
        """
        position = float(held.quantity)
        side = math.copysign(1.0, position) if position else 0.0
        if side != self._side:
            self._side, self._nearest = side, math.nan
        price = None if held.liquidation_price is None else float(held.liquidation_price)
        stop_price = _in_force(position, stops, wanted)
        fault = stop_fault(position, stop_price, liquidation_price=price, buffer=self._buffer)
        self.is_near = fault is not None
        if fault is None or side * (self._nearest - fault.stop_price) >= 0.0:
            return ""  # it is on its way there
        self._nearest = fault.stop_price
        return f"{fault.sentence}; it is moved to {fault.stop_price:g}"

    def level(self, position: float, stop_price: float | None, reason: str) -> tuple[float | None, str]:
        """Return level and reason of the stop to keep: the strategy's, or the one before the liquidation."""
        is_same = position * self._side > 0.0 and math.isfinite(self._nearest)
        if not is_same or (stop_price is not None and self._side * (stop_price - self._nearest) >= 0.0):
            return stop_price, reason
        return self._nearest, LIQUIDATION_BUFFER


def _in_force(position: float, stops: Sequence[VenueStop], wanted: float | None) -> float:
    side = closing_side(position)
    prices = [float(stop.trigger_price) for stop in stops if stop.side == side]
    if not prices:
        return math.nan if wanted is None else wanted
    return max(prices) if position > 0.0 else min(prices)
