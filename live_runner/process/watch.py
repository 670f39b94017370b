"""Watches what the runner depends on: asks the venue whether it is there, and writes down what is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from live_runner.feed.feed import Feed
from live_runner.ports.tasks import first_of
from live_runner.process.outages import Away, Outage, Vitals, outages
from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.exchange import MarketSource
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.outages import OUTAGE

_ASK_SECONDS = 2.0
_ANSWER_SECONDS = 4.0
_LOOK_SECONDS = 1.0

_log = logging.getLogger(__name__)


class OutageWatch:
    """Says what is away, and writes the alert of each outage once, with its end.

    Parameters
    ----------
    journal
        Rows of the runner.
    source
        Who is asked for signs of life of the venue.
    feed
        Knows the age of the data, and the time.
    venue
        ccxt id of the venue.

    Attributes
    ----------
    standing
        What is away now.
    """

    def __init__(self, journal: Journal, source: MarketSource, feed: Feed, venue: str) -> None:
        self._journal = journal
        self._source = source
        self._feed = feed
        self._venue = venue
        self._clock = feed.time.wall_ms
        self._answered_ms = self._clock()
        self._error = ""
        self._followed_ms: dict[str, int] = {}
        self.standing: tuple[Outage, ...] = ()

    async def run(
        self,
        symbols: Callable[[], list[str]],
        broken_ms: Callable[[], Mapping[str, int]],
        on_change: Callable[[], Awaitable[None]],
    ) -> None:
        """Watch until canceled.

        Parameters
        ----------
        symbols
            What is traded now.
        broken_ms
            Symbols whose talk about orders is broken now, and since when.
        on_change
            Called when something went away or came back.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        await first_of(self._ask(), self._look(symbols, broken_ms, on_change))

    async def _ask(self) -> None:
        while True:
            try:
                asked_ms = self._feed.time.now_ms()
                async with asyncio.timeout(_ANSWER_SECONDS):
                    exchange_ms = await self._source.server_time()
                self._feed.time.synchronize(exchange_ms, asked_ms)
                self._answered_ms, self._error = self._clock(), ""
            except (ExchangeError, TimeoutError) as error:
                self._error = str(error)
                _log.warning("the venue does not answer", extra={"error": str(error)})
            await asyncio.sleep(_ASK_SECONDS)

    async def _look(
        self,
        symbols: Callable[[], list[str]],
        broken_ms: Callable[[], Mapping[str, int]],
        on_change: Callable[[], Awaitable[None]],
    ) -> None:
        written: list[Away] | None = None  # unknown at first: an earlier life may have left some standing
        while True:
            self.standing = outages(self._vitals(symbols(), broken_ms()))
            if written != (names := [outage.what for outage in self.standing]):
                alerts = [outage.alert for outage in self.standing]
                at = from_ms(self._clock())
                await asyncio.to_thread(self._journal.follow_standing, OUTAGE, alerts, at)
                for outage in self.standing:
                    _log.warning("outage", extra=outage.document)
                is_first, written = written is None, names
                if not is_first or names:
                    await on_change()
            await asyncio.sleep(_LOOK_SECONDS)

    def _vitals(self, symbols: list[str], broken_ms: Mapping[str, int]) -> Vitals:
        now_ms, market_ms = self._clock(), self._feed.time.now_ms()
        self._followed_ms = {symbol: self._followed_ms.get(symbol, now_ms) for symbol in symbols}
        heard_ms = {
            symbol: max(since_ms, now_ms - int(1000 * min(self._feed.age_seconds(symbol), now_ms / 1000)))
            for symbol, since_ms in self._followed_ms.items()
        }
        missing = {symbol: at_ms for symbol, at_ms in self._feed.missing_ms.items() if symbol in symbols}
        missing_ms = {symbol: now_ms - (market_ms - at_ms) for symbol, at_ms in missing.items()}
        error_ms = self._feed.time.error_ms
        return Vitals(
            now_ms, self._venue, self._answered_ms, broken_ms, heard_ms, missing_ms, error_ms, self._error
        )
