"""The orders of a place that rest: an entry of each book that is chased, and those of an event strategy."""

import math
from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal

from live_runner.ports.tasks import clear_up
from live_runner.venue.chasing import Chasing
from live_runner.venue.place import Seat, VenuePlace
from live_runner.venue.reached import RunningBar, no_running_bar
from live_runner.venue.resting import RestingOrders
from live_runner.venue.wire import AT_MARKET, EntryOrder
from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.store.trading import Intent
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.venue import OrderVenue

Transmit = Callable[[Intent, int], Awaitable[OrderProgress]]


class Entries:
    """Looks after what rests.

    Parameters
    ----------
    place, venue
        Whose orders, and where they rest.
    settings
        How they are chased.
    running_bar
        Tells the prices of the running minute.
    """

    def __init__(
        self,
        place: VenuePlace,
        venue: OrderVenue,
        settings: EntrySettings,
        running_bar: RunningBar = no_running_bar,
    ) -> None:
        self._running_bar = running_bar
        self._place = place
        self._venue = venue
        self._settings = settings
        self._books: dict[int, Chasing] = {}
        self._at_desk: dict[int, RestingOrders] = {}

    @property
    def due(self) -> float:
        """When the venue is to be looked at, by the loop's clock; infinite without an order."""
        return min((one.due for one in self._all), default=math.inf)

    def take_up(self, seat: Seat, intent: Intent, stamp_ms: int, whole: Decimal) -> None:
        """Take an intent that is about to be sent, stamped then (ms UTC): ``whole``, or its first part."""
        self._of(seat).take_up(intent, stamp_ms, whole)

    async def recover(self, seats: Iterable[Seat]) -> None:
        """Go on with what works at the venue and is looked after by nobody."""
        for seat in seats:
            if not isinstance(seat.trader.plan.strategy, EventStrategy):
                await self._of(seat).recover()
            elif seat.key not in self._at_desk:  # who looks after it knows what it waits for
                self._at_desk[seat.key] = RestingOrders(
                    seat.trader,
                    self._venue,
                    rows=seat.rows,
                    wire=seat.wire,
                    running_bar=self._running_bar,
                )

    async def keep(self, transmit: Transmit) -> list[Seat]:
        """Do what is to be done about each; returns the books that may decide again with that.

        Raises
        ------
        StoreError
            If an intent or a state can't be committed.
        ExchangeError
            If the venue can't be read.
        """
        seats = self._place.seats
        self._books = {key: one for key, one in self._books.items() if key in seats}
        self._at_desk = {key: one for key, one in self._at_desk.items() if key in seats}
        kept: dict[int, Chasing | RestingOrders] = {**self._books, **self._at_desk}
        return [seats[key] for key in sorted(kept) if await kept[key].keep(transmit)]

    async def leave(self) -> None:
        """Cancel what works, because nobody will look after it; what can't be is found by the next life."""
        await clear_up("entries", *(one.leave() for one in self._all))  # each may take its seconds

    @property
    def _all(self) -> list[Chasing | RestingOrders]:
        return [*self._books.values(), *self._at_desk.values()]

    def _of(self, seat: Seat) -> Chasing:
        known = self._books.get(seat.key)
        if known is None:
            known = Chasing(seat.trader, self._venue, rows=seat.rows, wire=seat.wire, settings=self._settings)
            self._books[seat.key] = known
        return known


def entry_of(settings: EntrySettings, *, is_shared: bool) -> EntryOrder:
    """Orders that open or add: what several books decide nets at once, and goes at market."""
    return AT_MARKET if is_shared else EntryOrder(settings.kind, settings.n_parts)
