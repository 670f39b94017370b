"""A whole platform around a fresh database: a market that is computed, a clock that stands."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Self

import dagster as dg
import numpy as np
import pytest

from assets.resources import Platform
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.search_settings import OptimizationSettings, WindowSettings
from quant_pipelines.core.series import Window
from quant_pipelines.core.settings import ExchangeSettings, MarketSettings, Settings
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, day_start_ms, timeframe_ms
from quant_pipelines.exchange import FundingRate, OpenInterest, PricePoint
from quant_pipelines.marketdata.rollup import roll_up

NOW_MS = day_start_ms("2024-03-15") + 10 * HOUR_MS + 2 * MINUTE_MS
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
SMALL_WINDOWS = WindowSettings(train_days=4, test_days=2, folds=2, purge_hours=2)


class ComputedMarket:
    """Market source whose prices are waves: the same for everybody, closed bars only.

    Minutes begin at ``minutes_from_ms``; longer bars reach back for ever, as far as anybody asks.
    """

    def __init__(self, minutes_from_ms: int = 0) -> None:
        self._minutes_from_ms = minutes_from_ms

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        pass

    async def instruments(self) -> list[Instrument]:
        step, fee = Decimal("0.001"), Decimal("0.0005")
        return [
            Instrument("binanceusdm", symbol, step, step, Decimal(5), fee, fee, 20, 8) for symbol in SYMBOLS
        ]

    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        closed_end = NOW_MS - NOW_MS % timeframe_ms(timeframe)
        end_ms = min(window.end_ms, closed_end)
        if timeframe == "1m":
            return self._minutes(symbol, max(window.start_ms, self._minutes_from_ms), end_ms)
        return roll_up(self._minutes(symbol, window.start_ms, end_ms), timeframe)

    async def funding_rates(self, symbol: str, window: Window) -> list[FundingRate]:
        slots = range(
            -(-window.start_ms // (8 * HOUR_MS)) * 8 * HOUR_MS, min(window.end_ms, NOW_MS), 8 * HOUR_MS
        )
        return [FundingRate(ts, 0.0001 * SYMBOLS.index(symbol), None) for ts in slots]

    async def open_interest(self, symbol: str, window: Window) -> list[OpenInterest]:
        step = 5 * MINUTE_MS
        grid = range(-(-window.start_ms // step) * step, min(window.end_ms, NOW_MS), step)
        return [OpenInterest(ts, 1000.0 + ts % 7 + len(symbol)) for ts in grid]

    async def mark_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:
        rows = await self.bars(symbol, timeframe, window)
        return [PricePoint(ts, price) for ts, price in zip(rows.ts.tolist(), rows.open.tolist(), strict=True)]

    index_prices = mark_prices

    def _minutes(self, symbol: str, start_ms: int, end_ms: int) -> BarRows:
        minute = np.arange(start_ms, end_ms, MINUTE_MS) // MINUTE_MS
        opened, closed = self._price(symbol, minute), self._price(symbol, minute + 1)
        volume = 10.0 + np.sin(minute / 97.0)
        return BarRows(
            ts=minute * MINUTE_MS,
            open=opened,
            high=np.maximum(opened, closed) * 1.0001,
            low=np.minimum(opened, closed) * 0.9999,
            close=closed,
            volume=volume,
            quote_volume=volume * closed,
            trades=np.full(minute.size, 5),
        )

    @staticmethod
    def _price(symbol: str, minute: np.ndarray) -> np.ndarray:
        wave = 0.06 * np.sin(minute / 700.0) + 0.01 * np.sin(minute / 37.0 + SYMBOLS.index(symbol))
        price: np.ndarray = 100.0 * np.exp(wave)
        return price


@pytest.fixture
def platform(database_url: str, tmp_path: Path) -> Iterator[Platform]:
    settings = Settings(
        database_url=database_url,
        exchange=ExchangeSettings(),
        market=MarketSettings(universe=SYMBOLS, whitelist=SYMBOLS[:1], history_days=9),
        optimization=OptimizationSettings(
            strategies=("ema_cross",),
            breadth="named",
            timeframes=("1h",),
            searcher="grid",
            trials=4,
            overfit_points=64,
            overfit_blocks=2,
            workers=1,
            hour_windows=SMALL_WINDOWS,
        ),
    )
    made = Platform(settings, clock=lambda: NOW_MS, open_source=lambda _: ComputedMarket())
    made.home = tmp_path
    yield made
    made.engine.dispose()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made
