"""Brings files into the store by the same upserts as ingestion: one transaction a file, or nothing of it."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Engine

from quant_pipelines.archive import (
    BY_HEADER,
    READABLE,
    Asked,
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
from quant_pipelines.core.exchanges import EXCHANGES
from quant_pipelines.core.points import FundingRate, OpenInterest
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.symbols import require_symbol
from quant_pipelines.core.timeframes import from_ms, timeframe_ms
from quant_pipelines.marketdata.file_values import require_possible
from quant_pipelines.store import bars as stored_bars
from quant_pipelines.store import market
from quant_pipelines.store.bars import Upserted
from quant_pipelines.store.findings import MISSING, confirm_bars
from quant_pipelines.store.imported import ImportedFile, Span, save_imported


@dataclass(frozen=True, slots=True)
class Request:
    """One file, and what it is said to hold.

    Parameters
    ----------
    path
        File whose name ends like one that is read.
    asked
        What it is said to hold; what is left out has to stand in the file.
    default_exchange
        ccxt id under which rows are stored where neither is said.
    """

    path: Path
    asked: Asked
    default_exchange: str

    def __post_init__(self) -> None:
        if not is_readable_name(self.path):
            raise DataError(f"file {self.path} is neither {' nor '.join(READABLE)}")


class _Incoming(NamedTuple):
    """Proven rows of a file, and the exchange under which they are stored."""

    series: FileSeries
    exchange: str

    @property
    def key(self) -> Series:
        return Series(self.exchange, self.series.symbol, self.series.timeframe)


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
            _of_archive(files[step], exchange, kind="bars", symbol=name, timeframe=step)
            for step in sorted(files, key=timeframe_ms)
            if timeframe in ("", step)
        ]
        if not timeframe:
            funding = funding_file(folder, name, exchange)
            found = [(funding, "funding")] if funding else []
            found += [(path, "open_interest") for path in interests.get(name, {}).values()]
            requests += [_of_archive(path, exchange, kind=kind, symbol=name) for path, kind in found]
    if not requests:
        raise DataError(f"archive {folder} has no {timeframe or 'files'} of {symbol or exchange}")
    return requests


def _of_archive(path: Path, exchange: str, *, kind: str, symbol: str, timeframe: str = "") -> Request:
    # An archive's own columns are meant, whatever else has the same ones.
    asked = Asked(kind=kind, symbol=symbol, timeframe=timeframe, exchange=exchange, layout=BY_HEADER)
    return Request(path, asked, exchange)


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
        After each file: ``file``, ``layout``, ``kind``, ``exchange``, ``symbol``, ``timeframe``, ``unit`` of
        its times, ``rows``, ``first``, ``last`` (times of the first and the last row), ``checksum``
        (SHA-256), ``notes``, ``inserted`` and ``updated`` (None without engine).

    Raises
    ------
    DataError
        If a file can't be used: nothing of it is stored, and the sentence says how many before it are.
    """
    for position, read in enumerate(_reads(requests, clock)):
        try:
            incoming = read()
            if not requests[position].asked.volume_unit:  # a unit that was said is not asked about again
                require_possible(engine, incoming.key, incoming.series)
        except DataError as error:
            kept = f" ({position} of {len(requests)} files are stored)" if position and engine else ""
            raise DataError(f"{error}{kept}") from error
        yield _report(incoming, None if engine is None else _store(engine, incoming, clock))


def _reads(requests: list[Request], clock: Clock) -> Iterator[Callable[[], _Incoming]]:
    """Rows of each file when they are asked for: a file is read while the one before is stored."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        ahead: deque[Future[_Incoming]] = deque()
        for request in requests:
            ahead.append(reader.submit(_read, request, clock))
            if len(ahead) > 1:
                yield ahead.popleft().result
        while ahead:
            yield ahead.popleft().result


def _read(request: Request, clock: Clock) -> _Incoming:
    series = read_series(request.path, request.asked, now_ms=clock())
    exchange = request.asked.exchange or request.default_exchange
    known = [name for name in series.exchanges if name in EXCHANGES]
    if known and exchange not in known:
        exchange = known[0]
    elif series.exchanges and not known:
        note = f"the file is of {series.exchanges[0]}; its rows are stored as those of {exchange}"
        series = replace(series, notes=(*series.notes, note))
    require_symbol(series.symbol, exchange)
    return _Incoming(series, exchange)


def _store(engine: Engine, incoming: _Incoming, clock: Clock) -> Upserted:
    series, at = incoming.series, from_ms(clock())
    written = _WRITERS[series.kind](engine, incoming)
    confirm_bars(engine, incoming.key, MISSING, series.untraded.tolist(), at)
    span = Span(from_ms(int(series.ts[0])), from_ms(int(series.ts[-1])))
    source = ImportedFile(
        name=series.path.name, checksum=series.checksum, layout=series.layout, rows=series.ts.size, span=span
    )
    save_imported(engine, incoming.key, series.kind, source, at)
    return written


def _report(incoming: _Incoming, written: Upserted | None) -> dict[str, Any]:
    series = incoming.series
    return {
        "file": str(series.path),
        "layout": series.layout,
        "kind": series.kind,
        "exchange": incoming.exchange,
        "symbol": series.symbol,
        "timeframe": series.timeframe or None,
        "unit": series.unit,
        "rows": int(series.ts.size),
        "first": from_ms(int(series.ts[0])),
        "last": from_ms(int(series.ts[-1])),
        "checksum": series.checksum,
        "notes": list(series.notes),
        "inserted": written.inserted if written else None,
        "updated": written.updated if written else None,
    }


def _write_bars(engine: Engine, incoming: _Incoming) -> Upserted:
    series = incoming.series
    values = {name: series.columns[name].astype(np.float64) for name in COLUMNS}
    gaps = {name: _values_or_gaps(series, name) for name in ("quote_volume", "trades")}
    if any(np.isnan(column).any() for column in gaps.values()):
        stored = stored_bars.read_bar_rows(engine, incoming.key, _window(series))
        gaps = {name: _filled(series, gaps[name], stored.ts, getattr(stored, name)) for name in gaps}
    rows = BarRows(
        ts=series.ts,
        **values,
        quote_volume=np.nan_to_num(gaps["quote_volume"]),
        trades=np.nan_to_num(gaps["trades"]).astype(np.int64),
    )
    return stored_bars.upsert_bars(engine, incoming.key, rows)


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


def _write_funding(engine: Engine, incoming: _Incoming) -> Upserted:
    (exchange, symbol, _), series = incoming.key, incoming.series
    known, _, stored = market.read_funding(engine, exchange, symbol, _window(series))
    marks = _filled(series, _values_or_gaps(series, "mark_price"), known, stored)
    rates = [
        FundingRate(int(ts), float(rate), float(mark) if np.isfinite(mark) else None)
        for ts, rate, mark in zip(series.ts, series.columns["rate"], marks, strict=True)
    ]
    return _split(market.save_funding(engine, exchange, symbol, rates), series, known)


def _write_open_interest(engine: Engine, incoming: _Incoming) -> Upserted:
    (exchange, symbol, _), series = incoming.key, incoming.series
    known, _ = market.read_open_interest(engine, exchange, symbol, _window(series))
    values = series.columns["open_interest"].tolist()
    points = [OpenInterest(*row) for row in zip(series.ts.tolist(), values, strict=True)]
    return _split(market.save_open_interest(engine, exchange, symbol, points), series, known)


def _split(written: int, series: FileSeries, known: np.ndarray) -> Upserted:
    """Rows added are those whose time was not stored before; the rest of what was written changed."""
    added = int((~np.isin(series.ts, known)).sum())
    return Upserted(added, written - added)


_WRITERS = {"bars": _write_bars, "funding": _write_funding, "open_interest": _write_open_interest}
