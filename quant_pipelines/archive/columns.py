"""Columns of one Parquet file, proven usable: every refusal names the file, the row and the column."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.errors import DataError

_FIRST_MS, _END_MS = 10**11, 10**14  # 1973 to 5138; seconds lie below, microseconds above
_UNITS = ((10**8, 10**11, "seconds"), (10**14, 10**17, "microseconds"), (10**17, 10**20, "nanoseconds"))

Columns = dict[str, np.ndarray]
"""Column by name, each of shape (n_rows,)."""


def read_columns(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Columns:
    """Numeric columns of a file.

    Parameters
    ----------
    path
        Parquet file.
    required
        Columns that must be there; ``ts`` is checked to be milliseconds in every row.
    optional
        Columns that are read where they are there.

    Raises
    ------
    DataError
        If the file is not Parquet, lacks a column, or a column is not numeric or has empty rows.
    """
    import pyarrow as pa  # noqa: PLC0415 - only archives need it
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            there = set(file.schema_arrow.names)
            missing = [name for name in required if name not in there]
            if missing:
                raise DataError(f"archive file {path} has no column {', '.join(missing)}")
            wanted = [*required, *(name for name in optional if name in there)]
            table = file.read(columns=wanted, use_threads=False)  # its threads keep what they allocate
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise DataError(f"archive file {path} can't be read as Parquet: {reason}") from error
    columns: Columns = {}
    for name in table.column_names:
        column = table.column(name)
        is_number = pa.types.is_integer(column.type) or (
            pa.types.is_floating(column.type) and name not in ("ts", "trades")
        )
        if not is_number:
            expected = "int64 milliseconds" if name == "ts" else "a number"
            raise DataError(f"archive file {path}: column {name} is {column.type}; expected {expected}")
        if column.null_count:
            row = int(np.argmax(column.is_null().to_numpy()))
            raise DataError(f"archive file {path}: {name} is empty at row {row}; expected a value")
        columns[name] = column.to_numpy()
    if "ts" in columns:
        _check_unit(path, columns["ts"])
    return columns


def check_increasing(path: Path, ts: IntArray) -> None:
    """Prove that times grow from row to row.

    Raises
    ------
    DataError
        Naming the first row that is not after the row before.
    """
    late = np.flatnonzero(np.diff(ts) <= 0)
    if late.size:
        row = int(late[0]) + 1
        kind = "repeats" if ts[row] == ts[row - 1] else "is before"
        raise DataError(
            f"archive file {path}: ts {ts[row]} at row {row} {kind} that of row {row - 1}; "
            "expected strictly increasing times"
        )


def check_finite(path: Path, columns: Columns, names: Sequence[str]) -> None:
    """Prove that columns have neither NaN nor infinities.

    Raises
    ------
    DataError
        Naming the first row that has.
    """
    for name in names:
        bad = np.flatnonzero(~np.isfinite(columns[name]))
        if bad.size:
            raise DataError(
                f"archive file {path}: {name} is {columns[name][bad[0]]} at row {bad[0]}; expected a number"
            )


def _check_unit(path: Path, ts: IntArray) -> None:
    bad = np.flatnonzero((ts < _FIRST_MS) | (ts >= _END_MS))
    if not bad.size:
        return
    row = int(bad[0])
    value = int(ts[row])
    looks = next((f", which looks like {unit}" for low, high, unit in _UNITS if low <= value < high), "")
    raise DataError(
        f"archive file {path}: ts is {value} at row {row}{looks}; expected milliseconds in every row"
    )
