"""Files of columns: one series of bars as memory-mapped arrays, checked whenever a file is opened.

::

    magic · length and crc32 of the header · header (JSON) · the arrays, each on a new page

A file is replaced at once and never changed in place, so readers need no lock. It is never the only copy.
"""

import json
import logging
import mmap
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.series import Series

NAMES = ("ts", "open", "high", "low", "close", "volume")
PARTIAL_LIFETIME_SECONDS = 3600

_MAGIC = b"QCOLUMN1"
_PREFIX = struct.Struct("<8sII")
_PAGE = 4096
_BLOCK = _PAGE // 8
_LARGEST_HEADER = 1 << 22
_log = logging.getLogger(__name__)


class ColumnFault(StoreError):
    """A column file that is damaged, or not what its name says; the database has the rows."""


@dataclass(frozen=True, slots=True)
class Month:
    """Rows of one UTC month.

    Parameters
    ----------
    month
        Its first day.
    version
        What the database said of these rows when they were read.
    rows
        How many there are; they follow the rows of the month before.
    """

    month: date
    version: str
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class ColumnFile:
    """Columns of one series and the months they cover, in ascending order.

    Parameters
    ----------
    series
        Exchange, symbol, timeframe.
    months
        Which months, in which version.
    columns
        ``NAMES`` to ndarray of shape (n_rows,): ``ts`` int64 milliseconds UTC, the others float64. From a
        file they are mapped copy-on-write: processes share one copy in memory, and nobody changes the file.
    """

    series: Series
    months: tuple[Month, ...]
    columns: Mapping[str, np.ndarray]

    def month_columns(self) -> dict[Month, dict[str, np.ndarray]]:
        """Columns of each month, without a copy."""
        parts, first = {}, 0
        for month in self.months:
            part = slice(first, first + month.rows)
            parts[month] = {name: self.columns[name][part] for name in NAMES}
            first += month.rows
        return parts


def open_columns(path: Path, series: Series) -> ColumnFile | None:
    """Map a file; None when there is none.

    Raises
    ------
    ColumnFault
        If it can't be read, is cut off, fails its checksums, or is of another series.
    """
    try:
        with path.open("rb") as file:
            found = _parse(path, file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ColumnFault(f"column file {path} can't be read: {error.strerror}") from error
    if found.series != series:
        raise ColumnFault(f"column file {path} is of {found.series}, expected {series}")
    return found


def write_columns(path: Path, content: ColumnFile) -> ColumnFile:
    """Write a file, map what was written, and put it in its place at once.

    Returns
    -------
    ColumnFile
        The same content, mapped: whatever another process puts in that place.

    Raises
    ------
    ColumnFault
        If it can't be written, for example because the disk is full; nothing is left behind.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w+b") as file:
            _write(file, content)
            file.flush()
            os.fsync(file.fileno())
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            mapped = _parse(path, file)
        partial.replace(path)
        _drop_old_partials(path)
    except OSError as error:
        remove_file(partial)
        raise ColumnFault(f"column file {path} can't be written: {error.strerror}") from error
    except ColumnFault:
        remove_file(partial)
        raise
    return mapped


def remove_file(path: Path) -> None:
    """Remove a file if it is there; whoever has it mapped keeps it. A refusal is logged, not raised."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("column file %s can't be removed: %s", path, error.strerror)


def checksum(columns: Mapping[str, np.ndarray]) -> int:
    """CRC of the sums of all pages: as fast as memory, and no page changes, vanishes or moves unseen."""
    crc = 0
    for name in NAMES:
        words = columns[name].view(np.uint64)
        whole = words.size - words.size % _BLOCK
        sums = words[:whole].reshape(-1, _BLOCK).sum(axis=1)
        crc = zlib.crc32(sums.tobytes(), crc)
        crc = zlib.crc32(words[whole:].tobytes(), crc)
    return crc


def _parse(path: Path, file: BinaryIO) -> ColumnFile:
    size = os.fstat(file.fileno()).st_size
    header = _header(path, file.read(min(size, _PREFIX.size + _LARGEST_HEADER)))
    try:
        months = tuple(Month(date.fromisoformat(day), *told) for day, *told in header["months"])
        exchange, symbol, timeframe = header["series"]
        n_rows, first, expected = sum(month.rows for month in months), header["data"], header["checksum"]
    except (KeyError, TypeError, ValueError) as error:
        raise ColumnFault(f"column file {path} has a header that can't be read: {error}") from error
    stride = _padded(8 * n_rows)
    if size != first + len(NAMES) * stride:
        raise ColumnFault(f"column file {path} has {size} bytes, expected {first + len(NAMES) * stride}")
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    columns = {
        name: np.frombuffer(mapped, np.int64 if name == "ts" else np.float64, n_rows, first + place * stride)
        for place, name in enumerate(NAMES)
    }
    if checksum(columns) != expected:
        raise ColumnFault(f"column file {path} fails its checksum")
    return ColumnFile(Series(exchange, symbol, timeframe), months, columns)


def _header(path: Path, head: bytes) -> dict[str, Any]:
    if len(head) < _PREFIX.size:
        raise ColumnFault(f"column file {path} has {len(head)} bytes, expected a header")
    magic, length, crc = _PREFIX.unpack_from(head)
    text = head[_PREFIX.size : _PREFIX.size + length]
    if magic != _MAGIC or len(text) != length or zlib.crc32(text) != crc:
        raise ColumnFault(f"column file {path} has a damaged header")
    header: dict[str, Any] = json.loads(text)
    return header


def _write(file: BinaryIO, content: ColumnFile) -> None:
    document: dict[str, Any] = {
        "series": content.series,
        "months": [(month.month.isoformat(), month.version, month.rows) for month in content.months],
        "checksum": checksum(content.columns),
    }
    first = _padded(_PREFIX.size + len(json.dumps(document)) + 32)
    text = json.dumps({**document, "data": first}).encode()
    file.write(_PREFIX.pack(_MAGIC, len(text), zlib.crc32(text)) + text)
    for place, name in enumerate(NAMES):
        column = content.columns[name]
        file.seek(first + place * _padded(column.nbytes))
        file.write(column.data.cast("B"))
    file.truncate(first + len(NAMES) * _padded(content.columns["ts"].nbytes))


def _padded(size: int) -> int:
    return -(-size // _PAGE) * _PAGE


def _drop_old_partials(path: Path) -> None:
    """Remove what a killed writer left beside a file that was written just now."""
    written = path.stat().st_mtime
    for partial in path.parent.glob("*.partial"):
        try:
            is_old = partial.stat().st_mtime < written - PARTIAL_LIFETIME_SECONDS
        except FileNotFoundError:
            continue  # its writer has finished
        if is_old:
            remove_file(partial)
