"""One stop over the net of several books, at the venue, beyond their own, which the runner watches.

It is kept by the table of `trading.cover`, as one position with one level. Where nothing protects the net,
each of the books is closed.
"""

from collections.abc import Callable
from decimal import Decimal

from live_runner.venue.covering import Around, Covering, Read
from live_runner.venue.place import Brokers, Seat, net_of, positions_of
from quant_pipelines.trading.breaker import Event
from quant_pipelines.trading.cover import ExitPosition, Holding
from quant_pipelines.trading.levels import WantedLevel, wanted_level
from quant_pipelines.trading.purposes import EXITS
from quant_pipelines.trading.tries import Tries
from quant_pipelines.trading.venue import OrderVenue
from quant_pipelines.trading.watch import NET_STOP, FarthestLevel, net_level


class NetCovering(Covering):
    """Stop over the net.

    Parameters
    ----------
    cover_of
        Covering of a book.
    fraction
        Distance of the stop from the entry price of each book.
    venue, around, tries
        As for a book.
    """

    def __init__(
        self,
        cover_of: Callable[[Seat], Covering],
        fraction: float,
        *,
        venue: OrderVenue,
        around: Around,
        tries: Tries,
    ) -> None:
        first = around.place.first
        super().__init__(first.trader, venue, rows=first.rows, around=around, tries=tries)
        self._cover_of = cover_of
        self._fraction = fraction

    async def _exit(self, wanted: ExitPosition) -> None:
        """Close each book that holds something."""
        place = self._around.place
        held = await place.look(positions_of)
        for key, position in held.items():
            if position:
                await self._cover_of(place.seats[key]).close(wanted._replace(position=position))

    @property
    def _must_flatten(self) -> bool:
        return False  # each of the books for itself

    @property
    def _closes_for(self) -> Event | None:
        return None

    async def _read(self) -> Read:
        tick_size = self._tick_size

        def look(brokers: Brokers) -> Read:
            net = net_of(brokers)
            levels = [
                FarthestLevel(broker.position().quantity, broker.disaster_price(self._fraction))
                for broker in brokers.values()
            ]
            waiting = [one for broker in brokers.values() for one in broker.unsettled()]
            closing = [
                broker
                for broker in brokers.values()
                if any(one.intent.purpose in EXITS for one in broker.unsettled())
            ]
            held = [broker for broker in brokers.values() if broker.position().quantity]
            if not all(broker in closing for broker in held):  # one that stays needs the stop
                waiting = [one for one in waiting if one.intent.purpose not in EXITS]
            resting = {id(one) for broker in brokers.values() for one in broker.unsettled()}
            resting -= {id(one) for broker in brokers.values() for one in broker.in_flight()}
            is_in_flight = any(id(one) not in resting for one in waiting)
            level = self._guarded(net, net_level(net, levels, tick_size))
            return Read(Holding(net, level), waiting, is_in_flight)

        return await self._around.place.look(look)

    def _guarded(self, net: Decimal, level: WantedLevel | None) -> WantedLevel | None:
        """Level before the venue's liquidation price."""
        price = None if level is None else float(level.trigger_price)
        nearest, name = self._guard.level(float(net), price, NET_STOP)
        return wanted_level(net, nearest, self._tick_size, name)
