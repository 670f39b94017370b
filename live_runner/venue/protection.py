"""Stops and take-profits of one symbol at a venue: placed and read back, canceled until they are gone."""

import asyncio
import logging
from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

from quant_pipelines.core.errors import (
    ExchangeError,
    ExchangeRefused,
    ExchangeUnavailable,
    OutcomeUnknown,
    StopWouldTrigger,
)
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.trading.cover import StandingLevels
from quant_pipelines.trading.levels import WantedLevel
from quant_pipelines.trading.venue import OrderVenue, StopOrder, VenueStop

_POLL_SECONDS = 0.1

_log = logging.getLogger(__name__)


class StopRows(Protocol):
    """Who commits the intents and states of stops."""

    async def intend_stop(self, wanted: WantedLevel, quantity: Decimal | None = None) -> StopOrder:
        """Commit the intent of a stop, of a quantity or of whatever is held; it may be sent then."""

    async def follow_stop(self, stop: VenueStop, *, reason: str = "") -> None:
        """Commit what the venue says of a stop."""


class Protection:
    """What waits at the venue for one symbol.

    Parameters
    ----------
    venue
        Where it stands.
    rows
        Who commits its rows.
    symbol
        What is protected.
    """

    def __init__(self, venue: OrderVenue, rows: StopRows, symbol: str) -> None:
        self._venue = venue
        self._rows = rows
        self._symbol = symbol
        self._standing: dict[str, VenueStop] = {}

    @property
    def standing(self) -> StandingLevels:
        """What is known to stand, the oldest first."""
        known = tuple(self._standing.values())
        return StandingLevels(
            tuple(one for one in known if not one.takes_profit),
            tuple(one for one in known if one.takes_profit),
        )

    def take_over(self, stops: Iterable[VenueStop]) -> None:
        """Know what stands, as the venue was just read."""
        self._standing = {stop.client_order_id: stop for stop in stops}

    def note(self, stop: VenueStop) -> None:
        """Take over what the venue says of one: it protects as long as it waits."""
        if stop.client_order_id in self._standing and stop.status != "ACCEPTED":
            del self._standing[stop.client_order_id]

    async def place(self, wanted: WantedLevel, quantity: Decimal | None = None) -> None:
        """Place one over a quantity or over whatever is held, and read it back; it stands from then on.

        Raises
        ------
        StopWouldTrigger
            If the price is at it, or through it.
        ExchangeRefused, ExchangeUnavailable
            If the venue does not take it, shows another one, or it has ended at once.
        StoreError
            If its intent can't be committed.
        """
        stop = await self._rows.intend_stop(wanted, quantity)
        try:
            await self._venue.place_stop(stop)
        except StopWouldTrigger as error:  # its price came before it stood: that speaks against nobody
            await self._rows.follow_stop(_unplaced(stop, "EXPIRED"), reason=str(error))
            raise
        except (ExchangeRefused, ExchangeUnavailable) as error:  # by either the venue says that it took none
            _log.warning("stop refused", extra={"symbol": self._symbol, "error": str(error)})
            await self._rows.follow_stop(_unplaced(stop, "REJECTED"), reason=str(error))
            raise
        except ExchangeError as error:  # the read-back tells
            _log.warning("stop unknown", extra={"symbol": self._symbol, "error": str(error)})
        found = await self._shown(stop.client_order_id)
        await self._rows.follow_stop(found)
        if found.status != "ACCEPTED":
            raise ExchangeRefused(f"stop {found.client_order_id} is {found.status}")
        self._standing[found.client_order_id] = found
        if not _is_it(stop, found):
            raise ExchangeRefused(f"stop {found.client_order_id} stands as {found}; expected {stop}")

    async def cancel(self, stop: VenueStop) -> None:
        """Cancel one; only the venue's own word that it ended counts.

        Raises
        ------
        ExchangeError
            If the venue does not answer or refuses.
        """
        while True:
            try:
                await self._venue.cancel_stop(self._symbol, stop.client_order_id)
            except OutcomeUnknown as error:  # the read-back tells
                _log.warning("cancel unknown", extra={"symbol": self._symbol, "error": str(error)})
            found = await self._find(stop.client_order_id)
            if found is None or found.status != "ACCEPTED":
                self._standing.pop(stop.client_order_id, None)
                if found is not None:
                    await self._rows.follow_stop(found)
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _shown(self, name: str) -> VenueStop:
        """One as the venue shows it, as soon as it does."""
        while True:
            found = await self._find(name)
            if found is not None:
                return found
            await asyncio.sleep(_POLL_SECONDS)

    async def _find(self, name: str) -> VenueStop | None:
        return await self._venue.find_stop(self._symbol, name)


def _is_it(stop: StopOrder, found: VenueStop) -> bool:
    is_same = (found.side, found.trigger_price) == (stop.side, stop.trigger_price)
    is_same = is_same and not found.is_price_protected
    if stop.quantity is None:
        return is_same and found.closes_position
    return is_same and found.quantity >= stop.quantity


def _unplaced(stop: StopOrder, status: OrderStatus) -> VenueStop:
    closes = stop.quantity is None
    known = (stop.side, stop.trigger_price, closes, status)
    return VenueStop(stop.client_order_id, "", *known, takes_profit=stop.takes_profit)
