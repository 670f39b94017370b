"""A CSV of daily returns: the day first, then a column for each trial."""

import csv
import math
from datetime import datetime

import numpy as np

from quant_pipelines.archive.trials.layout import FRACTION, HIGHEST, LOWEST, TrialFile, TrialLayout
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import DAY_MS, day_of, day_start_ms
from quant_pipelines.optimize.imported import ImportedSearch, ImportedTrial


def _is_of(file: TrialFile) -> bool:
    return file.path.suffix == ".csv"


def _read(file: TrialFile) -> ImportedSearch:
    lines, notes = _lines(file)
    header = _header(file, lines[0])
    days = _days(file, lines[1:])
    returns = _returns(file, lines[1:], header)
    absent = int((days[-1] - days[0]) // DAY_MS) + 1 - days.size
    if absent:
        notes.append(f"{absent} days between the first and the last are not in the file, and do not count")
    _require_own_names(file, header, returns)
    firsts: dict[bytes, str] = {}
    trials = []
    for name, column in zip(header, returns.T, strict=True):
        first = firsts.setdefault(column.tobytes(), name)
        trials.append(ImportedTrial(name, returns=column, copy_of=first))
    if copies := len(header) - len(firsts):
        notes.append(f"{copies} columns have the returns of another one: they are one trial with it")
    return ImportedSearch("daily returns", file.path.stem, tuple(trials), days, notes=tuple(notes))


def _lines(file: TrialFile) -> tuple[list[list[str]], list[str]]:
    """Rows of cells, the header first; a last one that is cut short is left out and told."""
    try:
        text = file.path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file.path} can't be read: {error}; expected a CSV in UTF-8") from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if row]
    if len(rows) < 2:
        raise file.fault("line 1", "its rows", len(rows), "a header, and a line for each day")
    width, notes = len(rows[0]), []
    if len(rows[-1]) < width and not text.endswith("\n") and len(rows) > 2:
        notes.append(f"line {len(rows)}, the last one, is cut short: it is left out")
        rows.pop()
    for number, row in enumerate(rows[1:], 2):
        if len(row) != width:
            raise file.fault(f"line {number}", "its number of cells", len(row), f"{width} as in the header")
    return rows, notes


def _header(file: TrialFile, names: list[str]) -> list[str]:
    trials = [name.strip() for name in names[1:]]
    if not trials:
        raise file.fault("line 1", "its number of cells", len(names), "the day, then a name for each trial")
    for column, name in enumerate([names[0], *trials], 1):
        if not name.strip() and column > 1:
            raise file.fault("line 1", f"column {column}", name, "the name of a trial")
    if _time(names[0]) is not None:
        raise file.fault(
            "line 1", "column 1", names[0], "a header such as day: names stand above the returns"
        )
    return trials


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def _days(file: TrialFile, rows: list[list[str]]) -> IntArray:
    days: list[int] = []
    for number, row in enumerate(rows, 2):
        time = _time(row[0])
        if time is None or time.replace(tzinfo=None).time() != datetime.min.time() or time.utcoffset():
            raise file.fault(f"line {number}", "day", row[0], "a UTC day such as 2024-01-31")
        day = day_start_ms(f"{time:%Y-%m-%d}")
        if days and day <= days[-1]:
            raise file.fault(f"line {number}", "day", row[0], f"one after {day_of(days[-1])}")
        days.append(day)
    return np.array(days, dtype=np.int64)


def _returns(file: TrialFile, rows: list[list[str]], names: list[str]) -> FloatArray:
    returns = np.empty((len(rows), len(names)))
    for at, row in enumerate(rows):
        for column, cell in enumerate(row[1:]):
            try:
                value = float(cell)
            except ValueError:
                value = math.nan
            if not LOWEST <= value <= HIGHEST:
                raise file.fault(f"line {at + 2}", names[column], cell, FRACTION)
            returns[at, column] = value
    return returns


def _require_own_names(file: TrialFile, names: list[str], returns: FloatArray) -> None:
    """Refuse a name that stands above two series: nobody could say which is meant."""
    columns: dict[str, FloatArray] = {}
    for name, column in zip(names, returns.T, strict=True):
        if not np.array_equal(columns.setdefault(name, column), column):
            raise file.fault("line 1", "column", name, "another name for each trial")


LAYOUT = TrialLayout(name="daily_returns", about="a CSV of daily returns a trial", is_of=_is_of, read=_read)
