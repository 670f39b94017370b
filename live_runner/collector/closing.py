"""Closed minutes: fetched when the exchange's clock says so, stored, and then told.

What is fetched begins after the newest stored bar, so a minute that was missed, by a lost connection or a
restart, comes with the next one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from sqlalchemy import Engine

from live_runner.feed.feed import Feed
from live_runner.feed.relay import BAR_CLOSED, COLUMNS, TIMEFRAME
from quant_pipelines.cache import EventBus, EventIds
from quant_pipelines.core.errors import ExchangeError, StoreError
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, floor_ms
from quant_pipelines.exchange import BarRows
from quant_pipelines.store.bars import newest_bar_ms, upsert_bars
from quant_pipelines.store.engine import transaction
from quant_pipelines.telemetry.record import count

_LONGEST_GAP_MS = DAY_MS
_REPEATED_MS = 5 * MINUTE_MS
"""What is fetched and told again after a start: between storing a bar and telling it a process can die."""

_log = logging.getLogger(__name__)


class Closer:
    """Stores and tells each minute of the followed symbols.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id under which bars are stored.
    feed
        Closed bars of the exchange, waited for while they are fresh, and its time.
    bus
        Where a closed bar is told.
    ids
        Makes its events.
    """

    def __init__(self, engine: Engine, exchange: str, feed: Feed, bus: EventBus, ids: EventIds) -> None:
        self._engine = engine
        self._exchange = exchange
        self._feed = feed
        self._time = feed.time
        self._bus = bus
        self._ids = ids
        self._next_ms: dict[str, int] = {}
        self.closed = 0
        self.behind: dict[str, str] = {}

    async def run(self, symbols: Callable[[], Iterable[str]]) -> None:
        """Close every minute of the symbols, which are asked for at each, until canceled."""
        close_ms = floor_ms(self._time.now_ms(), MINUTE_MS)
        while True:
            await self._time.sleep_until(close_ms)
            await self.close_minute(list(symbols()), close_ms)
            # A minute that took longer than its time is followed by the newest closed one.
            close_ms = max(close_ms + MINUTE_MS, floor_ms(self._time.now_ms(), MINUTE_MS))

    async def close_minute(self, symbols: Iterable[str], close_ms: int) -> None:
        """Store and tell all bars up to a close; a symbol that fails is tried again with the next minute."""
        await asyncio.gather(*(self._close(symbol, close_ms) for symbol in symbols))

    async def _close(self, symbol: str, close_ms: int) -> None:
        try:
            start_ms = await self._start(symbol, close_ms)
            rows = await self._feed.closed_bars(symbol, TIMEFRAME, Window(start_ms, close_ms))
            await asyncio.to_thread(
                upsert_bars, self._engine, Series(self._exchange, symbol, TIMEFRAME), rows
            )
        except (ExchangeError, StoreError) as error:
            if symbol not in self.behind:
                _log.warning("bars can't be closed", extra={"symbol": symbol, "error": str(error)})
            self.behind[symbol] = str(error)
            return
        self.behind.pop(symbol, None)
        if not rows.ts.size:
            return
        await self._bus.publish(
            [
                self._ids.event("market", BAR_CLOSED, bar)
                for bar in bar_documents(self._exchange, symbol, rows)
            ]
        )
        self._next_ms[symbol] = int(rows.ts[-1]) + MINUTE_MS
        self.closed += int(rows.ts.size)
        count("quant_bars_closed_total", int(rows.ts.size))

    async def _start(self, symbol: str, close_ms: int) -> int:
        """Open time of the first bar that is missing; the newest minute where nothing is stored yet.

        History before the first bar is the ingestion's business.
        """
        known = self._next_ms.get(symbol)
        if known is None:
            newest = await asyncio.to_thread(self._newest, symbol)
            known = close_ms - MINUTE_MS if newest is None else newest + MINUTE_MS - _REPEATED_MS
        return max(min(known, close_ms - MINUTE_MS), close_ms - _LONGEST_GAP_MS)

    def _newest(self, symbol: str) -> int | None:
        with transaction(self._engine) as connection:
            return newest_bar_ms(connection, Series(self._exchange, symbol, TIMEFRAME))


def bar_documents(exchange: str, symbol: str, rows: BarRows) -> list[dict[str, object]]:
    """Return closed bars as JSON documents, oldest first; numbers are the stored ones to the last bit."""
    columns = (getattr(rows, name).tolist() for name in COLUMNS)
    series = {"exchange": exchange, "symbol": symbol, "timeframe": TIMEFRAME}
    return [series | dict(zip(COLUMNS, values, strict=True)) for values in zip(*columns, strict=True)]
