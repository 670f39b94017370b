"""A market that plays recorded bars to a runner, one minute a step, and a clock that waits for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.contract_state import ContractState
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, timeframe_ms
from quant_pipelines.exchange import BarRows, FundingRate, LiveBar, OpenInterest, PricePoint


def random_bars(symbol: str, start_ms: int, n_bars: int, seed: int, volatility: float = 0.002) -> Bars:
    """1-minute bars of a seeded walk with drifts that last."""
    generator = np.random.default_rng(seed)
    drift = np.repeat(generator.choice([-1.0, 1.0], size=n_bars // 40 + 1), 40)[:n_bars] * volatility / 4
    close = np.round(100.0 * np.exp(np.cumsum(drift + generator.normal(0, volatility, n_bars))), 2)
    open_ = np.concatenate([[100.0], close[:-1]])
    reach = np.abs(generator.normal(0, volatility / 2, (2, n_bars)))
    return bars_from_columns(
        symbol,
        "1m",
        {
            "ts": start_ms + MINUTE_MS * np.arange(n_bars),
            "open": open_,
            "high": np.round(np.maximum(open_, close) * (1 + reach[0]), 2) + 0.01,
            "low": np.round(np.minimum(open_, close) * (1 - reach[1]), 2) - 0.01,
            "close": close,
            "volume": generator.uniform(1, 10, n_bars),
        },
    )


def hourly_funding(bars: Bars, rate: float = 0.0001, hours: int = 8) -> FundingSeries:
    """Funding at each slot inside the bars, paid on the open of the slot's bar."""
    is_slot = bars.ts % (hours * HOUR_MS) == 0
    return FundingSeries(bars.ts[is_slot], np.full(int(is_slot.sum()), rate), bars.open[is_slot])


_SHORT_MS = 1_000


class ReplayTime:
    """Time that passes only when the runner waits, and stands still behind the last minute."""

    def __init__(self, start_ms: int, end_ms: int) -> None:
        self._now_ms = start_ms
        self._end_ms = end_ms
        self.moved = asyncio.Event()
        self.ready = asyncio.Event()
        self.finished = asyncio.Event()

    error_ms = 0

    def synchronize(self, exchange_ms: int, asked_ms: int | None = None) -> None:
        """A replay's time is the exchange's."""

    def wall_ms(self) -> int:
        return system_clock_ms()

    def now_ms(self) -> int:
        return self._now_ms

    async def sleep_until(self, ts_ms: int) -> None:
        if ts_ms - self._now_ms > _SHORT_MS:  # histories load before anybody listens
            await self.ready.wait()
        if ts_ms > self._end_ms:
            self.finished.set()
            await asyncio.Event().wait()
        self._now_ms = max(self._now_ms, ts_ms)
        self.moved.set()
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Recording:
    """What a replayed exchange knows."""

    bars: dict[str, Bars]
    funding: dict[str, FundingSeries]


class ReplaySource:
    """`MarketSource` over recordings: a bar is there once it has closed by the replay's clock."""

    def __init__(self, recording: Recording, time: ReplayTime, *, is_silent: bool = False) -> None:
        self._recording = recording
        self._time = time
        self._is_silent = is_silent
        self.is_away = False
        self.ends: dict[str, int] = {}
        self.margin_assets: dict[str, str] = {}
        if is_silent:
            time.ready.set()

    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        if self.is_away:
            raise ExchangeUnavailable("the replayed exchange is away")
        closed = roll_up(self._recording.bars[symbol], timeframe)
        last_ms = min(window.end_ms, self._time.now_ms() - timeframe_ms(timeframe) + 1)
        part = closed.between(window.start_ms, max(window.start_ms, last_ms))
        nothing = np.zeros(len(part))
        prices = (part.open, part.high, part.low, part.close, part.volume)
        return BarRows(part.ts, *prices, nothing, nothing.astype(np.int64))

    async def funding_rates(self, symbol: str, window: Window) -> list[FundingRate]:
        series = self._recording.funding.get(symbol)
        if series is None:
            return []
        rows = zip(series.ts.tolist(), series.rate.tolist(), series.mark_price.tolist(), strict=True)
        return [FundingRate(*row) for row in rows if window.start_ms <= row[0] < window.end_ms]

    async def mark_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:
        opened = roll_up(self._recording.bars[symbol], timeframe).between(*window)
        marks = far_marks(opened)
        return [PricePoint(*row) for row in zip(marks.ts.tolist(), marks.open.tolist(), strict=True)]

    async def watch_bars(self, symbols: Sequence[str]) -> AsyncIterator[LiveBar]:
        while True:
            for symbol in [] if self._is_silent else symbols:
                now_ms = self._time.now_ms()
                price = self._price(symbol, now_ms)
                yield LiveBar(symbol, now_ms - now_ms % MINUTE_MS, price, price, price, price, 0.0, now_ms)
            self._time.ready.set()
            await self._time.moved.wait()
            self._time.moved.clear()

    def _price(self, symbol: str, now_ms: int) -> float:
        """Close of the newest closed bar."""
        bars = self._recording.bars[symbol]
        return float(bars.close[max(0, int(bars.ts.searchsorted(now_ms - MINUTE_MS, "right")) - 1)])

    async def instruments(self) -> list[Instrument]:
        return []

    async def contract_states(self, symbols: Sequence[str]) -> dict[str, ContractState]:
        return {
            symbol: ContractState(
                symbol, "TRADING", True, self.margin_assets.get(symbol, "USDT"), True, self.ends.get(symbol)
            )
            for symbol in symbols
        }

    async def open_interest(self, symbol: str, window: Window) -> list[OpenInterest]:
        return []

    async def server_time(self) -> int:
        return self._time.now_ms()

    async def close(self) -> None:
        return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        return None


def far_marks(bars: Bars) -> MarkSeries:
    """Marks at the opens of bars; every seventh minute far below, every eleventh far above."""
    minute = bars.ts // MINUTE_MS
    far = np.where(minute % 7 == 0, 0.97, np.where(minute % 11 == 0, 1.03, 1.0))
    return MarkSeries.of_points(bars.ts, bars.open * far, MINUTE_MS)


def roll_up(bars: Bars, timeframe: str) -> Bars:
    """Complete bars of a longer timeframe."""
    size = timeframe_ms(timeframe) // MINUTE_MS
    if size == 1:
        return bars
    first = int(-bars.ts[0] // MINUTE_MS % size)
    count = (len(bars) - first) // size
    part = {
        name: getattr(bars, name)[first : first + count * size].reshape(count, size)
        for name in ("ts", "open", "high", "low", "close", "volume")
    }
    columns = {
        "ts": part["ts"][:, 0],
        "open": part["open"][:, 0],
        "high": part["high"].max(axis=1),
        "low": part["low"].min(axis=1),
        "close": part["close"][:, -1],
        "volume": part["volume"].sum(axis=1),
    }
    return bars_from_columns(bars.symbol, timeframe, columns)
