"""What the exchange says of the contracts that are traded: read at the start and daily, told as alerts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from live_runner.ports.market_time import MarketTime
from quant_pipelines.core.contract_state import ContractState
from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.exchange import MarketSource
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.listing import listing_trip

LISTING = "listing"
"""Scope of alerts about contracts; their source names the symbol behind a colon."""
_LOOK_SECONDS = 1.0
_READ_SECONDS = 86_400.0
_READ_AGAIN_SECONDS = 3_600.0
"""How soon it is read again while a contract does not trade."""
_FAILED_SECONDS = 60.0
_FIRST_SECONDS = 3.0
"""How long a deployment that is taken up waits for it: what is held must go on being looked after."""

_log = logging.getLogger(__name__)


class Listings:
    """States of contracts, and what they stop.

    Parameters
    ----------
    source
        Who is asked.
    journal
        Rows of the runner, for alerts.
    time
        The exchange's time.
    hours
        How long before its end nothing is held in a contract.
    """

    def __init__(self, source: MarketSource, journal: Journal, time: MarketTime, hours: float) -> None:
        self._source = source
        self._journal = journal
        self._time = time
        self._hours = hours
        self._states: dict[str, ContractState | None] = {}
        self._told: dict[str, Trip] | None = None
        self._news = asyncio.Event()
        self._due = self._failed_until = 0.0

    def trip(self, symbol: str) -> Trip | None:
        """Return what the breaker is told of a contract now; None of one that trades on or is not known."""
        if symbol not in self._states:
            return None
        return listing_trip(symbol, self._states[symbol], self._time.now_ms(), self._hours)

    async def know(self, symbols: Iterable[str]) -> None:
        """Read the states of symbols that are new, if the exchange tells them soon."""
        if new := sorted(set(symbols) - self._states.keys()):
            with suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_SECONDS):
                    await self._has_read(new)

    async def read_states(self, symbols: list[str]) -> None:
        """Read the states of contracts, at the start and daily.

        Raises
        ------
        ExchangeError
            If the exchange does not answer; what was known stays.
        """
        found = await self._source.contract_states(symbols)
        self._news.set()
        self._states |= {symbol: found.get(symbol) for symbol in symbols}

    async def run(self, symbols: Callable[[], list[str]], on_change: Callable[[], Awaitable[object]]) -> None:
        """Read daily, and tell when something stops a contract or does not any more, until canceled.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        while True:
            await self._read_when_due(symbols())
            found = {symbol: trip for symbol in symbols() if (trip := self.trip(symbol)) is not None}
            if found != self._told:
                await self._tell(found)
                await on_change()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._news.wait()
            self._news.clear()

    async def _read_when_due(self, symbols: list[str]) -> None:
        now, is_known = asyncio.get_running_loop().time(), self._states.keys() >= set(symbols)
        if now < (self._due if is_known else self._failed_until):
            return
        if not await self._has_read(symbols):
            self._due = self._failed_until = now + _FAILED_SECONDS
            return
        self._due = now + (_READ_AGAIN_SECONDS if self._told else _READ_SECONDS)

    async def _has_read(self, symbols: list[str]) -> bool:
        """Read what can be read: an answer that nobody expected must not end what trades."""
        try:
            await self.read_states(symbols)
        except ExchangeError as error:
            _log.warning("states of contracts not read", extra={"error": str(error)})
            return False
        except Exception:  # noqa: BLE001 - see above
            _log.exception("states of contracts not read")
            return False
        return True

    async def _tell(self, found: dict[str, Trip]) -> None:
        at = from_ms(self._time.now_ms())
        alerts = [Alert("warning", f"{LISTING}:{name}", trip.reason, at) for name, trip in found.items()]
        for trip in found.values():
            _log.warning("contract stopped", extra={"reason": trip.reason})
        await asyncio.to_thread(self._journal.follow_standing, LISTING, alerts, at)
        self._told = found
