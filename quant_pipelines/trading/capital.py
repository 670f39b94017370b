"""What a book is paid when the capital of its deployment changes: a deposit, or a withdrawal of what is free.

Capital is what was paid into a book less what was taken out; its profit stays in it. So capital that moves
between two books changes neither the sum of their capital nor what either has gained.
"""

from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Final, NamedTuple

TRANSFER: Final = "transfer"
"""Kind of income that is capital, no profit."""
LEAST_MARGIN: Final = 0.2
"""Part of the notional of what is held that is not free: nobody is left with more than five times."""
_STAYS: Final = Decimal("0.01")
_LEAST_PART: Final = Decimal("0.1")
_CENT: Final = Decimal("0.01")
_ZERO: Final = Decimal(0)


class WantedCapital(NamedTuple):
    """Capital that a deployment is meant to have, quote, and since when."""

    amount: Decimal
    at: datetime


def free_equity(equity: float, notional: float, leverage: float) -> Decimal:
    """Equity that binds no margin, quote; 0 where there is none.

    Parameters
    ----------
    equity
        Of the book, quote.
    notional
        Of what it holds and has ordered, quote, unsigned.
    leverage
        Of isolated margin, which is bound as a whole; 0 is cross margin.

    Examples
    --------
    >>> free_equity(1_000.0, 2_000.0, leverage=0.0)  # a fifth of the notional stays
    Decimal('600.00')
    >>> free_equity(1_000.0, 2_000.0, leverage=2.0)
    Decimal('0.00')
    """
    margin = notional * max(LEAST_MARGIN, 1.0 / leverage if leverage > 0.0 else 0.0)
    free = max(equity - margin, 0.0)
    return Decimal(repr(free)).quantize(_CENT, ROUND_DOWN)


def due_flow(wanted: Decimal, paid_in: Decimal, free: Decimal) -> Decimal:
    """Amount that a book is paid now, quote; negative when it is taken out, 0 when nothing is.

    A deposit comes whole. A withdrawal takes what is free, so that it never makes a loss real nor leaves a
    position without margin: all of it or at least a tenth, the rest at later closes. A hundredth of what is
    free always stays, so that what is left has a value.

    Parameters
    ----------
    wanted
        Capital that the book is meant to have, quote.
    paid_in
        Capital that it has.
    free
        See `free_equity`.

    Examples
    --------
    >>> due_flow(Decimal(900), Decimal(1000), Decimal(700))
    Decimal('-100')
    >>> due_flow(Decimal(900), Decimal(1000), Decimal(50))  # the rest at a later close
    Decimal('-49.50')
    >>> due_flow(Decimal(900), Decimal(1000), Decimal(5))
    Decimal('0')
    """
    flow = wanted - paid_in
    if flow >= 0:
        return flow
    takeable = (free * (1 - _STAYS)).quantize(_CENT, ROUND_DOWN)
    taken = min(-flow, takeable)
    return -taken if taken > 0 and taken >= -flow * _LEAST_PART else _ZERO
