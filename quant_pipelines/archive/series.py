"""FileSeries of an archive: bars, funding, mark prices and open interest, as their files have them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from quant_pipelines.archive.columns import (
    Columns,
    check_finite,
    check_increasing,
    numbers_or_gaps,
    read_columns,
)
from quant_pipelines.archive.files import bar_files, funding_file
from quant_pipelines.archive.origin import Origin
from quant_pipelines.archive.tables import column_names, read_table
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import COLUMNS, BarRows, Bars, bars_from_columns
from quant_pipelines.core.errors import DataError, unknown_name
from quant_pipelines.core.funding import FundingSeries, no_funding
from quant_pipelines.core.timeframes import HOUR_MS, TIMEFRAMES


class Points(NamedTuple):
    """Values that become known at moments.

    Parameters
    ----------
    ts
        When each value is known, milliseconds UTC, strictly increasing. ndarray of shape (n_points,), int64.
    values
        ndarray of shape (n_points,), float64.
    """

    ts: IntArray
    values: FloatArray


def load_bars(folder: Path, symbol: str, timeframe: str, *, exchange: str = "binanceusdm") -> Bars:
    """Bars of one symbol, as the file has them.

    Parameters
    ----------
    folder
        Archive folder.
    symbol
        ccxt form, such as ``BTC/USDT:USDT``.
    timeframe
        One of 1m, 5m, 15m, 1h, 4h, 1d.
    exchange
        ccxt id.

    Raises
    ------
    DataError
        If the folder holds no bars, the symbol is unknown (the nearest is suggested), the timeframe is not
        there (those that are stand in the sentence), or the file is malformed.
    """
    files = bar_files(folder, exchange)
    if symbol not in files:
        raise DataError(f"{unknown_name('symbol', symbol, files)} (archive {folder})")
    if timeframe not in files[symbol]:
        there = ", ".join(sorted(files[symbol], key=lambda name: TIMEFRAMES.get(name, 0)))
        raise DataError(f"archive {folder} has no {timeframe} bars of {symbol}; it has {there}")
    path = files[symbol][timeframe]
    return _bars(path, symbol, timeframe, read_columns(path, ("ts", *COLUMNS)))


def load_quote_volume(
    folder: Path, symbol: str, timeframe: str, *, exchange: str = "binanceusdm"
) -> FloatArray | None:
    """Quote volume of the bars that `load_bars` reads; None where the file has none.

    Raises
    ------
    DataError
        If the file is malformed.
    """
    return read_quote_volume(bar_files(folder, exchange)[symbol][timeframe])


def read_quote_volume(path: Path) -> FloatArray | None:
    """Quote volume of a file in its rows' order, NaN where a row is empty; None where the file has none.

    Raises
    ------
    DataError
        If the file can't be read, or a row is not a number.
    """
    if "quote_volume" not in column_names(path):
        return None
    column = read_table(path, ["quote_volume"]).column("quote_volume")
    values: FloatArray = numbers_or_gaps(Origin(path), "quote_volume", column)
    return values


def has_bars(folder: Path, symbol: str, timeframe: str, *, exchange: str = "binanceusdm") -> bool:
    """Whether the archive has a file of these bars."""
    return timeframe in bar_files(folder, exchange).get(symbol, {})


def load_funding(folder: Path, symbol: str, *, exchange: str = "binanceusdm") -> FundingSeries:
    """Funding of one symbol, stamps floored to their hour; empty where the archive has none.

    Raises
    ------
    DataError
        If the exchange is not known in archives, or the file is malformed.
    """
    path = funding_file(folder, symbol, exchange)
    if path is None:
        return no_funding()
    columns = read_columns(path, ("ts", "rate"), ("mark_price",))
    ts, first = np.unique(columns["ts"] // HOUR_MS * HOUR_MS, return_index=True)
    rate = columns["rate"][first].astype(np.float64)
    mark = columns.get("mark_price", np.full(columns["ts"].size, np.nan))[first].astype(np.float64)
    return FundingSeries(ts.astype(np.int64), rate, mark)


def read_bar_rows(path: Path, symbol: str, timeframe: str) -> BarRows:
    """Bars of a file with quote volume and number of trades; zeros where the file lacks them.

    Raises
    ------
    DataError
        If the file is malformed; the sentence names file, row and column.
    """
    columns = read_columns(path, ("ts", *COLUMNS), ("quote_volume", "trades"))
    bars = _bars(path, symbol, timeframe, columns)
    nothing = np.zeros(len(bars))
    return BarRows(
        ts=bars.ts,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        volume=bars.volume,
        quote_volume=columns.get("quote_volume", nothing).astype(np.float64),
        trades=columns.get("trades", nothing).astype(np.int64),
    )


def read_funding_stamps(path: Path) -> Points:
    """Funding rates of a file by the exchange's own stamps, a few milliseconds after their slots.

    Raises
    ------
    DataError
        If the file is malformed.
    """
    columns = read_columns(path, ("ts", "rate"))
    check_increasing(Origin(path), columns["ts"])
    check_finite(Origin(path), columns, ("rate",))
    return Points(columns["ts"].astype(np.int64), columns["rate"].astype(np.float64))


def read_mark(path: Path, step_ms: int) -> Points:
    """Mark prices of a file at the moments at which they are known.

    A bar tells its open when it opens; a file with one ``mark_price`` an hour has closes, known a bar later.

    Raises
    ------
    DataError
        If the file is malformed.
    """
    columns = read_columns(path, ("ts",), ("open", "mark_price"))
    name = "open" if "open" in columns else "mark_price"
    if name not in columns:
        raise DataError(f"archive file {path} has no column open or mark_price")
    check_increasing(Origin(path), columns["ts"])
    check_finite(Origin(path), columns, (name,))
    known = columns["ts"].astype(np.int64) + (0 if name == "open" else step_ms)
    return Points(known, columns[name].astype(np.float64))


def read_open_interest(path: Path) -> Points:
    """Open interest of a file, base units.

    Raises
    ------
    DataError
        If the file is malformed.
    """
    columns = read_columns(path, ("ts", "open_interest"))
    check_increasing(Origin(path), columns["ts"])
    check_finite(Origin(path), columns, ("open_interest",))
    return Points(columns["ts"].astype(np.int64), columns["open_interest"].astype(np.float64))


def _bars(path: Path, symbol: str, timeframe: str, columns: Columns) -> Bars:
    check_increasing(Origin(path), columns["ts"])
    try:
        return bars_from_columns(symbol, timeframe, columns).validated()
    except DataError as error:
        raise DataError(f"archive file {path}: {error}") from error
