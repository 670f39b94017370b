"""A folder of files where ingestion expects an exchange: history only, and only what the files have."""

import asyncio
from pathlib import Path
from typing import Self

import numpy as np

from quant_pipelines.archive.files import bar_files, funding_file, own_open_interest_files
from quant_pipelines.archive.series import load_funding, read_bar_rows, read_open_interest
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.errors import DataError, unknown_name
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.points import FundingRate, OpenInterest
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import timeframe_ms


class FileSource:
    """Market data of an archive folder.

    Parameters
    ----------
    folder
        Archive folder.
    exchange
        ccxt id whose files are read.
    """

    def __init__(self, folder: Path, exchange: str = "binanceusdm") -> None:
        self._folder = folder
        self._exchange = exchange

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Nothing is kept open between two reads."""

    async def instruments(self) -> list[Instrument]:
        """None: files do not tell specifications, and none are invented."""
        return []

    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        """Bars with open times in a window, oldest first.

        Raises
        ------
        DataError
            If there is no such file, or it is malformed.
        """
        files = bar_files(self._folder, self._exchange)
        if symbol not in files:
            raise DataError(f"{unknown_name('symbol', symbol, files)} (archive {self._folder})")
        if timeframe not in files[symbol]:
            raise DataError(f"archive {self._folder} has no {timeframe} bars of {symbol}")
        rows = await asyncio.to_thread(read_bar_rows, files[symbol][timeframe], symbol, timeframe)
        first, end = np.searchsorted(rows.ts, [window.start_ms, window.end_ms])
        return BarRows(*(getattr(rows, name)[first:end] for name in BarRows.__dataclass_fields__))

    async def funding_rates(self, symbol: str, window: Window) -> list[FundingRate]:
        """Funding paid in a window, oldest first; empty where the archive has none."""
        if funding_file(self._folder, symbol, self._exchange) is None:
            return []
        series = await asyncio.to_thread(load_funding, self._folder, symbol, exchange=self._exchange)
        return [
            FundingRate(int(ts), float(rate), float(mark) if np.isfinite(mark) else None)
            for ts, rate, mark in zip(series.ts, series.rate, series.mark_price, strict=True)
            if window.start_ms <= ts < window.end_ms
        ]

    async def open_interest(self, symbol: str, window: Window) -> list[OpenInterest]:
        """Open interest in a window from the file with the shortest step; empty without one."""
        files = own_open_interest_files(self._folder, self._exchange).get(symbol, {})
        if not files:
            return []
        finest = min(files, key=timeframe_ms)
        points = await asyncio.to_thread(read_open_interest, files[finest])
        return [
            OpenInterest(int(ts), float(value))
            for ts, value in zip(points.ts, points.values, strict=True)
            if window.start_ms <= ts < window.end_ms
        ]
