"""Words for an order: which way it goes, and how far it is; ``trading.orders`` says what may follow what."""

from decimal import Decimal
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["buy", "sell"]
OrderStatus: TypeAlias = Literal[
    "INITIALIZED",
    "DENIED",
    "SUBMITTED",
    "UNKNOWN",
    "ACCEPTED",
    "TRIGGERED",
    "PARTIALLY_FILLED",
    "PENDING_UPDATE",
    "PENDING_CANCEL",
    "FILLED",
    "CANCELED",
    "REJECTED",
    "EXPIRED",
]


def side_of(quantity: float | Decimal) -> Side:
    """Side of an order of this signed quantity, base; positive buys."""
    return "buy" if quantity > 0 else "sell"


def closing_side(position: float | Decimal) -> Side:
    """Side of the order that closes this signed position, base."""
    return "sell" if position > 0 else "buy"


def shown_quantity(quantity: float) -> float:
    """Quantity as a person reads it: without what adding floats has left behind the twelfth digit.

    Examples
    --------
    >>> shown_quantity(0.05899999999999997)
    0.059
    """
    return float(f"{quantity:.12g}")
