"""Columns of one file, proven usable: every refusal names the file, the row and the column."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from quant_pipelines.archive.origin import Origin
from quant_pipelines.archive.tables import column_names, read_table
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.errors import DataError

WHOLE = ("ts", "trades")
"""Columns of whole numbers."""

_EMPTY = ("", "null", "none", "nan")
_FIRST_MS, _END_MS = 10**11, 10**14  # 1973 to 5138; seconds lie below, microseconds above
_UNITS = ((10**8, 10**11, "seconds"), (10**14, 10**17, "microseconds"), (10**17, 10**20, "nanoseconds"))

Columns = dict[str, np.ndarray]
"""Column by name, each of shape (n_rows,)."""


def read_columns(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Columns:
    """Numeric columns of a file of the archive, named as here.

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
    there = column_names(path)
    missing = [name for name in required if name not in there]
    if missing:
        raise DataError(f"archive file {path} has no column {', '.join(missing)}")
    table = read_table(path, [*required, *(name for name in optional if name in there)])
    origin = Origin(path)
    columns: Columns = {name: numbers(origin, name, table.column(name)) for name in table.column_names}
    if "ts" in columns:
        _check_unit(origin, columns["ts"])
    return columns


def numbers(origin: Origin, name: str, column: Any) -> np.ndarray:
    """Numbers of one Arrow column; text, as in a CSV, is read as numbers.

    Parameters
    ----------
    origin, name
        File, and the column's name here: ``ts`` and ``trades`` are whole numbers.
    column
        Arrow's chunked array.

    Raises
    ------
    DataError
        If a row is empty or not a number.
    """
    import pyarrow as pa  # noqa: PLC0415 - only files need it

    if pa.types.is_string(column.type):
        return _numbers_of_text(origin, name, column, pa.int64() if name in WHOLE else pa.float64())
    is_number = pa.types.is_integer(column.type) or (pa.types.is_floating(column.type) and name not in WHOLE)
    if not is_number:
        expected = "int64 milliseconds" if name == "ts" else "a number"
        raise DataError(f"{origin}: column {name} is {column.type}; expected {expected}")
    check_filled(origin, name, column)
    values: np.ndarray = column.to_numpy()
    return values


def numbers_or_gaps(origin: Origin, name: str, column: Any) -> np.ndarray:
    """Like `numbers`, as float64 with NaN where a row is empty: for columns that files may lack.

    Raises
    ------
    DataError
        If a row is not a number.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    if pa.types.is_floating(column.type):  # as pandas writes whole numbers with gaps
        return _whole_or_gaps(origin, name, column.to_numpy().astype(np.float64))
    if pa.types.is_string(column.type):
        values = _cast(column, pa.float64())
        if values is None:
            cells = pc.fill_null(pc.utf8_trim_whitespace(column), "")
            is_empty = pc.is_in(pc.utf8_lower(cells), pa.array(_EMPTY))
            values = _numbers_of_text(origin, name, pc.if_else(is_empty, "nan", cells), pa.float64())
        return _whole_or_gaps(origin, name, values)
    is_empty = column.is_null().to_numpy()
    values = numbers(origin, name, pc.fill_null(column, 0)).astype(np.float64)
    values[is_empty] = np.nan
    return values


def _whole_or_gaps(origin: Origin, name: str, values: np.ndarray) -> np.ndarray:
    broken = np.flatnonzero(np.isfinite(values) & (values % 1 != 0)) if name in WHOLE else ()
    for index in broken:
        row = origin.row(int(index))
        raise DataError(f"{origin}: {name} is {values[index]} at {row}; expected a whole number")
    return values


def check_filled(origin: Origin, name: str, column: Any) -> None:
    """Prove that no row is empty.

    Raises
    ------
    DataError
        Naming the first row that is.
    """
    if column.null_count:
        row = origin.row(int(np.argmax(column.is_null().to_numpy())))
        raise DataError(f"{origin}: {name} is empty at {row}; expected a value")


def _numbers_of_text(origin: Origin, name: str, column: Any, kind: Any) -> np.ndarray:
    import pyarrow.compute as pc  # noqa: PLC0415

    values = _cast(column, kind)
    if values is None:
        trimmed = pc.utf8_trim_whitespace(column)
        values = _cast(trimmed, kind)
        if values is None:
            raise _not_a_number(origin, name, trimmed.to_pylist())
    return values


def _cast(column: Any, kind: Any) -> np.ndarray | None:
    """Numbers of text without spaces around; None where a cell is none."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    if column.null_count:
        return None
    try:
        values: np.ndarray = pc.cast(column, kind).to_numpy()
    except pa.ArrowInvalid:
        return None
    return values


def _not_a_number(origin: Origin, name: str, cells: list[str]) -> DataError:
    parse, expected = (int, "a whole number") if name in WHOLE else (float, "a number")
    for index, cell in enumerate(cells):
        try:
            parse(cell)
        except ValueError:
            shown = repr(cell) if cell else "empty"
            return DataError(f"{origin}: {name} is {shown} at {origin.row(index)}; expected {expected}")
    return DataError(f"{origin}: column {name} holds a number that can't be read")


def check_increasing(origin: Origin, ts: IntArray) -> None:
    """Prove that times grow from row to row.

    Raises
    ------
    DataError
        Naming the first row that is not after the row before.
    """
    late = np.flatnonzero(np.diff(ts) <= 0)
    if late.size:
        index = int(late[0]) + 1
        kind = "repeats" if ts[index] == ts[index - 1] else "is before"
        raise DataError(
            f"{origin}: ts {ts[index]} at {origin.row(index)} {kind} that of "
            f"{origin.row(index - 1)}; expected strictly increasing times"
        )


def check_finite(origin: Origin, columns: Columns, names: Sequence[str]) -> None:
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
                f"{origin}: {name} is {columns[name][bad[0]]} at {origin.row(int(bad[0]))}; expected a number"
            )


def _check_unit(origin: Origin, ts: IntArray) -> None:
    bad = np.flatnonzero((ts < _FIRST_MS) | (ts >= _END_MS))
    if not bad.size:
        return
    value = int(ts[bad[0]])
    looks = next((f", which looks like {unit}" for low, high, unit in _UNITS if low <= value < high), "")
    row = origin.row(int(bad[0]))
    raise DataError(f"{origin}: ts is {value} at {row}{looks}; expected milliseconds in every row")
