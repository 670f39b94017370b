"""Our books against the venue's: a pure function of (our rows, the venue's rows) to what is to be done.

It never mends by guessing: what is missing is looked up, what we gave up is canceled, and a position that
differs is a sentence for a person.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from decimal import Decimal

from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.venue import VenueOrder, VenueStop


@dataclass(frozen=True, slots=True)
class OurRows:
    """What we know of one (account, symbol).

    Parameters
    ----------
    symbol
        Which.
    position
        Sum of the booked fills, base, signed.
    statuses
        Status of every order of ours by its client order id.
    is_quiet
        Whether no order is unknown or about to be filled, so that positions must agree.
    at_rest
        What is booked of each order that only rests: positions must agree where the venue shows the same.
    placed
        Orders that strategies have placed: a stop among them protects nothing.
    late
        Those of them that were given up without a number of the venue's: they may have come after all.
    """

    symbol: str
    position: Decimal
    statuses: Mapping[str, str]
    is_quiet: bool
    at_rest: Mapping[str, Decimal] = field(default_factory=dict)
    placed: Set[str] = frozenset()
    late: Set[str] = frozenset()


@dataclass(frozen=True, slots=True)
class VenueRows:
    """What the venue says of one (account, symbol), after its trades were booked."""

    position: Decimal
    orders: tuple[VenueOrder, ...]
    stops: tuple[VenueStop, ...]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What is to be done.

    Parameters
    ----------
    seen
        Orders of ours that work at the venue, as it says.
    look_up
        Client order ids that are open with us, and not listed there.
    cancel
        Stops of ours that our rows don't know as open.
    standing
        Stops and take-profits of ours that stand, the oldest first; which of them are needed, `cover` says.
    waiting
        Stops that strategies have placed, and that have not triggered.
    external
        Orders and stops of others, which are left alone.
    difference
        How the positions differ; empty when they agree, or can't be compared yet.
    """

    seen: tuple[VenueOrder, ...] = ()
    look_up: tuple[str, ...] = ()
    cancel: tuple[str, ...] = ()
    standing: tuple[VenueStop, ...] = ()
    waiting: tuple[VenueStop, ...] = ()
    external: tuple[str, ...] = ()
    difference: str = ""


def reconcile(ours: OurRows, venue: VenueRows) -> Reconciliation:
    """Compare our rows with the venue's."""
    listed = {order.client_order_id for order in venue.orders}
    stops = tuple(stop for stop in venue.stops if _is_open(ours, stop.client_order_id))
    at_venue = listed | {stop.client_order_id for stop in stops}
    given_up = [
        one.client_order_id
        for one in venue.stops
        if one.client_order_id in ours.statuses and one not in stops
    ]
    return Reconciliation(
        seen=tuple(order for order in venue.orders if order.client_order_id in ours.statuses),
        look_up=tuple(
            name
            for name, status in ours.statuses.items()
            if status not in (*FINAL, "INITIALIZED") and name not in at_venue
        ),
        cancel=tuple(given_up),
        standing=tuple(stop for stop in stops if stop.client_order_id not in ours.placed),
        waiting=tuple(stop for stop in stops if stop.client_order_id in ours.placed),
        external=tuple(_others(ours, [*venue.orders, *venue.stops])),
        difference=_difference(ours, venue),
    )


def _is_open(ours: OurRows, name: str) -> bool:
    return name in ours.late or ours.statuses.get(name, "REJECTED") not in FINAL


def _others(ours: OurRows, listed: Iterable[VenueOrder | VenueStop]) -> list[str]:
    return [one.client_order_id for one in listed if one.client_order_id not in ours.statuses]


def _difference(ours: OurRows, venue: VenueRows) -> str:
    shown = {stop.client_order_id: Decimal(0) for stop in venue.stops}
    shown |= {order.client_order_id: order.filled_quantity for order in venue.orders}
    is_quiet = ours.is_quiet and all(shown.get(name) == filled for name, filled in ours.at_rest.items())
    if not is_quiet or ours.position == venue.position:
        return ""
    return f"{ours.symbol}: the venue holds {venue.position} and our fills sum to {ours.position}"
