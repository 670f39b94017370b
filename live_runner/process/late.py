"""Decisions that could not be taken when their bar was booked: taken as soon as they can, side by side."""

import asyncio

from live_runner.book.trader import Trader
from live_runner.feed.feed import Feed
from live_runner.ports.market_time import MarketTime
from live_runner.ports.tasks import first_of
from live_runner.process.sets import symbols_of
from live_runner.venue.links import Attempt, Stop

_AFTER_PAUSE_SECONDS = 0.1
_AT_ONCE = 8
"""One waits for its symbol's stream, and for a thread."""


class LateDecisions:
    """Traders that may decide again, in their order.

    Parameters
    ----------
    feed, time
        Market data, and the exchange's time.
    attempt
        Who writes failures down.
    stop
        Who halts a trader that failed.
    """

    def __init__(self, feed: Feed, time: MarketTime, attempt: Attempt, stop: Stop) -> None:
        self._feed = feed
        self._time = time
        self._attempt = attempt
        self._stop = stop
        self._waiting: asyncio.Queue[Trader] = asyncio.Queue()

    def put(self, trader: Trader) -> None:
        """Let a trader take now what it could not."""
        self._waiting.put_nowait(trader)

    def put_after(self, trader: Trader, until_ms: int) -> None:
        """Let it do so shortly after a time at the exchange, milliseconds UTC."""
        seconds = (until_ms - self._time.now_ms()) / 1000 + _AFTER_PAUSE_SECONDS
        asyncio.get_running_loop().call_later(max(0.0, seconds), self.put, trader)

    async def run(self) -> None:
        """Take late decisions until canceled.

        Raises
        ------
        StoreError
            If another writer has taken over, or the database does not answer.
        """
        await first_of(*(self._take_each() for _ in range(_AT_ONCE)))

    async def _take_each(self) -> None:
        while True:
            trader = await self._waiting.get()
            symbols = symbols_of(trader)
            for symbol in symbols:
                await self._feed.fresh_word(symbol)
            age_seconds = max(self._feed.age_seconds(symbol) for symbol in symbols)
            late = asyncio.to_thread(trader.decide_late, self._time.now_ms(), age_seconds)
            failure = await self._attempt(trader.key, late)
            if failure is not None:
                await self._stop(trader, failure)
