"""No naked position: one stop at the venue closes whatever the net position is, read back or flattened."""

import asyncio
import logging
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple, Protocol

from quant_pipelines.core.errors import ExchangeError, ExchangeRefused
from quant_pipelines.trading.venue import OrderVenue, StopOrder, VenueStop

READ_BACK_SECONDS = 2.0
_POLL_SECONDS = 0.1

_log = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """Stop that a position needs: the side that closes it, and the trigger in quote per base."""

    side: str
    trigger_price: Decimal


class StopRows(Protocol):
    """Who commits the stop's intents and states."""

    async def intend_stop(self, wanted: Wanted) -> StopOrder:
        """Commit the intent of a stop; it may be sent then."""

    async def follow_stop(self, stop: VenueStop) -> None:
        """Commit what the venue says of a stop."""


def wanted_stop(position: Decimal, level: float | None, tick_size: Decimal) -> Wanted | None:
    """Stop for a position; its level is rounded to a tick toward the position's side of safety.

    Parameters
    ----------
    position
        Base, signed.
    level
        Price of the stop, quote per base; None when flat.
    tick_size
        Price step.
    """
    if not position or level is None:
        return None
    rounding = ROUND_CEILING if position > 0 else ROUND_FLOOR
    ticks = (Decimal(repr(float(level))) / tick_size).to_integral_value(rounding)
    return Wanted("sell" if position > 0 else "buy", ticks * tick_size)


class Protection:
    """Keeps one stop for one (account, symbol).

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
        self.standing: VenueStop | None = None

    def covers(self, wanted: Wanted | None) -> bool:
        """Whether what stands is what is wanted."""
        stop = self.standing
        if wanted is None or stop is None:
            return wanted is None and stop is None
        return stop.closes_position and (stop.side, stop.trigger_price) == wanted

    async def keep(self, wanted: Wanted | None) -> bool:
        """Replace the stop if another one is wanted; False if the position is naked after 2 s.

        Raises
        ------
        StoreError
            If an intent can't be committed.
        """
        if self.covers(wanted):
            return True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READ_BACK_SECONDS
        try:
            async with asyncio.timeout_at(deadline):
                if self.standing is not None:
                    await self._cancel(self.standing)
                if wanted is not None:
                    await self._place(wanted)
        except (ExchangeError, TimeoutError) as error:
            _log.warning("stop is not proven", extra={"symbol": self._symbol, "error": repr(error)})
        return self.covers(wanted)

    async def _cancel(self, stop: VenueStop) -> None:
        """Cancel a stop; only the venue's own word that it ended counts."""
        while True:
            await self._venue.cancel_stop(self._symbol, stop.client_order_id)
            found = await self._venue.find_stop(self._symbol, stop.client_order_id)
            if found is None or found.status != "ACCEPTED":
                self.standing = None
                if found is not None:
                    await self._rows.follow_stop(found)
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _place(self, wanted: Wanted) -> None:
        stop = await self._rows.intend_stop(wanted)
        try:
            await self._venue.place_stop(stop)
        except ExchangeRefused as error:
            _log.warning("stop refused", extra={"symbol": self._symbol, "error": str(error)})
            await self._rows.follow_stop(_refused(stop))
            raise
        except ExchangeError as error:  # the read-back tells
            _log.warning("stop unknown", extra={"symbol": self._symbol, "error": str(error)})
        while True:
            found = await self._venue.find_stop(self._symbol, stop.client_order_id)
            if found is not None:
                await self._rows.follow_stop(found)
                self.standing = found if found.status == "ACCEPTED" else None
                return
            await asyncio.sleep(_POLL_SECONDS)


def _refused(stop: StopOrder) -> VenueStop:
    return VenueStop(stop.client_order_id, "", stop.side, stop.trigger_price, True, "REJECTED")
