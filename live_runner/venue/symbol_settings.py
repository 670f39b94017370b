"""Margin type and leverage of one symbol: set at the start, and put back where somebody changed them."""

import asyncio
import logging

from live_runner.book.trader import Trader
from quant_pipelines.core.errors import ExchangeRefused
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.trading.venue import OrderVenue

_AGAIN_SECONDS = 300.0

_log = logging.getLogger(__name__)


class SymbolSettings:
    """Keeps them for one deployment.

    Parameters
    ----------
    journal
        Rows of the runner, for alerts.
    venue
        The account.
    trader
        Whose symbol.
    leverage
        Leverage that is wanted.

    Attributes
    ----------
    fault
        Why nothing may be opened, in one sentence; empty when something may. What is held is covered and
        closed all the same: the venue keeps margin type and leverage while a position may not change them.
    """

    def __init__(self, journal: Journal, venue: OrderVenue, trader: Trader, leverage: int) -> None:
        self._journal = journal
        self._venue = venue
        self._trader = trader
        self._leverage = leverage
        self._due = 0.0
        self._is_set = False
        self.fault = ""

    def expire(self) -> None:
        """Read them at the next look: the venue has told of something that only a look can show."""
        self._due = 0.0

    async def keep(self) -> None:
        """Read them when that is due, and put back what is otherwise.

        Raises
        ------
        ExchangeUnavailable
            If the venue does not answer.
        """
        now = asyncio.get_running_loop().time()
        if now < self._due:
            return
        self._due = now + _AGAIN_SECONDS
        was_otherwise = ""
        try:
            was_otherwise = await self._venue.prepare(self._trader.symbol, self._leverage)
            self.fault = ""
        except ExchangeRefused as error:
            self.fault = str(error)
        if was_otherwise and self._is_set:
            await self._tell_of_change(was_otherwise)
        self._is_set = self._is_set or not self.fault

    async def _tell_of_change(self, clause: str) -> None:
        message = f"{clause}, set beside the runner; put back to CROSSED, {self._leverage}"
        _log.warning("settings put back", extra={"symbol": self._trader.symbol, "found": clause})
        at = from_ms(await self._venue.now_ms())
        await asyncio.to_thread(self._journal.write_alert, Alert("warning", self._trader.key, message, at))
