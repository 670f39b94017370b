"""Where bars are missing."""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.bars import Bars
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, from_ms


def missing_ranges(bars: Bars, window: Window) -> list[Window]:
    """Ranges of open times in a window that hold no bar, oldest first."""
    edges = np.concatenate([[window.start_ms - bars.step_ms], bars.ts, [window.end_ms]]).astype(np.int64)
    gaps = np.flatnonzero(np.diff(edges) > bars.step_ms)
    return [Window(int(edges[gap]) + bars.step_ms, int(edges[gap + 1])) for gap in gaps]


class Holes(NamedTuple):
    """Bars of one series that are missing between its first and its last one.

    Parameters
    ----------
    symbol, timeframe
        The series.
    ranges
        Open times without a bar, oldest first; never empty.
    missing
        Number of bars in all of them.
    """

    symbol: str
    timeframe: str
    ranges: tuple[Window, ...]
    missing: int

    def __str__(self) -> str:
        """Sentence for a person."""
        longest = max(self.ranges, key=lambda one: one.end_ms - one.start_ms)
        days, rest = divmod(longest.end_ms - longest.start_ms, DAY_MS)
        length = f"{days} d" if not rest else f"{(longest.end_ms - longest.start_ms) / HOUR_MS:g} h"
        count = f"{len(self.ranges)} holes, the longest" if len(self.ranges) > 1 else "a hole"
        return (
            f"{self.symbol} {self.timeframe}: {self.missing:,} bars are missing in {count} of {length} "
            f"from {from_ms(longest.start_ms):%Y-%m-%d %H:%M}"
        )


def holes_in(bars: Bars) -> Holes | None:
    """Find the bars that are missing between the first and the last one; None where none is.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.bars import Bars, concatenate_bars
    >>> from quant_pipelines.core.gaps import holes_in
    >>> bars = Bars.of_closes(np.full(200, 100.0))
    >>> print(holes_in(concatenate_bars(bars.rows(0, 24), bars.rows(96, 200))))
    BTC/USDT:USDT 1h: 72 bars are missing in a hole of 3 d from 1970-01-02 00:00
    >>> holes_in(bars) is None
    True
    """
    if not len(bars):
        return None
    ranges = missing_ranges(bars, Window(int(bars.ts[0]), int(bars.close_ts[-1])))
    missing = sum((one.end_ms - one.start_ms) // bars.step_ms for one in ranges)
    return Holes(bars.symbol, bars.timeframe, tuple(ranges), missing) if ranges else None
