"""Mark prices of an archive as bars, where its files have them, else as single prices."""

from pathlib import Path

import numpy as np

from quant_pipelines.archive.columns import check_finite, check_increasing, read_columns
from quant_pipelines.archive.files import mark_files
from quant_pipelines.archive.origin import Origin
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.core.timeframes import HOUR_MS, TIMEFRAMES

_BAR = ("open", "high", "low")


def load_mark(folder: Path, symbol: str, *, exchange: str = "binanceusdm") -> MarkSeries | None:
    """Mark prices of a symbol by its file of the shortest timeframe; None where there is none.

    Raises
    ------
    DataError
        If the exchange is not known in archives, or the file is malformed.
    """
    files = mark_files(folder, exchange).get(symbol, {})
    steps = {**TIMEFRAMES, "8h": 8 * HOUR_MS}
    if not files:
        return None
    timeframe = min(files, key=lambda name: steps[name])
    return _mark(files[timeframe], steps[timeframe])


def _mark(path: Path, step_ms: int) -> MarkSeries:
    columns = read_columns(path, ("ts",), (*_BAR, "mark_price"))
    names = [name for name in (*_BAR, "mark_price") if name in columns]
    check_increasing(Origin(path), columns["ts"])
    check_finite(Origin(path), columns, names)
    ts = columns["ts"].astype(np.int64)
    values = {name: columns[name].astype(np.float64) for name in names}
    try:
        if set(_BAR) <= set(names):
            open_, high, low = (values[name] for name in _BAR)
            return MarkSeries(ts, open_, high, low, step_ms, np.zeros(ts.size, dtype=bool))
        if "open" in names:
            return MarkSeries.of_points(ts, values["open"], step_ms)
        if "mark_price" in names:  # a close, known when the next bar opens
            return MarkSeries.of_points(ts + step_ms, values["mark_price"], step_ms)
    except DataError as error:
        raise DataError(f"archive file {path}: {error}") from error
    raise DataError(f"archive file {path} has no column open or mark_price")
