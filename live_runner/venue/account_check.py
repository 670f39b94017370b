"""Whether anything may be opened with an account: what its key may do, and which modes it is in."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.trading.certificate import key_fault, key_warnings
from quant_pipelines.trading.modes import mode_fault
from quant_pipelines.trading.venue import OrderVenue

_AGAIN_SECONDS = 300.0
"""How often it is read again; a change of position mode is told by no event."""
_FAILED_SECONDS = 15.0


_log = logging.getLogger(__name__)

Warn = Callable[[str], Awaitable[None]]
"""Tells people a sentence once."""


class AccountCheck:
    """Reads an account at the start, from time to time, and when its settings have changed.

    Parameters
    ----------
    exchange
        Where it is, in alerts.
    venue
        The account.
    warn
        Takes a sentence that people are told once. Of a fault they learn by what it bars.

    Attributes
    ----------
    fault
        Why nothing may be opened, in one sentence; empty when something may.
    """

    def __init__(self, exchange: str, venue: OrderVenue, warn: Warn) -> None:
        self._exchange = exchange
        self._venue = venue
        self._warn = warn
        self._is_known = False
        self.known = asyncio.Event()
        self.fault = "what the API key may do is not known yet"

    async def run(self) -> None:
        """Read it until canceled; what was known stays while it can't be read."""
        while True:
            pause = _AGAIN_SECONDS
            try:
                await self._read()
            except Exception as error:  # noqa: BLE001 - also an answer that nobody expected opens nothing
                pause = _FAILED_SECONDS
                _log.warning("account not read", extra={"error": repr(error)})
                if not self._is_known:
                    self.fault = f"what the account and its API key allow can't be read: {error}"
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._venue.settings_changed()

    async def _read(self) -> None:
        now_ms = await self._venue.now_ms()  # known, then, when what a person should mend is dated
        permissions = await self._venue.permissions()
        self.fault = key_fault(permissions) or mode_fault(await self._venue.modes())
        self._is_known = True
        self.known.set()
        if not key_fault(permissions):
            for sentence in key_warnings(permissions, from_ms(now_ms)):
                await self._warn(f"{self._exchange}: {sentence}")
