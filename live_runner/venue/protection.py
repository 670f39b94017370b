"""No naked position: one stop at the venue closes whatever the net position is, read back or flattened.

A venue takes one stop that closes the position for each side. So that nothing is naked while it moves, a stop
of the position's quantity stands in between: it is placed and read back before the old one is canceled, and
canceled once the new one is read back. A take-profit is kept the same way, and counts apart.
"""

import asyncio
import logging
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple, Protocol

from quant_pipelines.backtest.bar.stops import EXIT_REASONS, HARD_STOP
from quant_pipelines.core.errors import ExchangeError, ExchangeRefused, StopWouldTrigger
from quant_pipelines.core.orders import OrderStatus, Side, closing_side
from quant_pipelines.trading.venue import OrderVenue, StopOrder, VenueStop

READ_BACK_SECONDS = 2.0
_POLL_SECONDS = 0.1

_log = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """Stop that a position needs: the side that closes it, the trigger in quote per base, and its name."""

    side: Side
    trigger_price: Decimal
    reason: str = EXIT_REASONS[HARD_STOP]


class StopRows(Protocol):
    """Who commits the stop's intents and states."""

    async def intend_stop(self, wanted: Wanted, quantity: Decimal | None = None) -> StopOrder:
        """Commit the intent of a stop, of a quantity or of whatever is held; it may be sent then."""

    async def follow_stop(self, stop: VenueStop, *, reason: str = "") -> None:
        """Commit what the venue says of a stop."""


def wanted_stop(
    position: Decimal, level: float | None, tick_size: Decimal, reason: str = EXIT_REASONS[HARD_STOP]
) -> Wanted | None:
    """Stop for a position; its level is rounded to a tick toward the position's side of safety.

    Parameters
    ----------
    position
        Base, signed.
    level
        Price of the stop, quote per base; None when flat.
    tick_size
        Price step.
    reason
        Which stop it is.
    """
    if not position or level is None:
        return None
    rounding = ROUND_CEILING if position > 0 else ROUND_FLOOR
    ticks = (Decimal(repr(float(level))) / tick_size).to_integral_value(rounding)
    return Wanted(closing_side(position), ticks * tick_size, reason)


class Protection:
    """Keeps one stop, or one take-profit, for one (account, symbol).

    Parameters
    ----------
    venue
        Where it stands.
    rows
        Who commits its rows.
    symbol
        What is protected.
    read_back_seconds
        How long a stop may take until the venue shows it.

    Attributes
    ----------
    standing
        What stands at the venue; None without one.
    is_through
        Whether the price was past the stop wanted last, so that the venue did not take it.
    """

    def __init__(
        self, venue: OrderVenue, rows: StopRows, symbol: str, *, read_back_seconds: float = READ_BACK_SECONDS
    ) -> None:
        self._venue = venue
        self._rows = rows
        self._symbol = symbol
        self._read_back_seconds = read_back_seconds
        self.standing: VenueStop | None = None
        self.is_through = False

    def note(self, stop: VenueStop) -> None:
        """Take over what the venue says of a stop: one that does not wait any more covers nothing."""
        if self.standing is not None and stop.client_order_id == self.standing.client_order_id:
            self.standing = stop if stop.status == "ACCEPTED" else None

    def protects(self, position: Decimal) -> bool:
        """Whether the stop that stands closes that position, at whatever price."""
        stop = self.standing
        if stop is None or not position:
            return not position
        is_whole = stop.closes_position or stop.quantity >= abs(position)
        return is_whole and stop.side == closing_side(position)

    def covers(self, wanted: Wanted | None) -> bool:
        """Whether the stop that stands is the wanted one."""
        stop = self.standing
        if wanted is None or stop is None:
            return wanted is None and stop is None
        return stop.closes_position and (stop.side, stop.trigger_price) == wanted[:2]

    async def keep(self, wanted: Wanted | None, position: Decimal) -> bool:
        """Replace the stop if another is wanted; False if the position must be closed instead.

        That is so if no stop protects it in time (2 s), or if the price is through the stop that is wanted. A
        stop at another level that still stands protects it, and is replaced at the next try.

        Raises
        ------
        StoreError
            If an intent can't be committed.
        """
        self.is_through = False
        if self.covers(wanted):
            return True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._read_back_seconds
        try:
            async with asyncio.timeout_at(deadline):
                await self._replace(wanted, position)
        except StopWouldTrigger:
            self.is_through = True
        except (ExchangeError, TimeoutError) as error:
            _log.warning("stop is not proven", extra={"symbol": self._symbol, "error": repr(error)})
        return not self.is_naked(wanted, position)

    def is_naked(self, wanted: Wanted | None, position: Decimal) -> bool:
        """Whether nothing protects the position, or its price is through the stop that is wanted."""
        return not self.covers(wanted) and (self.is_through or not self.protects(position))

    async def _replace(self, wanted: Wanted | None, position: Decimal) -> None:
        before = self.standing
        if before is None:
            if wanted is not None:
                await self._place(wanted)
            return
        if wanted is None:
            await self._cancel(before)
            return
        if before.closes_position and before.side == wanted.side:
            bridge = await self._place(wanted, abs(position))
            await self._cancel(before)
            before = bridge
        await self._place(wanted)
        await self._cancel(before)

    async def _cancel(self, stop: VenueStop) -> None:
        """Cancel a stop; only the venue's own word that it ended counts."""
        while True:
            await self._venue.cancel_stop(self._symbol, stop.client_order_id)
            found = await self._venue.find_stop(self._symbol, stop.client_order_id)
            if found is None or found.status != "ACCEPTED":
                if self.standing is not None and self.standing.client_order_id == stop.client_order_id:
                    self.standing = None
                if found is not None:
                    await self._rows.follow_stop(found)
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _place(self, wanted: Wanted, quantity: Decimal | None = None) -> VenueStop:
        """Place a stop and read it back; it stands from then on.

        Raises
        ------
        ExchangeRefused
            If the venue does not take it, or it has ended at once.
        """
        stop = await self._rows.intend_stop(wanted, quantity)
        try:
            await self._venue.place_stop(stop)
        except StopWouldTrigger as error:  # its price came before it stood: that speaks against nobody
            await self._rows.follow_stop(_unplaced(stop, "EXPIRED"), reason=str(error))
            raise
        except ExchangeRefused as error:
            _log.warning("stop refused", extra={"symbol": self._symbol, "error": str(error)})
            await self._rows.follow_stop(_unplaced(stop, "REJECTED"), reason=str(error))
            raise
        except ExchangeError as error:  # the read-back tells
            _log.warning("stop unknown", extra={"symbol": self._symbol, "error": str(error)})
        while True:
            found = await self._venue.find_stop(self._symbol, stop.client_order_id)
            if found is not None:
                await self._rows.follow_stop(found)
                if found.status != "ACCEPTED":
                    raise ExchangeRefused(f"stop {found.client_order_id} is {found.status}")
                self.standing = found
                return found
            await asyncio.sleep(_POLL_SECONDS)


def _unplaced(stop: StopOrder, status: OrderStatus) -> VenueStop:
    closes = stop.quantity is None
    known = (stop.side, stop.trigger_price, closes, status)
    return VenueStop(stop.client_order_id, "", *known, takes_profit=stop.takes_profit)
