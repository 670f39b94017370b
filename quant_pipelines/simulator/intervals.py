"""Lengths of bars as the venue names them: which bar a moment lies in, and what longer bars are made of."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, to_ms
from quant_pipelines.simulator.ports import MarketPort
from quant_pipelines.simulator.seconds import merge_groups

_WEEK_MS = 7 * DAY_MS
_MONDAY_MS = 4 * DAY_MS  # the epoch is a Thursday; weeks open on Mondays

GRIDS: dict[str, int] = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "6h": 6 * HOUR_MS,
    "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
}
"""Milliseconds of the lengths that a market itself has bars of."""


class Interval(NamedTuple):
    """One length of bars; bars are numbered, and a bar ends where the next one opens.

    Parameters
    ----------
    name
        Such as ``1h``.
    grid_ms
        Length of the market's bars that its bars are made of.
    number_of
        Number of the bar that a moment lies in.
    open_of
        Open time of the bar with a number.
    """

    name: str
    grid_ms: int
    number_of: Callable[[int], int]
    open_of: Callable[[int], int]

    def floor(self, ts_ms: int) -> int:
        """Open time of the bar that a moment lies in."""
        return self.open_of(self.number_of(ts_ms))

    def ceil(self, ts_ms: int) -> int:
        """Open time of the first bar that opens at a moment or after it."""
        return self.after(ts_ms - 1)

    def after(self, ts_ms: int, count: int = 1) -> int:
        """Open time ``count`` bars after the one that a moment lies in."""
        return self.open_of(self.number_of(ts_ms) + count)


def _regular(name: str, step_ms: int, origin_ms: int = 0) -> Interval:
    return Interval(
        name,
        min(step_ms, DAY_MS),
        lambda ts_ms: (ts_ms - origin_ms) // step_ms,
        lambda number: number * step_ms + origin_ms,
    )


def _month_of(ts_ms: int) -> int:
    at = datetime.fromtimestamp(ts_ms / 1000, UTC)
    return at.year * 12 + at.month - 1


def _first_of_month(number: int) -> int:
    return to_ms(datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC))


INTERVALS: dict[str, Interval] = {
    **{name: _regular(name, step_ms) for name, step_ms in GRIDS.items()},
    "3d": _regular("3d", 3 * DAY_MS),
    "1w": _regular("1w", _WEEK_MS, _MONDAY_MS),
    "1M": Interval("1M", DAY_MS, _month_of, _first_of_month),
}


def bars_between(
    market: MarketPort, name: str, interval: Interval, *, opens: Window, now_ms: int
) -> tuple[IntArray, FloatArray]:
    """Bars that open in a window, the open one as it stands at ``now_ms``.

    Returns
    -------
    tuple of ndarray
        Open times of shape (n_bars,) and rows of shape (n_bars, 9), columns as in ``seconds``.
    """
    first_ms, last_ms = interval.ceil(opens.start_ms), min(interval.ceil(opens.end_ms) - 1, now_ms)
    ts, rows = market.bars(name, interval.grid_ms, first_ms=first_ms, last_ms=last_ms, now_ms=now_ms)
    if interval.name in GRIDS or not len(ts):
        return ts, rows
    of_rows = np.array([interval.floor(one) for one in ts.tolist()], dtype=np.int64)
    found, firsts = np.unique(of_rows, return_index=True)
    return found, merge_groups(rows, firsts)
