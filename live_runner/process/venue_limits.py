"""Reads once a day what a venue takes of the traded symbols; the rules follow what has changed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from live_runner.ports.market_time import MarketTime
from live_runner.process.first_limits import SymbolOfAccount
from live_runner.venue.accounts import OrderVenues
from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.store.venue_limits import LimitRows
from quant_pipelines.trading.venue import OrderVenue

_LOOK_SECONDS = 1.0
"""How often it is looked for accounts and symbols that are not read yet."""
_AWAITED_SECONDS = 3.0
"""For how long what is opened decides nothing while they are read."""
_AGAIN_MS = 600_000
"""How long after a failure it is tried again."""

_log = logging.getLogger(__name__)


class LimitsWatch:
    """Limits of the venues whose accounts are open.

    Parameters
    ----------
    rows
        Where limits are kept.
    venues
        Accounts at venues.
    clock
        The exchange's time.
    exchange
        Ccxt id.
    warn
        Told what a person should know.
    """

    def __init__(
        self,
        rows: LimitRows,
        venues: OrderVenues,
        clock: MarketTime,
        *,
        exchange: str,
        warn: Callable[[str], Awaitable[None]],
    ) -> None:
        self._rows = rows
        self._venues = venues
        self._clock = clock
        self._exchange = exchange
        self._warn = warn
        self._due_ms: dict[int, int] = {}
        self._read_ms: dict[int, int] = {}
        self._known: dict[int, frozenset[str]] = {}
        self._has_ended: dict[int, frozenset[str]] = {}
        self._is_asked, self._looked = asyncio.Event(), asyncio.Event()

    async def run(self, symbols: Callable[[], Iterable[str]]) -> None:
        """Watch the symbols that are traded until canceled.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        while True:
            self._is_asked.clear()
            for account_id, venue in list(self._venues.opened.items()):
                await self.look(account_id, venue, wanted := frozenset(symbols()))
                self._has_ended[account_id] = wanted
            self._looked.set()
            self._looked = asyncio.Event()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._is_asked.wait()

    async def read(self, wanted: frozenset[SymbolOfAccount]) -> None:
        """Return once it was tried to read the limits of symbols, each with its account.

        What is opened waits for it, so it takes some seconds at most.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_AWAITED_SECONDS):
                while any(symbol not in self._has_ended.get(key, ()) for key, symbol in wanted):
                    self._is_asked.set()
                    await self._looked.wait()

    async def look(self, account_id: int, venue: OrderVenue, symbols: frozenset[str]) -> None:
        """Read an account's limits where they are due: at first, with a new symbol, and a day later.

        What can't be read stays as it was; after a day of that a person is told.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        now_ms = self._clock.now_ms()
        is_known = symbols <= self._known.get(account_id, frozenset())
        if not symbols or (is_known and now_ms < self._due_ms[account_id]):
            return
        self._known[account_id] = symbols
        begun_ms = self._read_ms.setdefault(account_id, now_ms)
        try:
            told = await venue.limits(sorted(symbols))
        except ExchangeError as error:
            self._due_ms[account_id] = now_ms + _AGAIN_MS
            _log.warning("limits not read", extra={"account": account_id, "error": str(error)})
            if now_ms - begun_ms >= DAY_MS:
                what = f"limits of account {account_id} at {self._exchange} could not be read"
                await self._warn(f"{what} since {from_ms(begun_ms):%Y-%m-%d %H:%M} UTC; the old ones count")
            return
        self._due_ms[account_id], self._read_ms[account_id] = now_ms + DAY_MS, now_ms
        for change in await asyncio.to_thread(self._rows.follow, self._exchange, told, from_ms(now_ms)):
            _log.warning("limits changed", extra={"account": account_id, "change": change})
