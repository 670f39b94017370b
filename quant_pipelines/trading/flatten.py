"""How what is held is closed: reduce-only orders at a collar around the mark, wider from step to step.

==================================  ==================================================================
what is so, the first that applies  the next step
==================================  ==================================================================
the last closing order works        wait: nobody doubles an order whose outcome is not known
what is held is not known           wait
nothing is held                     done
the mark is not known               market order: an exit must not wait for a price
the widest collar came to nothing   market order, which the venue itself keeps near the last price
else                                limit order, immediate or cancel, at the mark and the next collar
==================================  ==================================================================

So every exit ends, that of a stop too. One order is at most as large as the venue takes it; the steps that
follow close the rest.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple, TypeAlias

from quant_pipelines.core.orders import Side, closing_side
from quant_pipelines.core.runner_settings import RunnerSettings


@dataclass(frozen=True, slots=True)
class Collar:
    """How far from the mark a closing order may be filled.

    Parameters
    ----------
    first, widest
        Fraction of the mark at first, and at most.
    factor
        By what it is multiplied from step to step, at least 1.1.
    """

    first: Decimal = Decimal("0.005")
    widest: Decimal = Decimal("0.04")
    factor: Decimal = Decimal(2)

    @classmethod
    def of(cls, settings: RunnerSettings) -> "Collar":
        """Collar of the runner's settings."""
        fractions = (settings.flatten_collar_fraction, settings.flatten_widest_fraction)
        first, widest, factor = (Decimal(str(one)) for one in (*fractions, settings.flatten_collar_factor))
        return cls(first, widest, factor)

    def width(self, n_steps: int) -> Decimal | None:
        """Fraction of the mark after so many steps; None once the widest came to nothing.

        Examples
        --------
        >>> [str(Collar().width(n)) for n in range(5)]
        ['0.005', '0.010', '0.020', '0.040', 'None']
        """
        width = min(self.first, self.widest)
        for _ in range(n_steps):
            if width >= self.widest:
                return None
            width = min(width * self.factor, self.widest)
        return width


DEFAULT_COLLAR = Collar()


class ClosingTerms(NamedTuple):
    """Price step of a symbol, quote per base, and its largest market order, base; None without a largest."""

    tick_size: Decimal
    largest: Decimal | None = None


class ToClose(NamedTuple):
    """What is left to close.

    Parameters
    ----------
    quantity
        As it was read back after the last order, base, signed; None while it can't be read.
    mark
        Mark price, quote per base; None while it is not known.
    is_working
        Whether the last closing order has not ended, or nobody knows whether it has.
    """

    quantity: Decimal | None
    mark: Decimal | None
    is_working: bool = False


class CloseOrder(NamedTuple):
    """Order that only reduces: side, quantity in base, worst price in quote per base.

    With a price it is immediate or cancel, without one a market order.
    """

    side: Side
    quantity: Decimal
    price: Decimal | None


class NothingHeld(NamedTuple):
    """Nothing is left to close."""


class NotNow(NamedTuple):
    """No order can be sent now; why, as one clause."""

    reason: str


FlattenStep: TypeAlias = CloseOrder | NothingHeld | NotNow


def flatten_step(
    left: ToClose, n_steps: int, *, terms: ClosingTerms, collar: Collar = DEFAULT_COLLAR
) -> FlattenStep:
    """Decide on the next step of a flattening.

    Parameters
    ----------
    left
        What is left to close.
    n_steps
        Closing orders that have ended with something left.
    terms
        What the venue takes.
    collar
        How far from the mark.

    Examples
    --------
    >>> terms = ClosingTerms(Decimal("0.1"), largest=Decimal(2))
    >>> flatten_step(ToClose(Decimal("2.5"), Decimal(100)), 0, terms=terms)
    CloseOrder(side='sell', quantity=Decimal('2'), price=Decimal('99.5'))
    >>> flatten_step(ToClose(Decimal("-0.5"), Decimal(100)), 1, terms=terms)
    CloseOrder(side='buy', quantity=Decimal('0.5'), price=Decimal('101.0'))
    >>> flatten_step(ToClose(Decimal("-0.5"), Decimal(100)), 9, terms=terms)
    CloseOrder(side='buy', quantity=Decimal('0.5'), price=None)
    >>> flatten_step(ToClose(Decimal(0), None), 3, terms=terms)
    NothingHeld()
    """
    held = left.quantity
    if left.is_working:
        return NotNow("the last closing order has not ended")
    if held is None or not held.is_finite():
        return NotNow("what is held is not known")
    if held == 0:
        return NothingHeld()
    quantity = min(abs(held), terms.largest or abs(held))
    price = _worst_price(held, left.mark, collar.width(n_steps), terms.tick_size)
    return CloseOrder(closing_side(held), quantity, price)


def _worst_price(
    held: Decimal, mark: Decimal | None, width: Decimal | None, tick_size: Decimal
) -> Decimal | None:
    """Price at the collar, on the tick within it; None for a market order."""
    if width is None or mark is None or not mark.is_finite() or mark <= 0:
        return None
    worst, rounding = (1 - width, ROUND_CEILING) if held > 0 else (1 + width, ROUND_FLOOR)
    price = (mark * worst / tick_size).to_integral_value(rounding) * tick_size
    return price if price > 0 else None
