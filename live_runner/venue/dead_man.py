"""The venue's own timer that cancels resting entries of a symbol when nobody renews it any more."""

import asyncio
import logging

from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.trading.venue import OrderVenue

_LASTS_MS = 180_000
_RENEWED_SECONDS = 60.0

_log = logging.getLogger(__name__)


class DeadMan:
    """Renews the timer while entries rest, and stops it when none does any more.

    Parameters
    ----------
    venue, symbol
        Whose orders.
    is_allowed
        Whether it is proven that stops survive the timer: else it is never set.
    """

    def __init__(self, venue: OrderVenue, symbol: str, *, is_allowed: bool) -> None:
        self._venue = venue
        self._symbol = symbol
        self._due = 0.0
        self._is_set = False
        self.is_allowed = is_allowed

    async def keep(self, n_resting: int) -> None:
        """Set, renew or stop it by the number of entries that rest; what fails is tried at the next look."""
        now = asyncio.get_running_loop().time()
        if not self.is_allowed or not (now >= self._due if n_resting else self._is_set):
            return
        try:
            await self._venue.cancel_entries_after(self._symbol, _LASTS_MS if n_resting else 0)
        except ExchangeError as error:
            _log.warning("dead-man timer not set", extra={"symbol": self._symbol, "error": str(error)})
            return
        self._is_set, self._due = n_resting > 0, now + _RENEWED_SECONDS if n_resting else 0.0
