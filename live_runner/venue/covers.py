"""Who covers a place: one book that holds something by its own stop, several by one over their net.

While several hold, their own stops and take-profits are watched here, on each price that is heard and at
each look at the place.
"""

import math
from collections.abc import Callable

from live_runner.venue.covering import Around, Covering, CoverState
from live_runner.venue.liquidation_price import LiquidationPrices
from live_runner.venue.net_covering import NetCovering
from live_runner.venue.place import Brokers, Seat, holders
from quant_pipelines.trading.tries import Tries
from quant_pipelines.trading.venue import AccountPosition, OrderVenue
from quant_pipelines.trading.watch import WatchedLevels


class Covers:
    """Stops, take-profits and exits of all books of a place.

    Parameters
    ----------
    venue
        Where they stand.
    around
        What is asked of the link.
    read_back_seconds
        Time that a level may take.
    hold_back
        Told whether nothing may be opened in a symbol, as its stop would come too late.
    wake
        Called when a price has reached a level that is watched.
    """

    def __init__(
        self,
        venue: OrderVenue,
        around: Around,
        *,
        read_back_seconds: float,
        hold_back: Callable[[str, bool], None],
        wake: Callable[[], None],
    ) -> None:
        self._venue = venue
        self._around = around
        self._fraction = around.settings.disaster_stop_fraction
        self._read_back_seconds = read_back_seconds
        self._hold_back = hold_back
        self._wake = wake
        self._books: dict[int, Covering] = {}
        self._net: NetCovering | None = None
        self._prices = LiquidationPrices(venue)
        self._watched: dict[int, WatchedLevels] = {}
        self._reached: dict[int, float] = {}

    def of(self, seat: Seat) -> Covering:
        """Covering of one book."""
        known = self._books.get(seat.key)
        if known is None:
            tries = Tries(seat.exit_pace, read_back_seconds=self._read_back_seconds)
            known = Covering(seat.trader, self._venue, rows=seat.rows, around=self._around, tries=tries)
            self._books[seat.key] = known
        return known

    def remember(self) -> None:
        """Leave with the books when they may be closed again, for whoever covers them next."""
        for key, covering in self._books.items():
            if key in self._around.place.seats:
                self._around.place.seats[key].exit_pace = covering.tries.exit

    async def keep(self) -> CoverState:
        """See to it that all is covered or being closed; returns how well it is.

        Raises
        ------
        StoreError
            If an intent can't be committed.
        """
        place = self._around.place
        if not place.is_shared:
            only = self.of(place.first)
            await only.keep()
            return await only.state()
        net, holding = self._over_the_net(), await place.look(holders)
        self._watched = {key: one for key, one in self._watched.items() if key in holding}
        self._reached = {key: price for key, price in self._reached.items() if key in holding}
        for key, covering in self._books.items():
            if key not in holding:
                covering.rest()
        if len(holding) > 1:
            await net.keep()
            for key in holding:
                await self._watch(key)
        else:
            self._watched.clear()
            await self.of(place.seats[holding[0]] if holding else place.first).keep()
        return await net.state()

    async def heed(self, position: AccountPosition) -> None:
        """Have a stop moved nearer that the venue's liquidation would forestall; nothing opens till then.

        Nor does anything while nobody knows at which price that would be.

        Raises
        ------
        StoreError
            If a person can't be told.
        """
        around, place = self._around, self._around.place
        wanted = await place.look(_level_of_one)
        before = self._prices.fault
        held = await self._prices.completed(position)
        fault = self._prices.fault
        told = around.guard.look(held, around.protection.standing.stops, wanted) or (not before and fault)
        self._hold_back(place.symbol, around.guard.is_near or bool(fault))
        if told:
            await self.of(place.first).alert(f"{place.symbol}: {told}")

    def hear(self, price: float) -> None:
        """Take the last price, quote per base; a level that it reaches counts as long as that stands."""
        new = {
            key: price
            for key, watched in self._watched.items()
            if key not in self._reached and watched.reached([price])
        }
        self._reached |= new
        if new:
            self._wake()

    async def exit_reached(self) -> None:
        """Close the books whose level a price has reached."""
        for key in list(self._reached):
            await self._watch(key)

    async def _watch(self, key: int) -> None:
        covering = self.of(self._around.place.seats[key])
        self._watched[key] = levels = await covering.keep_watched(self._reached.get(key, math.nan))
        if not levels.reached([self._reached.get(key, math.nan)]):  # another may have come meanwhile
            self._reached.pop(key, None)  # it was the level of a position that is gone

    def _over_the_net(self) -> NetCovering:
        if self._net is None:
            tries = Tries(read_back_seconds=self._read_back_seconds)
            self._net = NetCovering(
                self.of, self._fraction, venue=self._venue, around=self._around, tries=tries
            )
        return self._net


def _level_of_one(brokers: Brokers) -> float | None:
    """Stop of the only book that holds something; None where several hold."""
    holding = holders(brokers)
    return brokers[holding[0]].stop_price if len(holding) == 1 else None
