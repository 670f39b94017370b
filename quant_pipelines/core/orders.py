"""Words for an order: kind, which way it goes, how far it is; ``trading.orders`` says what follows what."""

from decimal import Decimal
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["buy", "sell"]
PositionSide: TypeAlias = Literal["long", "short"]
Direction: TypeAlias = Literal["long", "short", "both"]
"""Sides that a strategy may hold."""
RestingKind: TypeAlias = Literal["market", "limit", "stop_market"]
"""Kinds of an event strategy's orders."""
OrderKind: TypeAlias = RestingKind | Literal["take_profit_market"]
CONDITIONAL: tuple[OrderKind, ...] = ("stop_market", "take_profit_market")
"""Kinds that wait outside a venue's book until their trigger is touched, and go at market then."""
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
