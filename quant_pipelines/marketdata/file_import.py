"""Brings files into the store by the same upserts as ingestion: one transaction a file, or nothing of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from quant_pipelines.archive import (
    FileSeries,
    bar_files,
    funding_file,
    is_readable_name,
    own_open_interest_files,
    read_series,
)
from quant_pipelines.core.bars import COLUMNS, BarRows
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.exchanges import require_exchange
from quant_pipelines.core.points import FundingRate, OpenInterest
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.symbols import require_symbol
from quant_pipelines.core.timeframes import from_ms, timeframe_ms
from quant_pipelines.store import bars as stored_bars
from quant_pipelines.store import market
from quant_pipelines.store.bars import Upserted


@dataclass(frozen=True, slots=True)
class Request:
    """One file, and what it is said to hold.

    Parameters
    ----------
    path
        Parquet, CSV or gzipped CSV.
    kind
        bars, funding or open_interest.
    exchange
        ccxt id under which rows are stored.
    symbol
        ccxt form.
    timeframe
        Of bars; empty for the others.
    """

    path: Path
    kind: str
    exchange: str
    symbol: str
    timeframe: str = ""

    def __post_init__(self) -> None:
        require_symbol(self.symbol, require_exchange(self.exchange))
        if self.kind == "bars":
            timeframe_ms(self.timeframe)
        if not is_readable_name(self.path):
            raise DataError(f"file {self.path} is neither .parquet nor .csv nor .csv.gz")


def files_of_archive(folder: Path, exchange: str, *, symbol: str = "", timeframe: str = "") -> list[Request]:
    """Every file of an archive folder that can be stored: bars, funding and the exchange's open interest.

    Parameters
    ----------
    folder
        Archive folder.
    exchange
        ccxt id.
    symbol, timeframe
        Only this one; empty takes all. Funding and open interest have no timeframe, and are left out when one
        is asked for.

    Raises
    ------
    DataError
        If the folder has nothing of that.
    """
    requests = []
    interests = own_open_interest_files(folder, exchange)
    for name, files in sorted(bar_files(folder, exchange).items()):
        if symbol and name != symbol:
            continue
        requests += [
            Request(files[step], "bars", exchange, name, step)
            for step in sorted(files, key=timeframe_ms)
            if timeframe in ("", step)
        ]
        if not timeframe:
            funding = funding_file(folder, name, exchange)
            requests += [Request(funding, "funding", exchange, name)] if funding else []
            requests += [
                Request(path, "open_interest", exchange, name) for path in interests.get(name, {}).values()
            ]
    if not requests:
        raise DataError(f"archive {folder} has no {timeframe or 'files'} of {symbol or exchange}")
    return requests


def import_files(engine: Engine | None, requests: list[Request], clock: Clock) -> Iterator[dict[str, Any]]:
    """Prove and store file after file.

    Parameters
    ----------
    engine
        Product database; None proves only.
    requests
        Files.
    clock
        What is not over by now is refused.

    Yields
    ------
    dict
        After each file: ``file``, ``kind``, ``exchange``, ``symbol``, ``timeframe``, ``rows``, ``first``,
        ``last`` (times of the first and the last row), ``inserted`` and ``updated`` (None without engine).

    Raises
    ------
    DataError
        If a file can't be used: nothing of it is stored, and the sentence says how many before it are.
    """
    for position, request in enumerate(requests):
        try:
            series = read_series(
                request.path, request.kind, request.symbol, request.timeframe, now_ms=clock()
            )
        except DataError as error:
            kept = f" ({position} of {len(requests)} files are stored)" if position and engine else ""
            raise DataError(f"{error}{kept}") from error
        written = None if engine is None else _WRITERS[request.kind](engine, request, series)
        yield _report(request, series, written)


def _report(request: Request, series: FileSeries, written: Upserted | None) -> dict[str, Any]:
    return {
        "file": str(request.path),
        "kind": request.kind,
        "exchange": request.exchange,
        "symbol": request.symbol,
        "timeframe": request.timeframe or None,
        "rows": int(series.ts.size),
        "first": from_ms(int(series.ts[0])),
        "last": from_ms(int(series.ts[-1])),
        "inserted": written.inserted if written else None,
        "updated": written.updated if written else None,
    }


def _write_bars(engine: Engine, request: Request, series: FileSeries) -> Upserted:
    key = Series(request.exchange, request.symbol, request.timeframe)
    values = {name: series.columns[name].astype(np.float64) for name in COLUMNS}
    gaps = {name: _values_or_gaps(series, name) for name in ("quote_volume", "trades")}
    if any(np.isnan(column).any() for column in gaps.values()):
        stored = stored_bars.read_bar_rows(engine, key, _window(series))
        gaps = {name: _filled(series, gaps[name], stored.ts, getattr(stored, name)) for name in gaps}
    rows = BarRows(
        ts=series.ts,
        **values,
        quote_volume=np.nan_to_num(gaps["quote_volume"]),
        trades=np.nan_to_num(gaps["trades"]).astype(np.int64),
    )
    return stored_bars.upsert_bars(engine, key, rows)


def _window(series: FileSeries) -> Window:
    return Window(int(series.ts[0]), int(series.ts[-1]) + 1)


def _values_or_gaps(series: FileSeries, name: str) -> np.ndarray:
    return series.columns.get(name, np.full(series.ts.size, np.nan))


def _filled(series: FileSeries, values: np.ndarray, stored_ts: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Values with what is stored where the file has none; NaN where neither has."""
    filled = np.full(series.ts.size, np.nan)
    _, here, there = np.intersect1d(series.ts, stored_ts, assume_unique=True, return_indices=True)
    filled[here] = stored[there]
    return np.where(np.isnan(values), filled, values)


def _write_funding(engine: Engine, request: Request, series: FileSeries) -> Upserted:
    known, _, stored = market.read_funding(engine, request.exchange, request.symbol, _window(series))
    marks = _filled(series, _values_or_gaps(series, "mark_price"), known, stored)
    rates = [
        FundingRate(int(ts), float(rate), float(mark) if np.isfinite(mark) else None)
        for ts, rate, mark in zip(series.ts, series.columns["rate"], marks, strict=True)
    ]
    written = market.save_funding(engine, request.exchange, request.symbol, rates)
    return _split(written, series, known)


def _write_open_interest(engine: Engine, request: Request, series: FileSeries) -> Upserted:
    known, _ = market.read_open_interest(engine, request.exchange, request.symbol, _window(series))
    values = series.columns["open_interest"].tolist()
    points = [OpenInterest(*row) for row in zip(series.ts.tolist(), values, strict=True)]
    written = market.save_open_interest(engine, request.exchange, request.symbol, points)
    return _split(written, series, known)


def _split(written: int, series: FileSeries, known: np.ndarray) -> Upserted:
    """Rows added are those whose time was not stored before; the rest of what was written changed."""
    added = int((~np.isin(series.ts, known)).sum())
    return Upserted(added, written - added)


_WRITERS = {"bars": _write_bars, "funding": _write_funding, "open_interest": _write_open_interest}
