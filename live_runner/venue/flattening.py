"""Closes a position at a venue step by step, as `trading.flatten` decides; what is left is read back."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from decimal import Decimal

from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.risk.account_view import Prices
from quant_pipelines.trading.cover import ExitPosition
from quant_pipelines.trading.flatten import CloseOrder, Collar, ToClose, flatten_step
from quant_pipelines.trading.orders import FINAL, OrderProgress
from quant_pipelines.trading.venue import OrderVenue

_OLDEST_SECONDS = 5.0
"""How old a streamed price may be that the first collar lies around."""
_MARK_SECONDS = 0.25
"""How long the first order waits for the venue's mark where no stream tells it."""
_READ_BACK_SECONDS = 1.0

SendExit = Callable[[ExitPosition, CloseOrder], Awaitable[OrderProgress]]
"""Commits the intent of a closing order and sends it; returns how far it is by its answer."""


class Flattening:
    """Closes one symbol.

    Parameters
    ----------
    venue
        Where it is held.
    symbol
        What is closed.
    send
        Sends one order.
    prices
        Prices of a symbol as the streams told them last.
    collar
        How far from the mark.
    """

    def __init__(
        self,
        venue: OrderVenue,
        symbol: str,
        *,
        send: SendExit,
        prices: Callable[[str], Prices],
        collar: Collar,
    ) -> None:
        self._venue = venue
        self._symbol = symbol
        self._send = send
        self._prices = prices
        self._collar = collar

    async def close(self, wanted: ExitPosition, n_steps: int, *, is_alone: bool = True) -> None:
        """Send closing orders until nothing is left, one is refused, or its outcome is not known.

        ``n_steps`` tries before this one came to nothing: it begins so much wider. ``is_alone``: the venue
        holds nothing of anybody else, so that it tells what is left.

        Raises
        ------
        ExchangeError
            If the venue can't be asked what it takes.
        StoreError
            If an intent can't be committed.
        """
        terms = await self._venue.closing_terms(self._symbol)
        left = ToClose(wanted.position, await self._first_mark())
        while True:
            step = flatten_step(left, n_steps, terms=terms, collar=self._collar)
            if not isinstance(step, CloseOrder):
                return
            sent = await self._send(wanted, step)
            is_filled = sent.filled_quantity >= step.quantity
            if sent.status == "REJECTED" or (step.price is None and not is_filled):
                return  # tried again at the pace of exits
            n_steps += not is_filled
            left = await self._read_back(left, sent, is_alone=is_alone)

    async def _first_mark(self) -> Decimal | None:
        """Mark or last price as it was streamed just now, else the venue's mark if it comes at once."""
        told = self._prices(self._symbol)
        price = told.mark if math.isfinite(told.mark) else told.last
        if math.isfinite(price) and told.age_seconds <= _OLDEST_SECONDS:
            return Decimal(str(price))
        return (await self._read(_MARK_SECONDS)).mark

    async def _read_back(self, before: ToClose, sent: OrderProgress, *, is_alone: bool) -> ToClose:
        """Read what is left after an order: never more than its answer leaves, nor than the venue shows."""
        if sent.status not in FINAL:
            return before._replace(is_working=True)
        assert before.quantity is not None  # noqa: S101 - an order was sent for it
        booked = (abs(before.quantity) - sent.filled_quantity).copy_sign(before.quantity)
        shown = await self._read(_READ_BACK_SECONDS)
        if shown.quantity is None:
            return shown
        if not is_alone:
            return shown._replace(quantity=booked)
        is_held = shown.quantity * booked > 0
        return shown._replace(quantity=min(shown.quantity, booked, key=abs) if is_held else Decimal(0))

    async def _read(self, seconds: float) -> ToClose:
        try:
            async with asyncio.timeout(seconds):
                position = await self._venue.position(self._symbol)
        except (ExchangeError, TimeoutError):
            return ToClose(None, None)
        return ToClose(position.quantity, position.mark_price)
