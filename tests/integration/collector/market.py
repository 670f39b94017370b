"""A market of the test's own: bars that are computed, streams that speak when they are let."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Self

import numpy as np

from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.contract_state import ContractState
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import MINUTE_MS, timeframe_ms
from quant_pipelines.exchange import (
    BarRows,
    BookSnapshot,
    BookTop,
    FundingRate,
    LiveBar,
    MarkPrice,
    OpenInterest,
    PricePoint,
    PublicTrade,
)

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
START_MS = 1_767_225_600_000


class MarketClock:
    """`MarketTime` that stands until a test moves it."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self._now_ms = now_ms
        self._moved = asyncio.Event()

    error_ms = 0

    def synchronize(self, exchange_ms: int, asked_ms: int | None = None) -> None:
        """A replay's time is the exchange's."""

    def wall_ms(self) -> int:
        return system_clock_ms()

    def now_ms(self) -> int:
        return self._now_ms

    async def sleep_until(self, ts_ms: int) -> None:
        while self._now_ms < ts_ms:
            await self._moved.wait()

    def move_to(self, now_ms: int) -> None:
        self._now_ms = now_ms
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


class ComputedMarket:
    """`MarketSource` whose every bar is a function of its symbol and minute."""

    def __init__(self, time: MarketClock) -> None:
        self._time = time
        self.is_away = False
        self.is_silent = False
        self.watched: list[tuple[str, ...]] = []
        self.asked_bars = 0
        self.listening = 0

    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        self.asked_bars += 1
        if self.is_away:
            raise ExchangeUnavailable("the computed exchange is away")
        step_ms = timeframe_ms(timeframe)
        end_ms = min(window.end_ms, self._time.now_ms() // step_ms * step_ms)
        return computed_bars(symbol, np.arange(window.start_ms, max(window.start_ms, end_ms), step_ms))

    async def watch_bars(self, symbols: Sequence[str]) -> AsyncIterator[LiveBar]:
        self.watched.append(tuple(symbols))
        self.listening += 1
        try:
            async for symbol, now_ms in self._words(symbols):
                yield LiveBar(symbol, now_ms // MINUTE_MS * MINUTE_MS, 1.0, 2.0, 0.5, 1.5, 3.0, now_ms)
        finally:
            self.listening -= 1

    async def watch_trades(self, symbols: Sequence[str]) -> AsyncIterator[PublicTrade]:
        async for symbol, now_ms in self._words(symbols):
            yield PublicTrade(
                symbol, now_ms, str(now_ms), 100.25, 0.5, is_buyer_maker=True, received_ms=now_ms
            )

    async def watch_book_tops(self, symbols: Sequence[str]) -> AsyncIterator[BookTop]:
        async for symbol, now_ms in self._words(symbols):
            yield BookTop(symbol, now_ms, 100.2, 1.0, 100.3, 2.0, now_ms)

    async def watch_marks(self, symbols: Sequence[str]) -> AsyncIterator[MarkPrice]:
        async for symbol, now_ms in self._words(symbols):
            yield MarkPrice(symbol, now_ms, 100.25, 100.2, 0.0001, now_ms + MINUTE_MS, now_ms)

    async def _words(self, symbols: Sequence[str]) -> AsyncIterator[tuple[str, int]]:
        while True:
            for symbol in () if self.is_silent else symbols:
                yield symbol, system_clock_ms()
            await asyncio.sleep(0.02)

    async def instruments(self) -> list[Instrument]:
        return []

    async def contract_states(self, symbols: Sequence[str]) -> dict[str, ContractState]:
        return {}

    async def funding_rates(self, symbol: str, window: Window) -> list[FundingRate]:
        return []

    async def open_interest(self, symbol: str, window: Window) -> list[OpenInterest]:
        return []

    async def trades(self, symbol: str, window: Window) -> list[PublicTrade]:
        return []

    async def book(self, symbol: str, depth: int) -> BookSnapshot:
        return BookSnapshot(symbol, self._time.now_ms(), (), (), self._time.now_ms())

    async def mark_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:
        return []

    async def index_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:
        return []

    async def server_time(self) -> int:
        return self._time.now_ms()

    async def connect(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        return None


def computed_bars(symbol: str, ts: np.ndarray) -> BarRows:
    """Bars with these open times."""
    ts = ts.astype(np.int64)
    price = 100.0 + len(symbol) + np.sin(ts / 1e6) / 3.0
    volume = 1.0 + ts % 7 / 10
    trades = (ts // MINUTE_MS % 100).astype(np.int64)
    return BarRows(ts, price, price + 0.1, price - 0.1, price + 0.05, volume, price * volume, trades)
