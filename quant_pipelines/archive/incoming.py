"""One file from anywhere, Parquet or CSV, as a series that may be stored: everything proven before."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quant_pipelines.archive.columns import Columns, check_finite, check_increasing, numbers, numbers_or_gaps
from quant_pipelines.archive.headers import KINDS, match_headers
from quant_pipelines.archive.tables import column_names, read_table, row_name
from quant_pipelines.archive.times import read_times
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.bars import bars_from_columns
from quant_pipelines.core.errors import DataError, unknown_name
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, timeframe_ms

_LARGEST_RATE = 1.0
_SLOT_SLACK_MS = 5 * MINUTE_MS  # an exchange stamps a payment some milliseconds after its slot


@dataclass(frozen=True, slots=True)
class FileSeries:
    """What one file holds.

    Parameters
    ----------
    path
        File.
    kind
        bars, funding or open_interest.
    symbol
        ccxt form.
    timeframe
        Of bars; empty for the others.
    columns
        ``ts`` (milliseconds UTC, strictly increasing) and the values, each of shape (n_rows,). Optional ones
        may be absent, and are NaN where a row is empty.
    """

    path: Path
    kind: str
    symbol: str
    timeframe: str
    columns: Columns

    @property
    def ts(self) -> IntArray:
        """Times, milliseconds UTC."""
        return self.columns["ts"]


def read_series(path: Path, kind: str, symbol: str, timeframe: str, *, now_ms: int) -> FileSeries:
    """Read and prove one file.

    Parameters
    ----------
    path
        Parquet, CSV or gzipped CSV.
    kind
        bars, funding or open_interest.
    symbol
        ccxt form.
    timeframe
        Of bars; not looked at otherwise.
    now_ms
        What is not over by then is refused.

    Raises
    ------
    DataError
        If anything in the file can't be used; the sentence names file, row and column.
    """
    if kind not in KINDS:
        raise DataError(unknown_name("kind of file", kind, KINDS))
    headers = match_headers(path, column_names(path), KINDS[kind])
    table = read_table(path, list(headers.values()))
    if not table.num_rows:
        raise DataError(f"archive file {path} has no rows; expected some")
    columns: Columns = {"ts": read_times(path, table.column(headers["ts"]))}
    for name in KINDS[kind].required[1:]:
        columns[name] = numbers(path, name, table.column(headers[name]))
    for name in KINDS[kind].optional:
        if name in headers:
            columns[name] = numbers_or_gaps(path, name, table.column(headers[name]))
    if kind == "funding":
        columns["ts"] = _slots(path, columns["ts"])
    check_increasing(path, columns["ts"])
    series = FileSeries(path, kind, symbol, timeframe if kind == "bars" else "", columns)
    _PROOFS[kind](series)
    _check_over(series, now_ms)
    return series


def _prove_bars(series: FileSeries) -> None:
    fault = bars_from_columns(series.symbol, series.timeframe, series.columns).fault()
    if fault is not None:
        raise _refused(series, fault.name, fault.index, fault.expected)
    for name in ("quote_volume", "trades"):
        if name in series.columns:
            _prove(series, name, _is_gap_or(series, name, np.greater_equal), "0 or more")


def _prove_funding(series: FileSeries) -> None:
    check_finite(series.path, series.columns, ("rate",))
    _prove(series, "rate", np.abs(series.columns["rate"]) <= _LARGEST_RATE, "a fraction: 0.0001 is 0.01 %")
    if "mark_price" in series.columns:
        _prove(series, "mark_price", _is_gap_or(series, "mark_price", np.greater), "a positive price")


def _is_gap_or(series: FileSeries, name: str, compare: np.ufunc) -> np.ndarray:
    values = series.columns[name]
    is_good: np.ndarray = np.isnan(values) | (compare(values, 0) & np.isfinite(values))
    return is_good


def _prove_open_interest(series: FileSeries) -> None:
    check_finite(series.path, series.columns, ("open_interest",))
    _prove(series, "open_interest", series.columns["open_interest"] >= 0, "0 or more")


_PROOFS = {"bars": _prove_bars, "funding": _prove_funding, "open_interest": _prove_open_interest}


def _slots(path: Path, ts: IntArray) -> IntArray:
    slots: IntArray = ts // HOUR_MS * HOUR_MS
    late = np.flatnonzero(ts - slots > _SLOT_SLACK_MS)
    if late.size:
        row = row_name(path, int(late[0]))
        raise DataError(
            f"archive file {path}: ts is {ts[late[0]]} at {row}; expected a payment at a full hour"
        )
    return slots


def _check_over(series: FileSeries, now_ms: int) -> None:
    length = timeframe_ms(series.timeframe) if series.kind == "bars" else 0
    _prove(
        series, "ts", series.ts + length <= now_ms, "a time that is over: this one still runs or is to come"
    )


def _prove(series: FileSeries, name: str, is_good: np.ndarray, expected: str) -> None:
    if not is_good.all():
        raise _refused(series, name, int(np.argmin(is_good)), expected)


def _refused(series: FileSeries, name: str, index: int, expected: str) -> DataError:
    value = series.columns[name][index]
    row = row_name(series.path, index)
    return DataError(f"archive file {series.path}: {name} is {value} at {row}; expected {expected}")
