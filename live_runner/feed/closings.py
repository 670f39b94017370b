"""What a stream said last of each symbol's minutes: its word of a close comes before any clock is sure."""

import asyncio

from live_runner.ports.market_time import MarketTime
from live_runner.ports.tasks import first_of
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.exchange import LiveBar


class Closings:
    """The newest minute of each symbol that has closed by the stream's word.

    A minute has closed once the exchange calls it final, or speaks of a later one.
    """

    def __init__(self) -> None:
        self._newest: dict[str, LiveBar] = {}
        self._closed: dict[str, LiveBar] = {}
        self._heard = asyncio.Event()

    def hear(self, bar: LiveBar) -> None:
        """Take a word of the stream; one that comes late changes nothing."""
        before = self._newest.get(bar.symbol)
        if before is not None and bar.ts < before.ts:
            return
        self._newest[bar.symbol] = bar
        if bar.is_final:
            self._close(bar)
        elif before is not None and before.ts < bar.ts:
            self._close(before)

    def newest(self, symbol: str) -> LiveBar | None:
        """Return the newest minute of a symbol, as far as the stream has told it."""
        return self._newest.get(symbol)

    def is_news(self, bar: LiveBar) -> bool:
        """Whether a word of the stream tells more than the one before: a stream may say the same for ever."""
        before = self._newest.get(bar.symbol)
        return before is None or (before.ts, before.volume) < (bar.ts, bar.volume)

    def closed(self, symbol: str, close_ms: int) -> LiveBar | None:
        """Return the minute that closed then, as the stream left it; None if its word has not come."""
        bar = self._closed.get(symbol)
        return bar if bar is not None and bar.ts + MINUTE_MS == close_ms else None

    async def until(self, symbol: str, close_ms: int, time: MarketTime, deadline_ms: int) -> None:
        """Return once the minute has closed by the stream's word, at that time at the latest."""
        if self.closed(symbol, close_ms) is None:
            await first_of(self._until(symbol, close_ms), time.sleep_until(deadline_ms))

    async def _until(self, symbol: str, close_ms: int) -> None:
        while self.closed(symbol, close_ms) is None:
            self._heard.clear()
            await self._heard.wait()

    def _close(self, bar: LiveBar) -> None:
        known = self._closed.get(bar.symbol)
        if known is None or known.ts <= bar.ts:
            self._closed[bar.symbol] = bar
            self._heard.set()
