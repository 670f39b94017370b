"""The order table: which status may follow which. An order's state never goes back.

A status that was observed late or twice is not an error: ``advanced`` ignores it.
"""

from decimal import Decimal
from typing import NamedTuple, TypeAlias, get_args

from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.core.orders import OrderStatus

FINAL: tuple[OrderStatus, ...] = ("DENIED", "FILLED", "CANCELED", "REJECTED", "EXPIRED")
OPEN: tuple[OrderStatus, ...] = tuple(status for status in get_args(OrderStatus) if status not in FINAL)

_Followers: TypeAlias = frozenset[OrderStatus]
_ENDED_AT_VENUE: _Followers = frozenset({"FILLED", "CANCELED", "EXPIRED"})
_ACCEPTED: _Followers = frozenset({"ACCEPTED", "TRIGGERED", "PARTIALLY_FILLED"})

FOLLOWERS: dict[OrderStatus, _Followers] = {
    "INITIALIZED": _ACCEPTED | _ENDED_AT_VENUE | {"DENIED", "SUBMITTED", "UNKNOWN", "REJECTED"},
    "SUBMITTED": _ACCEPTED | _ENDED_AT_VENUE | {"DENIED", "UNKNOWN", "REJECTED"},
    "UNKNOWN": _ACCEPTED | _ENDED_AT_VENUE | {"REJECTED"},
    "ACCEPTED": _ENDED_AT_VENUE
    | {"TRIGGERED", "PARTIALLY_FILLED", "PENDING_UPDATE", "PENDING_CANCEL", "REJECTED"},
    "TRIGGERED": _ENDED_AT_VENUE | {"PARTIALLY_FILLED", "PENDING_CANCEL", "REJECTED"},
    "PARTIALLY_FILLED": _ENDED_AT_VENUE | {"PENDING_UPDATE", "PENDING_CANCEL"},
    "PENDING_UPDATE": _ENDED_AT_VENUE | {"ACCEPTED", "PARTIALLY_FILLED", "PENDING_CANCEL"},
    "PENDING_CANCEL": _ENDED_AT_VENUE | {"REJECTED"},
    **{status: frozenset() for status in FINAL},
}
"""Every status with those that may follow it; the venue may be seen to skip some.

An order whose submission is committed may still be denied, by who has not sent it and knows that.
``PENDING_*`` is what *we* asked for on top of a working state; an update that fails gives the state before
back, which loses nothing: the filled quantity is kept beside the status. A conditional order may trigger
while its cancel is on the way, and the order that it sends be REJECTED.
"""
UNPROVEN: tuple[OrderStatus, ...] = ("REJECTED", "EXPIRED")
"""Ends that an answer alone may have told, or that none told: one that came to an order without a number.

A refusal, a post-only order that would have taken, a stop that would have triggered, an order that was never
found: the row may be wrong about each. Such an end is left once, for what the venue tells with its number.
"""
LATE: _Followers = _ACCEPTED | _ENDED_AT_VENUE
"""What a venue may tell of an order whose end is unproven: it had arrived, and works or was filled."""


class OrderProgress(NamedTuple):
    """How far an order is: status, and quantity filled so far in base."""

    status: OrderStatus
    filled_quantity: Decimal = Decimal(0)


def may_follow(before: OrderStatus, after: OrderStatus) -> bool:
    """Whether the table lets ``after`` follow ``before``."""
    return after in FOLLOWERS[before]


def predecessors(after: OrderStatus) -> tuple[OrderStatus, ...]:
    """Statuses that ``after`` may follow."""
    return tuple(before for before, followers in FOLLOWERS.items() if after in followers)


def is_late(before: OrderStatus, after: OrderStatus) -> bool:
    """Whether ``after`` tells of an order that was thought to be over; counts while it has no number only."""
    return before in UNPROVEN and after in LATE


def has_unproven_end(status: OrderStatus, venue_order_id: str | None) -> bool:
    """Whether an order is over for us, and the venue may tell of it yet."""
    return status in UNPROVEN and venue_order_id is None


def advanced(known: OrderProgress, seen: OrderProgress, *, gets_number: bool = False) -> OrderProgress | None:
    """Progress after an observation; None if it tells nothing new, as one that is late or doubled.

    Parameters
    ----------
    known
        What is stored.
    seen
        What the venue said, in any order.
    gets_number
        Whether the venue gave it its number with that, and had given none before.

    Returns
    -------
    OrderProgress or None
        The later status with the larger filled quantity.
    """
    filled = max(known.filled_quantity, seen.filled_quantity)
    if may_follow(known.status, seen.status) or (gets_number and is_late(known.status, seen.status)):
        return OrderProgress(seen.status, filled)
    if filled > known.filled_quantity and known.status == seen.status:
        return OrderProgress(known.status, filled)
    return None


def stepped(name: str, known: OrderProgress, new: OrderProgress) -> OrderProgress:
    """Progress after a change that nobody but us makes, as on paper: there is nothing late or doubled.

    Parameters
    ----------
    name
        Client order id, for the error.
    known, new
        Progress before and after.

    Raises
    ------
    ReconciliationError
        If the table does not let it follow, or less is filled than before.

    Examples
    --------
    >>> stepped("q1-1-x-t", OrderProgress("SUBMITTED"), OrderProgress("FILLED", Decimal(2))).status
    'FILLED'
    """
    if advanced(known, new) != new:
        raise ReconciliationError(
            f"order {name} is {known.status} with {known.filled_quantity} filled; "
            f"expected what may follow that, got {new.status} with {new.filled_quantity}"
        )
    return new
