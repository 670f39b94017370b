"""Whether anything may be opened with an account: what its key may do, and which modes it is in."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.trading.certificate import key_fault, key_warnings
from quant_pipelines.trading.modes import mode_fault
from quant_pipelines.trading.venue import OrderVenue

MODE = "mode"
"""Scope of alerts about modes; their source names the account behind a colon."""
_AGAIN_SECONDS = 300.0
"""How often it is read again; a change of position mode is told by no event."""
_FAILED_SECONDS = 15.0


_log = logging.getLogger(__name__)


async def _silent(_source: str, _sentence: str) -> None:
    """Tell nobody."""


class Voices(NamedTuple):
    """Who is told what is wrong with an account.

    ``warn`` takes a sentence that is said once, ``stand`` a source and the sentence that stands there now:
    an empty one ends it.
    """

    warn: Callable[[str], Awaitable[None]]
    stand: Callable[[str, str], Awaitable[None]] = _silent


class AccountCheck:
    """Reads an account at the start, from time to time, and when its settings have changed.

    Parameters
    ----------
    account_id, exchange
        Whose, and where, in alerts.
    venue
        The account.
    voices
        Who is told.

    Attributes
    ----------
    fault
        Why nothing may be opened, in one sentence; empty when something may.
    """

    def __init__(self, account_id: int, exchange: str, venue: OrderVenue, voices: Voices) -> None:
        self._source = f"{MODE}:{account_id}"
        self._exchange = exchange
        self._venue = venue
        self._voices = voices
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
        modes = mode_fault(await self._venue.modes())
        key = key_fault(permissions)
        self.fault, self._is_known = key or modes, True
        self.known.set()
        for sentence in [key] if key else key_warnings(permissions, from_ms(now_ms)):
            await self._voices.warn(f"{self._exchange}: {sentence}")
        await self._voices.stand(self._source, f"{self._exchange}: {modes}" if modes else "")
