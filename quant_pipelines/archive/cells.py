"""One file's cells as the columns of its layout: numbers, times and texts by our names."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from quant_pipelines.archive.claims import Claims
from quant_pipelines.archive.columns import Columns, numbers, numbers_or_gaps
from quant_pipelines.archive.headers import KINDS
from quant_pipelines.archive.layouts import Found
from quant_pipelines.archive.layouts.layout import TEXT_COLUMNS, Content, Statement
from quant_pipelines.archive.origin import NoRowsError, Origin
from quant_pipelines.archive.preview import Preview
from quant_pipelines.archive.stated import Texts, rows_of
from quant_pipelines.archive.tables import origin_of, read_cell_blocks, read_cells
from quant_pipelines.archive.times import Times, moments_or_gaps, read_mixed_times, read_times
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.timeframes import MINUTE_MS, day_start_ms

_TIMES = ("ts", "close_time")


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Columns of a file as Arrow has them.

    Parameters
    ----------
    origin
        File, and where each row stands in it.
    table
        Arrow table of the columns that are read, by our names.
    """

    origin: Origin
    table: Any

    @property
    def texts(self) -> Texts:
        """Columns that are no numbers."""
        import pyarrow as pa  # noqa: PLC0415 - only files need it

        return {
            name: self.table.column(name).cast(pa.string()).combine_chunks()
            for name in self.table.column_names
            if name in TEXT_COLUMNS
        }


def read_blocks(preview: Preview, found: Found, asked: Claims) -> Iterator[Cells]:
    """Cells of the columns that a layout reads: the text of trades in blocks, everything else at once.

    Raises
    ------
    DataError
        If the file can't be read or has no rows.
    """
    there = {name: _name_in(preview, found, index) for index, name in enumerate(found.header)}
    wanted = {column: there[name] for column, name in found.layout.kinds[found.kind].items() if name in there}
    names = list(dict.fromkeys(wanted.values()))
    read = read_cell_blocks if found.kind == "trades" else read_cells
    if preview.form == "CSV" and not preview.rows:
        raise _without_rows(preview)
    n_rows = 0
    for block in read(preview, list(there.values()), names):
        origin = origin_of(preview, n_rows)
        n_rows += block.num_rows
        if not block.num_rows:
            continue
        table = found.layout.decode(block).select(list(wanted.values())).rename_columns(list(wanted))
        cells = Cells(origin, table)
        if found.layout.holds_many(preview):
            cells = _taken(cells, rows_of(asked, cells.texts, cells.origin))
        yield cells
    if not n_rows:
        raise _without_rows(preview)


def _without_rows(preview: Preview) -> NoRowsError:
    return NoRowsError(f"archive file {preview.path} has no rows; expected some")


def read_content(cells: Cells, found: Found, asked: Claims, statement: Statement) -> tuple[Content, Times]:
    """Numbers of a file, and how its times are written.

    Raises
    ------
    DataError
        If a cell is empty or is no number or time; the sentence names file, row and column.
    """
    if found.layout.has_gaps:
        cells = _filled(cells, found)
    origin, table = cells.origin, cells.table
    columns: Columns = {}
    if found.layout.may_mix_units:
        times, columns["time_unit"] = read_mixed_times(origin, table.column("ts"))
    else:
        times = _times(origin, table.column("ts"), asked, statement)
    columns["ts"] = times.ts
    for name in table.column_names:
        if name == "close_time":
            columns[name] = read_times(origin, table.column(name), zone=asked.zone).ts
        elif name == "written":
            columns[name], columns["written_day"] = moments_or_gaps(table.column(name))
        elif name not in _TIMES and name not in TEXT_COLUMNS:
            columns[name] = _numbers(origin, name, table.column(name), found.kind)
    slots = cells.texts.get("slot", ())
    interval = slots[0].as_py() if len(slots) else ""
    return Content(origin, columns, asked, interval=interval), times


def _name_in(preview: Preview, found: Found, index: int) -> str:
    """Text is read by the layout's names, whatever stands above it; everything else by its own."""
    if preview.form == "CSV" or not preview.header:
        return found.header[index]
    return preview.header[index]


def _times(origin: Origin, column: Any, asked: Claims, statement: Statement) -> Times:
    if not statement.day:
        return read_times(origin, column, zone=asked.zone, date_order=asked.date_order)
    day = f"{statement.day[:4]}-{statement.day[4:6]}-{statement.day[6:]}"
    ts: IntArray = numbers(origin, "ts", column).astype(np.int64) + day_start_ms(day)
    return Times(ts, "milliseconds of the day", has_zone=True)


def _numbers(origin: Origin, name: str, column: Any, kind: str) -> np.ndarray:
    if name == "rate":
        column = _fractions(origin, column)
    read = numbers if name in KINDS[kind].required else numbers_or_gaps
    return read(origin, name, column)


def _fractions(origin: Origin, column: Any) -> Any:
    """Cells of rates as fractions: percent has its sign in the text, and is divided without rounding."""
    import pyarrow as pa  # noqa: PLC0415

    if not pa.types.is_string(column.type) or not (column[0].as_py() or "").strip().endswith("%"):
        return column
    return pa.chunked_array([[_fraction(origin, cell, row) for row, cell in enumerate(column.to_pylist())]])


def _fraction(origin: Origin, cell: str | None, row: int) -> float:
    text = (cell or "").strip()
    try:
        if not text.endswith("%"):
            raise InvalidOperation
        return float(Decimal(text[:-1]) / 100)
    except InvalidOperation as error:
        raise origin.fault("rate", repr(text), row, "percent as in the first row") from error


def step_by_closes(cells: Cells) -> str:
    """Length of the first bar by its close, such as ``240`` (minutes); empty where the file has no closes."""
    if "close_time" not in cells.table.column_names:
        return ""
    first = cells.table.slice(0, 1)
    opened, closed = (read_times(cells.origin, first.column(name)).ts[0] for name in ("ts", "close_time"))
    return str(round(int(closed - opened) / MINUTE_MS))


def _filled(cells: Cells, found: Found) -> Cells:
    """Rows that have a value of the kind that is read: others are of another series."""
    value = KINDS[found.kind].required[1]
    is_there = ~np.isnan(numbers_or_gaps(cells.origin, value, cells.table.column(value)))
    if not is_there.any():
        raise NoRowsError(f"{cells.origin} has no {value} in any row; expected some")
    return _taken(cells, is_there)


def _taken(cells: Cells, chosen: np.ndarray) -> Cells:
    import pyarrow as pa  # noqa: PLC0415

    return Cells(cells.origin.taken(chosen), cells.table.filter(pa.array(chosen)))
