"""The books at one symbol of an account: each by itself, or all of them at one moment."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import NamedTuple, TypeVar

from live_runner.book.broker import Broker
from live_runner.book.rows import exact
from live_runner.book.trader import Trader
from live_runner.venue.broker import VenueBroker
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.wire import Wire
from quant_pipelines.core.ids import deployment_of
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.costs import is_below_min_notional
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.levels import WantedLevel
from quant_pipelines.trading.netting import reduces_net
from quant_pipelines.trading.tries import Pace
from quant_pipelines.trading.venue import StopOrder, VenueOrder, VenueStop

Brokers = Mapping[int, VenueBroker]
"""Brokers by deployment, the oldest first."""
Answer = TypeVar("Answer")


class PlaceBooks(NamedTuple):
    """All books of a place while nobody else acts on them, and where their rows are kept."""

    journal: Journal
    epoch: int
    brokers: Brokers
    lot_size: Decimal


@dataclass
class Seat:
    """A book at a place.

    Parameters
    ----------
    trader, wire, rows
        Who decides, how what was decided comes here, and who commits what is seen.
    barred
        Why nothing is opened although the books agree, in one sentence; empty when something may be.
    exit_pace
        When it may be closed again.
    has_begun
        Whether what an earlier life left behind was compared with the venue.
    begun
        Set once that was done for the first time.
    """

    trader: Trader
    wire: Wire
    rows: OrderRows
    barred: Callable[[], str]
    exit_pace: Pace = field(default_factory=Pace)
    has_begun: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def key(self) -> int:
        """Deployment whose book it is."""
        return self.trader.plan.deployment.id


class VenuePlace:
    """All books at one symbol of an account; it commits what belongs to any of them.

    Parameters
    ----------
    journal
        Rows of the runner.
    epoch
        Epoch of the writer.

    Attributes
    ----------
    seats
        Books by deployment.
    paid
        Kind and time (milliseconds UTC) of payments that were booked here, also by books that have left.
    """

    def __init__(self, journal: Journal, epoch: int) -> None:
        self._journal = journal
        self._epoch = epoch
        self.seats: dict[int, Seat] = {}
        self.paid = set[tuple[str, int]]()

    @property
    def first(self) -> Seat:
        """The oldest book."""
        return self.seats[min(self.seats)]

    @property
    def symbol(self) -> str:
        """What is traded."""
        return self.first.trader.symbol

    @property
    def instrument(self) -> Instrument:
        """Specification of what is traded."""
        instrument = self.first.trader.plan.deployment.instrument
        assert instrument is not None  # noqa: S101 - a plan has one
        return instrument

    @property
    def is_shared(self) -> bool:
        """Whether several books are here."""
        return len(self.seats) > 1

    def seat_of(self, name: str) -> Seat | None:
        """Book that an order belongs to, by its name; None if it is nobody's here."""
        return self.seats.get(deployment_of(name) or 0)

    async def with_brokers(self, act: Callable[[Brokers], Answer]) -> Answer:
        """Act on all brokers while no bar of any of them is booked; what fails outdates all of them."""
        seats = [self.seats[key] for key in sorted(self.seats)]
        return await asyncio.to_thread(_nested, act, seats, {})

    async def look(self, act: Callable[[Brokers], Answer]) -> Answer:
        """Read what brokers have in memory: in this thread where none is busy, as a tick must not wait."""
        brokers: dict[int, VenueBroker] = {}
        with ExitStack() as held:
            for key in sorted(self.seats):
                broker = held.enter_context(self.seats[key].trader.at_once())
                if broker is None:
                    break
                brokers[key] = _at_venue(broker)
            else:
                return act(brokers)
        return await self.with_brokers(act)

    async def unhindered(self) -> list[Seat]:
        """Books whose decision the state of their orders hindered, and does so no more; each once."""
        hindered = [seat for seat in self.seats.values() if seat.trader.is_hindered]
        free = [seat for seat in hindered if not await seat.rows.with_broker(_waits_for)]
        for seat in free:
            seat.trader.is_hindered = False
        return free

    async def with_books(self, act: Callable[[PlaceBooks], Answer]) -> Answer:
        """Act on all brokers at one moment, where what is done is committed as one."""
        journal, epoch, lot_size = self._journal, self._epoch, self.instrument.lot_size
        return await self.with_brokers(lambda brokers: act(PlaceBooks(journal, epoch, brokers, lot_size)))

    async def is_too_small(self, seat: Seat, change: Decimal) -> bool:
        """Whether the venue takes no such order of a book; base, signed.

        It takes less than its smallest notional of what only reduces: of a book that is alone, any exit.
        """
        if abs(change) < self.instrument.lot_size:
            return True
        net, is_small = await self.look(partial(net_and_smallness, seat, abs(change)))
        return self.is_shared and is_small and not reduces_net(net, change)

    async def tell(self, message: str, at: datetime) -> None:
        """Tell people of something that concerns all books."""
        alert = Alert("warning", self.first.trader.key, message, at)
        await asyncio.to_thread(self._journal.write_alert, alert)

    async def order_of(self, *, client_order_id: str = "", venue_order_id: str = "") -> PlacedOrder | None:
        """Order of any book by either name."""
        return await self.with_brokers(
            partial(order_among, client_order_id=client_order_id, venue_order_id=venue_order_id)
        )

    async def follow_order(self, seen: VenueOrder) -> None:
        """Commit what the venue says of an order, if it is ours."""
        known = await self.order_of(client_order_id=seen.client_order_id, venue_order_id=seen.venue_order_id)
        seat = None if known is None else self.seat_of(known.intent.client_order_id)
        if known is not None and seat is not None:
            number = seen.venue_order_id
            await seat.rows.follow(known, seen.status, filled=seen.filled_quantity, venue_order_id=number)

    async def intend_stop(self, wanted: WantedLevel, quantity: Decimal | None = None) -> StopOrder:
        """Commit the intent of a stop over the net, as an order of the oldest book that it closes."""
        owner, net = await self.with_brokers(_owner_of_stop)
        return await self.seats[owner].rows.intend_stop(wanted, quantity, covered=abs(net))

    async def follow_stop(self, stop: VenueStop, *, reason: str = "") -> None:
        """Commit what the venue says of a stop, if it is ours."""
        seat = self.seat_of(stop.client_order_id)
        if seat is not None:
            await seat.rows.follow_stop(stop, reason=reason)


def order_among(
    brokers: Brokers, *, client_order_id: str = "", venue_order_id: str = ""
) -> PlacedOrder | None:
    """Order of any broker by either name."""
    found = (
        broker.order_of(client_order_id=client_order_id, venue_order_id=venue_order_id)
        for broker in brokers.values()
    )
    return next((order for order in found if order is not None), None)


def net_of(brokers: Brokers) -> Decimal:
    """Sum of the positions, base, signed: what the venue holds."""
    return sum((broker.position().quantity for broker in brokers.values()), Decimal(0))


def net_and_smallness(seat: Seat, quantity: Decimal, brokers: Brokers) -> tuple[Decimal, bool]:
    """Net of the books, base, and whether a quantity is below the smallest notional at the last close."""
    instrument, price = seat.trader.plan.deployment.instrument, brokers[seat.key].close
    smallest = 0.0 if instrument is None else float(instrument.min_notional)
    return net_of(brokers), is_below_min_notional(float(quantity), price, smallest)


def net_beside(names: Collection[str], change: Decimal, brokers: Brokers) -> Decimal:
    """Net of the books, base, signed, once what others have open on the side of these orders is filled."""
    beside = (one for broker in brokers.values() for one in broker.open_orders())
    left = (exact(one.quantity) for one in beside if one.client_order_id not in names)
    return net_of(brokers) + sum((one for one in left if one * change > 0), Decimal(0))


def positions_of(brokers: Brokers) -> dict[int, Decimal]:
    """Return what each book holds, base, signed."""
    return {key: broker.position().quantity for key, broker in brokers.items()}


def holders(brokers: Brokers) -> list[int]:
    """Books that hold something."""
    return [key for key, broker in brokers.items() if broker.position().quantity]


def _waits_for(broker: VenueBroker) -> str:
    return broker.waits_for


def _owner_of_stop(brokers: Brokers) -> tuple[int, Decimal]:
    net = net_of(brokers)
    closed = [key for key, broker in brokers.items() if broker.position().quantity * net > 0]
    return min(closed, default=min(brokers)), net


def _nested(act: Callable[[Brokers], Answer], seats: list[Seat], brokers: dict[int, VenueBroker]) -> Answer:
    """Hold the books one within the other, always in the same order."""
    if not seats:
        return act(brokers)
    first, *others = seats

    def on_broker(broker: Broker) -> Answer:
        return _nested(act, others, {**brokers, first.key: _at_venue(broker)})

    return first.trader.with_broker(on_broker)


def _at_venue(broker: Broker) -> VenueBroker:
    assert isinstance(broker, VenueBroker)  # noqa: S101 - the link opened it
    return broker
