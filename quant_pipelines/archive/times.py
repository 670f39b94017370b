"""Times of a file as milliseconds UTC: whole numbers in one unit, or text of one spelling."""

import re
from typing import Any, Literal, NamedTuple

import numpy as np

from quant_pipelines.archive.columns import check_filled, numbers
from quant_pipelines.archive.origin import Origin
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.errors import ConfigurationError, DataError

DateOrder = Literal["", "day", "month"]
"""What stands first in dates such as 01-06-2024; empty refuses them."""

# Numbers between 1973 and 5138 in each unit; the spans do not overlap.
_UNITS = {
    "seconds": (10**8, 10**11),
    "milliseconds": (10**11, 10**14),
    "microseconds": (10**14, 10**17),
    "nanoseconds": (10**17, 9 * 10**18),
}
_NUMBER = re.compile(r"[+-]?\d+(\.0*)?")
_FRACTION = re.compile(r"[+-]?\d{9,11}\.\d+")
_TWO_DATES = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\b.*")
_ZONED = re.compile(r".*(Z|[+-]\d{2}:?\d{2}|UTC)$", re.IGNORECASE)


class Times(NamedTuple):
    """Times of a file.

    Parameters
    ----------
    ts
        Milliseconds UTC. ndarray of shape (n_rows,), int64.
    unit
        How they are written: ``milliseconds`` and so on, ``text``, or ``timestamps`` of Parquet.
    has_zone
        Whether the file says which zone they are in; numbers are UTC.
    """

    ts: IntArray
    unit: str
    has_zone: bool


def read_times(origin: Origin, column: Any, *, zone: str = "", date_order: DateOrder = "") -> Times:
    """Milliseconds UTC of a column of times.

    Whole numbers may be seconds, milliseconds, microseconds or nanoseconds, the same in every row.

    Parameters
    ----------
    origin
        File.
    column
        Arrow's chunked array.
    zone
        Of text and of Arrow's own timestamps that have none, such as ``Europe/Berlin`` or ``+02:00``;
        UTC when empty.
    date_order
        Of dates that can be read in two ways.

    Raises
    ------
    DataError
        If a row is empty, is not a time, or has another unit than the first.
    ConfigurationError
        If there is no such zone.
    """
    import pyarrow as pa  # noqa: PLC0415 - only files need it

    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        check_filled(origin, "ts", column)
        has_zone = getattr(column.type, "tz", None) is not None
        return Times(_zoned(origin, column, "" if has_zone else zone), "timestamps", has_zone)
    if pa.types.is_floating(column.type):
        return _of_floats(origin, column)
    if pa.types.is_string(column.type):
        cell = ((column[0].as_py() if len(column) else "") or "0").strip()
        if _FRACTION.fullmatch(cell) and not _NUMBER.fullmatch(cell):
            return _of_fractions(origin, column)
        if not _NUMBER.fullmatch(cell):
            return _of_text(origin, column, zone, date_order)
        if "." in cell:
            return _of_floats(origin, column)
    return _of_numbers(origin, numbers(origin, "ts", column).astype(np.int64))


def _of_numbers(origin: Origin, values: IntArray) -> Times:
    unit = np.full(values.size, -1)
    for position, (low, high) in enumerate(_UNITS.values()):
        unit[(values >= low) & (values < high)] = position
    names = [*_UNITS, "no time"]
    bad = np.flatnonzero((unit != unit[0]) | (unit < 0)) if values.size else np.empty(0, np.int64)
    if bad.size:
        index = int(bad[0])
        expected = f"{names[unit[0]]} as in the first row" if unit[0] >= 0 else "a time"
        shown = f"{values[index]} at {origin.row(index)}, which looks like {names[unit[index]]}"
        raise DataError(f"{origin}: ts is {shown}; expected {expected}")
    scale = int(unit[0]) if values.size else 1
    ts = values * 1000 if scale == 0 else values // 1000 ** (scale - 1)
    return Times(ts, names[scale], has_zone=True)


def _of_floats(origin: Origin, column: Any) -> Times:
    """Whole numbers that somebody's frame made floats of; up to microseconds they are exact."""
    values = numbers(origin, "time", column)
    broken = np.flatnonzero(~np.isfinite(values) | (values % 1 != 0))
    for index in broken:
        raise origin.fault("ts", values[index], int(index), "a whole number")
    return _of_numbers(origin, values.astype(np.int64))


def _of_fractions(origin: Origin, column: Any) -> Times:
    """Seconds with decimals, as some exchanges stamp their trades."""
    values = numbers(origin, "time", column)
    low, high = _UNITS["seconds"]
    bad = np.flatnonzero(~((values >= low) & (values < high)))
    for index in bad:
        raise origin.fault("ts", values[index], int(index), "seconds as in the first row")
    return Times(np.floor(values * 1000 + 0.5).astype(np.int64), "seconds with decimals", has_zone=True)


def _of_text(origin: Origin, column: Any, zone: str, date_order: DateOrder) -> Times:
    import pandas as pd  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    cells = column.to_pylist()
    has_zone = bool(_ZONED.fullmatch(cells[0] or ""))
    # ISO 8601 is asked for by name: day and month of other spellings could be taken for each other.
    spelled = [_iso_date(cell, date_order) for cell in cells] if date_order else cells
    moments = pd.to_datetime(pd.Series(spelled, dtype=str), format="ISO8601", utc=True, errors="coerce")
    for index in np.flatnonzero(moments.isna().to_numpy()):
        raise _no_time(origin, cells, int(index))
    naive = pa.array(moments.dt.tz_convert(None).astype("datetime64[ms]"))
    return Times(_zoned(origin, naive, "" if has_zone else zone), "text", has_zone)


def _iso_date(cell: str, date_order: DateOrder) -> str:
    match = _TWO_DATES.fullmatch(cell.strip())
    if match is None:
        return cell
    first, second, year = match.groups()
    month, day = (second, first) if date_order == "day" else (first, second)
    return f"{year}-{month:0>2}-{day:0>2}{cell.strip()[match.end(3) :]}"


def _no_time(origin: Origin, cells: list[str], index: int) -> DataError:
    cell = (cells[index] or "").strip()
    if _TWO_DATES.fullmatch((cells[0] or "").strip()) and _TWO_DATES.fullmatch(cell):
        return DataError(
            f"{origin}: ts is {cell!r} at {origin.row(index)}, which is two dates; expected --date-order day "
            "or --date-order month, or a time such as 2024-01-31T12:00:00Z"
        )
    shown = repr(cells[index]) if cell else "empty"
    return origin.fault("ts", shown, index, "a time such as 2024-01-31T12:00:00Z")


def _zoned(origin: Origin, column: Any, zone: str) -> IntArray:
    """Milliseconds UTC of Arrow timestamps, read in a zone where one is stated."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    stamps = column.cast(pa.timestamp("ms", getattr(column.type, "tz", None)), safe=False)
    if zone:
        try:
            stamps = pc.assume_timezone(stamps, zone)
        except (pa.ArrowInvalid, ValueError) as error:
            reason = str(error).splitlines()[0]
            if "annot locate" in reason or "not found" in reason or "Unknown" in reason:
                raise ConfigurationError(
                    f"--zone is {zone!r}; expected one such as Europe/Berlin or +02:00"
                ) from error
            raise DataError(f"{origin}: ts can't be read in {zone}: {reason}") from error
    values: IntArray = stamps.cast(pa.int64()).to_numpy().astype(np.int64)
    return values
