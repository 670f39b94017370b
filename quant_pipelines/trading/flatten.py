"""How what is held is closed: reduce-only limit orders at a collar around the mark, wider from step to step.

Pure: what is still held (read back from the venue), the mark, and the orders so far; out comes the next one.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple, TypeAlias

from quant_pipelines.core.orders import Side, closing_side


@dataclass(frozen=True, slots=True)
class Collar:
    """How far from the mark a closing order may be filled.

    Parameters
    ----------
    first, factor, widest
        Fraction of the mark at first, by what it is multiplied after an order that was not filled, and at
        most; an exit must not end because the market runs away, so the widest is repeated.
    """

    first: Decimal = Decimal("0.005")
    factor: Decimal = Decimal(2)
    widest: Decimal = Decimal("0.08")

    def width(self, n_tries: int) -> Decimal:
        """Fraction of the mark after so many orders.

        Examples
        --------
        >>> [str(Collar().width(n)) for n in (0, 1, 2, 9)]
        ['0.005', '0.010', '0.020', '0.08']
        """
        return min(self.first * self.factor ** min(n_tries, 64), self.widest)


class CloseOrder(NamedTuple):
    """Reduce-only limit order, immediate or cancel: side, quantity in base, price in quote per base."""

    side: Side
    quantity: Decimal
    price: Decimal


class NothingHeld(NamedTuple):
    """Nothing is left to close."""


class NotNow(NamedTuple):
    """No order can be sent now; why, as one clause."""

    reason: str


FlattenStep: TypeAlias = CloseOrder | NothingHeld | NotNow


def flatten_step(
    held: Decimal | None,
    *,
    mark: Decimal | None,
    n_tries: int,
    tick_size: Decimal,
    is_working: bool = False,
    collar: Collar = Collar(),
) -> FlattenStep:
    """Decide on the next step of a flattening.

    Parameters
    ----------
    held
        Position as the venue says it after the last order, base, signed; None while it can't be read.
    mark
        Mark price, quote per base; None while it is not known.
    n_tries
        Closing orders that have ended since the flattening began.
    tick_size
        Price step, quote per base.
    is_working
        Whether the last closing order has not ended, or nobody knows whether it has: it is never doubled.
    collar
        How far from the mark.

    Examples
    --------
    >>> flatten_step(Decimal("2.5"), mark=Decimal(100), n_tries=0, tick_size=Decimal("0.1"))
    CloseOrder(side='sell', quantity=Decimal('2.5'), price=Decimal('99.5'))
    >>> flatten_step(Decimal("-1"), mark=Decimal(100), n_tries=1, tick_size=Decimal("0.1"))
    CloseOrder(side='buy', quantity=Decimal('1'), price=Decimal('101.0'))
    >>> flatten_step(Decimal(0), mark=None, n_tries=3, tick_size=Decimal("0.1"))
    NothingHeld()
    """
    if is_working:
        return NotNow("the last closing order has not ended")
    if held is None or held.is_nan():
        return NotNow("what is held is not known")
    if held == 0:
        return NothingHeld()
    if mark is None or not mark.is_finite() or mark <= 0:
        return NotNow("the mark is not known")
    side, width = closing_side(held), collar.width(n_tries)
    worst = mark * (1 + width if side == "buy" else 1 - width)
    rounding = ROUND_FLOOR if side == "buy" else ROUND_CEILING  # never beyond the collar
    price = (worst / tick_size).to_integral_value(rounding) * tick_size
    return CloseOrder(side, abs(held), max(price, tick_size))
