"""Times of a file as milliseconds UTC: whole numbers in one unit, or text of one spelling."""

import re
from typing import Any, Literal, NamedTuple

import numpy as np

from quant_pipelines.archive.columns import check_filled, numbers
from quant_pipelines.archive.origin import Origin
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.errors import ConfigurationError, DataError
from quant_pipelines.core.timeframes import DAY_MS

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
_ZONED = r"(?i)[ T:0-9](Z|[+-]\d{2}:?\d{2}|UTC)\s*$"
_COMPACT = re.compile(r"((?:19|20)\d\d)(0[1-9]|1[0-2])([0-3]\d)(?:([0-2]\d)([0-5]\d)([0-5]\d)?)?")
"""A date without separators, such as 202406011200; as a count of anything it is no time of a market."""


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
        if _COMPACT.fullmatch(cell) or not _NUMBER.fullmatch(cell):
            return _of_text(origin, column, zone, date_order)
        if "." in cell:
            return _of_floats(origin, column)
    return _of_numbers(origin, numbers(origin, "ts", column).astype(np.int64))


def read_mixed_times(origin: Origin, column: Any) -> tuple[Times, IntArray]:
    """Like `read_times`, for numbers whose unit may change from row to row, as where a vendor joins sources.

    Returns
    -------
    tuple
        The times, and the place of each row's unit among seconds, milliseconds and so on, shape (n_rows,).
    """
    values = numbers(origin, "time", column)
    broken = np.flatnonzero(~np.isfinite(values) | (values % 1 != 0))
    for index in broken:
        raise origin.fault("ts", values[index], int(index), "a whole number")
    whole = values.astype(np.int64)
    unit = _units(whole)
    for index in np.flatnonzero(unit < 0):
        raise origin.fault("ts", whole[index], int(index), "a time in seconds or milliseconds")
    ts = np.where(unit == 0, whole * 1000, whole // 1000 ** np.maximum(unit - 1, 0))
    shown = " and ".join(name for place, name in enumerate(_UNITS) if (unit == place).any())
    return Times(ts, shown, has_zone=True), unit


def moments_or_gaps(column: Any) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds UTC of text that stands beside a file's times, and its UTC days.

    Returns
    -------
    tuple
        Both of shape (n_rows,), float64; NaN where a cell is no ISO 8601 time, in the first also where it is
        a day without a clock.
    """
    import pandas as pd  # noqa: PLC0415

    cells = pd.Series(column.to_pylist(), dtype=str)
    moments = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce")
    ms = moments.dt.tz_convert(None).astype("datetime64[ms]").astype(np.int64).to_numpy().astype(np.float64)
    ms[moments.isna().to_numpy()] = np.nan
    has_clock = cells.str.strip().str.len().to_numpy() > len("2024-01-31")
    return np.where(has_clock, ms, np.nan), ms // DAY_MS


def _units(values: IntArray) -> IntArray:
    unit = np.full(values.size, -1)
    for position, (low, high) in enumerate(_UNITS.values()):
        unit[(values >= low) & (values < high)] = position
    return unit


def _of_numbers(origin: Origin, values: IntArray) -> Times:
    unit = _units(values)
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
    import pyarrow.compute as pc  # noqa: PLC0415

    cells = _spread(column.to_pylist())
    # ISO 8601 is asked for by name: day and month of other spellings could be taken for each other.
    spelled = [_iso_date(cell, date_order) for cell in cells] if date_order else cells
    moments = pd.to_datetime(pd.Series(spelled, dtype=str), format="ISO8601", utc=True, errors="coerce")
    for index in np.flatnonzero(moments.isna().to_numpy()):
        raise _no_time(origin, cells, int(index))
    zoned = pc.match_substring_regex(pa.array(spelled, pa.string()), _ZONED).to_numpy(zero_copy_only=False)
    has_zone = bool(zoned[0])
    for index in np.flatnonzero(zoned != has_zone):
        expected = "a zone as in the first row" if has_zone else "no zone as in the first row"
        raise origin.fault("ts", repr(cells[index]), int(index), expected)
    naive = pa.array(moments.dt.tz_convert(None).astype("datetime64[ms]"))
    return Times(_zoned(origin, naive, "" if has_zone else zone), "text", has_zone)


def _spread(cells: list[str]) -> list[str]:
    """Dates without separators with them, where the first is one; everything else as it stands."""
    if not _COMPACT.fullmatch((cells[0] or "").strip()):
        return cells
    matches = [_COMPACT.fullmatch((cell or "").strip()) for cell in cells]
    return [_with_separators(match) if match else cell for match, cell in zip(matches, cells, strict=True)]


def _with_separators(match: re.Match[str]) -> str:
    year, month, day, *clock = match.groups(default="00")
    return f"{year}-{month}-{day} {':'.join(clock)}"


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
