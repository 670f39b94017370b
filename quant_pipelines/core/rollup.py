"""Rolls bars up to higher timeframes; a bucket that lacks one of its bars is left out, never guessed."""

import numpy as np

from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.bar_rows import BarRows
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import MINUTE_MS, timeframe_ms


def roll_up(minutes: BarRows, timeframe: str) -> BarRows:
    """Bars of a higher timeframe from 1-minute bars.

    Parameters
    ----------
    minutes
        1-minute bars, oldest first, distinct times.
    timeframe
        Timeframe above 1m.

    Returns
    -------
    BarRows
        One bar for each bucket all of whose minutes are present.
    """
    columns = {name: getattr(minutes, name) for name in BarRows.__dataclass_fields__}
    return BarRows(**_rolled(columns, MINUTE_MS, timeframe_ms(timeframe)))


def roll_up_bars(bars: Bars, timeframe: str) -> Bars:
    """Like `roll_up`, from bars of any timeframe that is not higher.

    Raises
    ------
    DataError
        If the timeframe is finer than that of the bars.
    """
    step_ms = timeframe_ms(timeframe)
    if step_ms < bars.step_ms:
        raise DataError(
            f"{bars.timeframe} bars can't be rolled up to {timeframe}; expected a higher timeframe"
        )
    names = ("ts", "open", "high", "low", "close", "volume")
    rolled = _rolled({name: getattr(bars, name) for name in names}, bars.step_ms, step_ms)
    return Bars(bars.symbol, timeframe, *(rolled[name] for name in names))


def _rolled(columns: dict[str, np.ndarray], from_ms: int, to_ms: int) -> dict[str, np.ndarray]:
    """First open, extremes, last close, and sums of all other columns, of every complete bucket."""
    ts: IntArray = columns["ts"]
    bucket = ts // to_ms
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    if starts.size == 0:
        return columns
    counts = np.diff(starts, append=bucket.size)
    complete = counts == to_ms // from_ms
    ends = starts + counts - 1
    rolled = {"ts": bucket[starts][complete] * to_ms}
    for name, column in columns.items():
        match name:
            case "ts":
                continue
            case "open":
                values = column[starts]
            case "close":
                values = column[ends]
            case "high":
                values = np.maximum.reduceat(column, starts)
            case "low":
                values = np.minimum.reduceat(column, starts)
            case _:
                values = np.add.reduceat(column, starts)
        rolled[name] = values[complete]
    return rolled
