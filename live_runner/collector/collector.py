"""The collector's life: follow universe and whitelist, listen, close minutes, show that it lives.

Crash-only: it keeps nothing that the exchange and the rows don't have.
"""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine

from live_runner.collector.board import Board
from live_runner.collector.closing import Closer
from live_runner.collector.streams import CollectorStreams
from live_runner.feed.feed import Feed
from live_runner.ports.market_time import MarketTime
from live_runner.ports.tasks import first_of
from live_runner.process.memory import resident_megabytes
from quant_pipelines.cache import (
    SERVICE_KEY,
    Cache,
    EventIds,
    book_key,
    funding_key,
    hot_score_key,
    rate_key,
    tick_key,
)
from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.rate_budget import RateState
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.exchange import MarketSource
from quant_pipelines.store.heartbeats import Heartbeat, write_heartbeat
from quant_pipelines.store.market import read_hotlist, read_universe, read_whitelist

SERVICE = "collector"
SIGN_SECONDS = 0.5
"""How often the collector says in the live state that it lives."""

_SYMBOLS_SECONDS = 5.0
_STALE_SECONDS = 30.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that the collector talks to.

    Parameters
    ----------
    engine
        Product database.
    settings
        Settings of the process.
    source
        The exchange.
    time
        The exchange's time.
    cache
        Live state and events.
    name
        Host and process; no other process has it.
    rates
        What has been used of the exchange's request budget; None where nobody counts.
    """

    engine: Engine
    settings: Settings
    source: MarketSource
    time: MarketTime
    cache: Cache
    name: str
    rates: Callable[[], Awaitable[RateState]] | None = None


class Collector:
    """Collects until it is told to stop."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = around = surroundings
        self._exchange = around.settings.exchange.id
        self._symbols: tuple[str, ...] = ()
        self._changed = asyncio.Event()
        self._board = Board(around.cache.state)
        self._counted: Counter[str] = Counter()
        self._counted_ms = around.time.wall_ms()
        grace_ms = int(1000 * around.settings.runner.bar_grace_seconds)
        feed = Feed(around.source, around.time, grace_ms=grace_ms)
        self._streams = CollectorStreams(around.source, self._board, feed.heard)
        ids = EventIds(around.name, around.time.wall_ms)
        self._closer = Closer(around.engine, self._exchange, feed, around.cache.bus, ids)

    async def run(self, stopping: asyncio.Event) -> None:
        """Collect until ``stopping`` is set; a database or an exchange that is away is waited for."""
        await self._read_symbols()
        # What ends or fails ends everything: the supervisor starts it again.
        await first_of(
            stopping.wait(),
            self._board.run(),
            self._follow_streams(),
            self._follow_symbols(),
            self._closer.run(lambda: self._symbols),
            self._show_life(),
            self._beat(),
        )
        await self._board.flush()
        await self._write_beat("stopped")

    async def _follow_streams(self) -> None:
        while True:
            self._changed.clear()
            listening = asyncio.ensure_future(self._streams.follow(self._symbols))
            changed = asyncio.ensure_future(self._changed.wait())
            try:
                await asyncio.wait((listening, changed), return_when=asyncio.FIRST_COMPLETED)
                if listening.done():
                    listening.result()
            finally:
                for task in (listening, changed):
                    task.cancel()
                await asyncio.gather(listening, changed, return_exceptions=True)

    async def _follow_symbols(self) -> None:
        while True:
            await asyncio.sleep(_SYMBOLS_SECONDS)
            await self._read_symbols()

    async def _read_symbols(self) -> None:
        """Take over universe and whitelist; before they are seeded, what the settings will seed."""
        try:
            found, scores = await asyncio.to_thread(self._read_rows)
        except StoreError as error:
            _log.warning("symbols can't be read", extra={"error": str(error)})
            return
        market, now_ms = self._around.settings.market, self._around.time.wall_ms()
        symbols = tuple(sorted(found or {*market.universe, *market.whitelist}))
        for symbol, fields in scores.items():
            key = hot_score_key(symbol)
            if dict(self._board.value_of(key)) != fields:
                self._board.put("hot_scores", key, fields, now_ms)
        if symbols == self._symbols:
            return
        for gone in set(self._symbols) - set(symbols):
            for name in (tick_key, book_key, funding_key, hot_score_key):
                self._board.forget(name(gone))
        _log.info("symbols", extra={"symbols": list(symbols)})
        self._symbols = symbols
        self._changed.set()

    def _read_rows(self) -> tuple[set[str], dict[str, dict[str, Any]]]:
        engine = self._around.engine
        symbols = {*read_universe(engine, self._exchange), *read_whitelist(engine, self._exchange)}
        rows = read_hotlist(engine, self._exchange)
        scores = {
            row["symbol"]: {
                "symbol": row["symbol"],
                "score": row["score"],
                "rank": row["rank"],
                "scored_at": row["scored_at"].isoformat(),
            }
            for row in rows
        }
        return symbols, scores

    async def _show_life(self) -> None:
        """Say in the live state that this process lives: readers trust the rest only while it does."""
        fields = {"name": self._around.name, "pid": os.getpid(), "exchange": self._exchange}
        while True:
            self._board.put("signs", SERVICE_KEY, fields, self._around.time.wall_ms())
            await asyncio.sleep(SIGN_SECONDS)

    async def _beat(self) -> None:
        while True:
            await self._show_rates()
            await self._write_beat(self._state())
            await asyncio.sleep(self._around.settings.runner.heartbeat_seconds)

    async def _show_rates(self) -> None:
        if self._around.rates is None:
            return
        try:
            used = asdict(await self._around.rates())
        except StoreError as error:
            _log.warning("request budget can't be read", extra={"error": str(error)})
            return
        self._board.put("rates", rate_key(self._exchange), used, self._around.time.wall_ms())

    def _state(self) -> str:
        """Return ``healthy``, or the complaint."""
        ages = self._ages()
        stale = sorted(symbol for symbol, age in ages.items() if age is None or age > _STALE_SECONDS)
        if stale:
            return f"stale: {', '.join(stale[:5])}"
        behind = sorted(self._closer.behind)
        return f"bars behind: {', '.join(behind[:5])}" if behind else "healthy"

    def _ages(self) -> dict[str, float | None]:
        now_ms, ages = self._around.time.wall_ms(), dict[str, float | None]()
        for symbol in self._symbols:
            at_ms = self._board.time_of(tick_key(symbol))
            ages[symbol] = None if at_ms is None else round((now_ms - at_ms) / 1000, 3)
        return ages

    async def _write_beat(self, state: str) -> None:
        around, now_ms = self._around, self._around.time.wall_ms()
        seconds = max((now_ms - self._counted_ms) / 1000, 0.001)
        rates = {
            kind: round((count - self._counted[kind]) / seconds, 1)
            for kind, count in self._board.counts.items()
        }
        self._counted, self._counted_ms = Counter(self._board.counts), now_ms
        detail = {
            "pid": os.getpid(),
            "memory_mb": round(resident_megabytes(), 1),
            "symbols": list(self._symbols),
            "events_per_second": rates,
            "data_age_seconds": self._ages(),
            "bars_closed": self._closer.closed,
            "slowest_write_ms": round(self._board.slowest_write_ms, 1),
            "cache": around.cache.health(),
        }
        self._board.slowest_write_ms = 0.0
        try:
            sign = Heartbeat(SERVICE, state, from_ms(now_ms), detail)
            await asyncio.to_thread(write_heartbeat, around.engine, sign)
        except StoreError as error:
            _log.warning("heartbeat can't be written", extra={"error": str(error)})
