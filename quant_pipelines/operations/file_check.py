"""Checks files of bars and funding without a database: one file, two against each other, or an archive."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from quant_pipelines.archive import (
    Unused,
    bar_files,
    file_name_of,
    funding_file,
    own_open_interest_files,
    read_bar_rows,
    read_open_interest,
    read_quote_volume,
    unused_files,
)
from quant_pipelines.archive.columns import read_columns
from quant_pipelines.core.bars import COLUMNS, Bars, bars_from_columns
from quant_pipelines.core.errors import DataError, unknown_name
from quant_pipelines.core.price_factors import adjusted
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, TIMEFRAMES, floor_ms, timeframe_ms
from quant_pipelines.marketdata.archive_values import ArchiveValues
from quant_pipelines.marketdata.checks import (
    Agreement,
    Finding,
    check_funding,
    check_price_scale,
    check_volume_unit,
    find_mismatches,
)
from quant_pipelines.marketdata.checks.series import Known, check_series
from quant_pipelines.marketdata.checks.times import find_unordered
from quant_pipelines.marketdata.quality import FUNDING_SERIES, INTEREST_SERIES
from quant_pipelines.marketdata.rollup import roll_up

ALL_TIME = Window(0, 100 * 365 * DAY_MS)


@dataclass(frozen=True, slots=True)
class FileReport:
    """What one check of files found.

    Parameters
    ----------
    bars
        Bars that were looked at.
    findings
        Rows with symbol, timeframe, day, check_name, severity, count and detail.
    unused
        Files of the archive that are not used, with the reason.
    """

    bars: int
    findings: list[dict[str, Any]]
    unused: tuple[Unused, ...] = ()

    def __add__(self, other: "FileReport") -> "FileReport":
        return FileReport(self.bars + other.bars, self.findings + other.findings, self.unused + other.unused)


class _File(NamedTuple):
    """Bars of a file in order of time, however faulty; their times in the order of the file; quote volume."""

    bars: Bars
    ts: np.ndarray
    quote_volume: np.ndarray | None


def check_file(
    path: Path, *, against: Path | None = None, agreement: Agreement | None = None, window: Window = ALL_TIME
) -> FileReport:
    """Check one file of bars, named ``<SYMBOL>-<timeframe>….parquet``; with a second one, compare both.

    Raises
    ------
    DataError
        If the file can't be read, or its name tells no symbol and timeframe.
    """
    bars, rows, quote_volume = _read(path, window)
    found = [*_unordered(rows), *_check(bars)]
    found += [*check_volume_unit(bars, quote_volume).items(), *check_price_scale(bars).items()]
    if against is not None:
        theirs = _read(against, window).bars
        if theirs.timeframe != bars.timeframe:
            raise DataError(f"{against} has {theirs.timeframe} bars; expected {bars.timeframe} as in {path}")
        mismatches = find_mismatches(bars, theirs, *([agreement] if agreement else []))
        found += list(mismatches.items())
    return FileReport(len(bars), [_row(bars.symbol, bars.timeframe, *one) for one in found])


def check_archive(
    folder: Path, exchange: str, symbols: Sequence[str] = (), window: Window = ALL_TIME
) -> FileReport:
    """Check an archive's perpetual market: every file, roll-ups of minutes against longer bars, funding.

    Raises
    ------
    DataError
        If the folder has no bars, or a symbol is not there (the nearest one is suggested).
    """
    files = bar_files(folder, exchange)
    for symbol in symbols:
        if symbol not in files:
            raise DataError(f"{unknown_name('symbol', symbol, files)} (archive {folder})")
    report = FileReport(0, [], tuple(unused_files(folder, exchange)))
    interests = own_open_interest_files(folder, exchange)
    for symbol in symbols or sorted(files):
        values = ArchiveValues(folder, exchange, symbol)
        report += _check_symbol(files[symbol], symbol, window, values)
        path = funding_file(folder, symbol, exchange)
        if path is not None:
            report += FileReport(0, _check_funding(path, symbol, window, values))
        for path in interests.get(symbol, {}).values():
            report += FileReport(0, _check_interest(path, files[symbol], symbol, values))
    return report


def _check_symbol(paths: dict[str, Path], symbol: str, window: Window, values: ArchiveValues) -> FileReport:
    raw = {timeframe: _read(path, window) for timeframe, path in paths.items()}
    files = {name: file._replace(bars=adjusted(file.bars, values.factors)) for name, file in raw.items()}
    report = FileReport(0, [])
    for timeframe, (bars, rows, quote_volume) in files.items():
        found = [*_unordered(rows), *_check(bars, _witness(files, timeframe))]
        found += values.in_bars(bars, quote_volume)
        if "1m" in files and timeframe != "1m":
            minutes = read_bar_rows(paths["1m"], symbol, "1m")
            found += list(find_mismatches(roll_up(minutes, timeframe), raw[timeframe].bars).items())
        report += FileReport(len(bars), [_row(symbol, timeframe, *one) for one in found])
    return report


def _witness(files: dict[str, _File], timeframe: str) -> Bars | None:
    """Next longer bars that overlap, else the next shorter ones."""
    own = files[timeframe].bars
    others = [name for name, file in files.items() if name != timeframe and _overlap(file.bars, own)]
    step = timeframe_ms(timeframe)
    others.sort(key=lambda name: (TIMEFRAMES[name] < step, abs(TIMEFRAMES[name] - step)))
    return files[others[0]].bars if others else None


def _overlap(one: Bars, other: Bars) -> bool:
    return bool(len(one) and len(other) and one.ts[0] < other.close_ts[-1] and other.ts[0] < one.close_ts[-1])


def _check(bars: Bars, witness: Bars | None = None) -> Iterator[tuple[date, Finding]]:
    """Judge a file as of its own end: what it does not reach is not missing."""
    if len(bars):
        first_ms, now_ms = int(bars.ts[0]), int(bars.close_ts[-1])
        known = Known(first_ms) if witness is None else Known(first_ms, witness=witness)
        yield from check_series(bars, Window(floor_ms(first_ms, DAY_MS), now_ms), now_ms=now_ms, known=known)


def _unordered(ts: np.ndarray) -> list[tuple[date, Finding]]:
    return list(find_unordered(ts).items())


def _check_funding(path: Path, symbol: str, window: Window, values: ArchiveValues) -> list[dict[str, Any]]:
    columns = read_columns(path, ("ts", "rate"))
    order = np.argsort(columns["ts"], kind="stable")
    stamps, rates = columns["ts"][order].astype(np.int64), columns["rate"][order].astype(np.float64)
    inside = (stamps >= window.start_ms) & (stamps < window.end_ms)
    slots = [(day, one) for day, found in check_funding(stamps[inside]).items() for one in found]
    found = [*slots, *values.in_funding(stamps[inside], rates[inside])]
    return [_row(symbol, FUNDING_SERIES, *one) for one in found]


def _check_interest(
    path: Path, paths: dict[str, Path], symbol: str, values: ArchiveValues
) -> list[dict[str, Any]]:
    held = read_open_interest(path)
    bars = _read(paths[min(paths, key=lambda name: abs(TIMEFRAMES[name] - HOUR_MS))], ALL_TIME).bars
    found = values.in_interest(held.ts, held.values, bars)
    return [_row(symbol, INTEREST_SERIES, *one) for one in found]


def _read(path: Path, window: Window) -> _File:
    symbol, timeframe = file_name_of(path)
    columns = read_columns(path, ("ts", *COLUMNS))
    quote_volume = read_quote_volume(path)
    columns |= {} if quote_volume is None else {"quote_volume": quote_volume}
    inside = (columns["ts"] >= window.start_ms) & (columns["ts"] < window.end_ms)
    columns = {name: column[inside] for name, column in columns.items()}
    order = np.argsort(columns["ts"], kind="stable")
    ordered = {name: column[order] for name, column in columns.items()}
    bars = bars_from_columns(symbol, timeframe, ordered)
    return _File(bars, columns["ts"], ordered.get("quote_volume"))


def _row(symbol: str, timeframe: str, day: date, finding: Finding) -> dict[str, Any]:
    return {"symbol": symbol, "timeframe": timeframe, "day": day} | finding.to_row()
