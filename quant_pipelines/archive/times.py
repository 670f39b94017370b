"""Times of a file as milliseconds UTC: whole numbers in one unit, or ISO 8601 text."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from quant_pipelines.archive.columns import check_filled, numbers
from quant_pipelines.archive.tables import row_name
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.errors import DataError

# Numbers between 1973 and 5138 in each unit; the spans do not overlap.
_UNITS = {
    "seconds": (10**8, 10**11),
    "milliseconds": (10**11, 10**14),
    "microseconds": (10**14, 10**17),
    "nanoseconds": (10**17, 9 * 10**18),
}
_NUMBER = re.compile(r"[+-]?\d+")


def read_times(path: Path, column: Any) -> IntArray:
    """Milliseconds UTC of a column of times.

    Whole numbers may be seconds, milliseconds, microseconds or nanoseconds, the same in every row. Text and
    Arrow's own timestamps without a zone are UTC.

    Raises
    ------
    DataError
        If a row is empty, is not a time, or has another unit than the first.
    """
    import pyarrow as pa  # noqa: PLC0415 - only files need it

    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        check_filled(path, "ts", column)
        return _milliseconds(column.cast(pa.timestamp("ms"), safe=False))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.string())
        cell = column[0].as_py() if len(column) else "0"
        if not _NUMBER.fullmatch((cell or "").strip()):
            return _of_text(path, column)
    return _of_numbers(path, numbers(path, "ts", column).astype(np.int64))


def _of_numbers(path: Path, values: IntArray) -> IntArray:
    unit = np.full(values.size, -1)
    for position, (low, high) in enumerate(_UNITS.values()):
        unit[(values >= low) & (values < high)] = position
    names = [*_UNITS, "no time"]
    bad = np.flatnonzero((unit != unit[0]) | (unit < 0)) if values.size else np.empty(0, np.int64)
    if bad.size:
        index = int(bad[0])
        expected = f"{names[unit[0]]} as in the first row" if unit[0] >= 0 else "a time"
        raise DataError(
            f"archive file {path}: ts is {values[index]} at {row_name(path, index)}, which looks like "
            f"{names[unit[index]]}; expected {expected}"
        )
    scale = int(unit[0]) if values.size else 1
    return values * 1000 if scale == 0 else values // 1000 ** (scale - 1)


def _of_text(path: Path, column: Any) -> IntArray:
    import pandas as pd  # noqa: PLC0415

    cells = column.to_pylist()
    # ISO 8601 is asked for by name: day and month of other spellings could be taken for each other.
    moments = pd.to_datetime(pd.Series(cells), format="ISO8601", utc=True, errors="coerce")
    bad = np.flatnonzero(moments.isna().to_numpy())
    if bad.size:
        index = int(bad[0])
        shown = repr(cells[index]) if cells[index] else "empty"
        raise DataError(
            f"archive file {path}: ts is {shown} at {row_name(path, index)}; "
            "expected a time such as 2024-01-31T12:00:00Z"
        )
    milliseconds: IntArray = moments.dt.tz_convert(None).to_numpy("datetime64[ms]").astype(np.int64)
    return milliseconds


def _milliseconds(column: Any) -> IntArray:
    values: IntArray = column.to_numpy().astype("datetime64[ms]").astype(np.int64)
    return values
