"""Whether bars are as long as was asked, which end of them their times mean, and which are missing."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from quant_pipelines.archive.claims import Stamped
from quant_pipelines.archive.layouts.layout import Content
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, from_ms, timeframe_ms

_SLACK_MS = 1000  # closes are written as the last second, millisecond or microsecond
_NAMED = 5
_ZONES_MS = 15 * MINUTE_MS  # zones differ from UTC by quarters of an hour


class CheckedBars(NamedTuple):
    """Bars by their open times, and the times between without one.

    Parameters
    ----------
    content
        Bars.
    missing
        Open times, milliseconds UTC. ndarray of shape (n_missing,), int64.
    """

    content: Content
    missing: IntArray


def by_open_time(content: Content, stamped: Stamped) -> Content:
    """Bars labelled by their opens.

    Raises
    ------
    DataError
        If neither the layout nor who asked says which end of a bar its time means.
    """
    stamped = content.asked.stamped or stamped
    if not stamped:
        raise DataError(
            f"{content.origin} does not say which end of a bar its times mean; expected --stamped open or "
            "--stamped close"
        )
    if stamped == "open":
        return content
    step = timeframe_ms(content.asked.timeframe)
    last_of_bar = (content.ts + 1) % step == 0
    return content.with_columns(ts=content.ts + last_of_bar - step)


def check_steps(content: Content, *, is_sparse: bool) -> CheckedBars:
    """Prove that bars are as long as was asked, by their times and their closes; note what is missing.

    Parameters
    ----------
    content
        Bars in order of time.
    is_sparse
        Whether a missing row means that nothing was traded.

    Raises
    ------
    DataError
        If they are longer or shorter, or open beside the bars of UTC.
    """
    step = timeframe_ms(content.asked.timeframe)
    _check_distances(content, step, is_sparse=is_sparse)
    for note in _short_bars(content, step):
        content = content.noted(note)
    missing = _missing(content.ts, step)
    if missing.size:
        content = content.noted(_spelled(missing, is_sparse=is_sparse))
    return CheckedBars(content, missing)


def _check_distances(content: Content, step: int, *, is_sparse: bool) -> None:
    distances = np.diff(content.ts)
    asked = content.asked.timeframe
    if distances.size and distances.min() < step:
        index = int(np.argmin(distances)) + 1
        shown = f"{_length(int(distances.min()))} after the row before"
        raise content.origin.fault("ts", shown, index, f"bars of {asked} as asked")
    common = int(np.gcd.reduce(distances)) if distances.size > 1 and not is_sparse else step
    if common > step:
        raise DataError(f"{content.origin} has a row every {_length(common)}; asked for bars of {asked}")
    offset = int(content.ts[0] % step) if content.ts.size else 0
    if offset and step >= HOUR_MS and offset % _ZONES_MS == 0 and (content.ts % step == offset).all():
        opens = f"at {from_ms(offset):%H:%M} UTC" if step > HOUR_MS else f"at minute {offset // MINUTE_MS}"
        raise DataError(
            f"{content.origin}: its bars of {asked} open {opens}, as in another zone, from "
            f"{content.origin.row(0)} on; expected those of UTC, or --zone, such as +05:30, for times without"
        )


def _short_bars(content: Content, step: int) -> Iterator[str]:
    """Bars that closed early in a halt; refuse closes that say another length than was asked."""
    if "close_time" not in content.columns:
        return
    lengths = content.columns["close_time"] - content.ts
    is_wrong = (lengths > step) | (lengths < step - _SLACK_MS)
    if not is_wrong.any():
        return
    before_gap = np.append(np.diff(content.ts) > step, True)  # the end of a file may be such a gap
    is_halt = is_wrong & (lengths > 0) & (lengths < step) & ((content.columns["volume"] == 0) | before_gap)
    wrong = np.flatnonzero(is_wrong & ~is_halt)
    if not wrong.size and is_halt.sum() * 2 > is_halt.size:
        wrong = np.flatnonzero(is_halt)
    for index in wrong:
        shown = f"{_length(int(lengths[index]))} after the bar's open"
        raise content.origin.fault(
            "close_time", shown, int(index), f"bars of {content.asked.timeframe} as asked"
        )
    for index in np.flatnonzero(is_halt)[:_NAMED]:
        flat = "flat, no trade, " if content.columns["volume"][index] == 0 else ""
        at = from_ms(int(content.ts[index]))
        yield f"the bar of {at:%Y-%m-%d %H:%M} is {flat}closed after {lengths[index] / 1000:,.3f} s"


def _missing(ts: IntArray, step: int) -> IntArray:
    distances = np.diff(ts)
    gaps = np.flatnonzero(distances > step)
    parts = [np.arange(ts[index] + step, ts[index + 1], step, dtype=np.int64) for index in gaps]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _spelled(missing: IntArray, *, is_sparse: bool) -> str:
    times = ", ".join(f"{from_ms(int(ts)):%Y-%m-%d %H:%M}" for ts in missing[:_NAMED])
    more = f" and {missing.size - _NAMED} more" if missing.size > _NAMED else ""
    counted = "1 bar" if missing.size == 1 else f"{missing.size} bars"
    if is_sparse:
        return f"{counted} without a row, so without a trade: {times}{more}"
    return f"{times} is missing" if missing.size == 1 else f"{counted} are missing: {times}{more}"


def _length(ms: int) -> str:
    for unit, size in (("d", DAY_MS), ("h", HOUR_MS), ("m", MINUTE_MS)):
        if ms and (ms + 1) // size and min(ms % size, -ms % size) <= _SLACK_MS:
            return f"{round(ms / size)}{unit}"
    return f"{ms / 1000:,.3f} s"
