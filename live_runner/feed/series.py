"""Strategy bars of one deployment, growing by one bar at a time without copying all of them."""

import numpy as np

from quant_pipelines.core.bars import COLUMNS, Bars, bars_from_columns
from quant_pipelines.core.timeframes import timeframe_ms
from quant_pipelines.exchange import BarRows

_NAMES = ("ts", *COLUMNS)


class BarSeries:
    """Closed bars from a fixed first one; ``bars`` is a view, never a copy.

    Parameters
    ----------
    symbol, timeframe
        What the bars are of.
    start_ms
        Open time of the first bar that may enter, milliseconds UTC.
    """

    def __init__(self, symbol: str, timeframe: str, start_ms: int) -> None:
        self._symbol = symbol
        self._timeframe = timeframe
        self._step_ms = timeframe_ms(timeframe)
        self._start_ms = start_ms
        self._size = 0
        self._columns = {name: np.empty(1024, np.int64 if name == "ts" else np.float64) for name in _NAMES}

    @property
    def end_ms(self) -> int:
        """Close of the newest bar; the first start while there is none. Milliseconds UTC."""
        if not self._size:
            return self._start_ms
        return int(self._columns["ts"][self._size - 1]) + self._step_ms

    @property
    def bars(self) -> Bars:
        """All bars, oldest first."""
        columns = {name: column[: self._size] for name, column in self._columns.items()}
        return bars_from_columns(self._symbol, self._timeframe, columns)

    def extend(self, rows: BarRows | Bars) -> None:
        """Add bars that open at or after ``end_ms``; earlier ones are left out."""
        first = int(np.searchsorted(rows.ts, self.end_ms))
        added = int(rows.ts.size) - first
        self._make_room(added)
        for name, column in self._columns.items():
            column[self._size : self._size + added] = getattr(rows, name)[first:]
        self._size += added

    def _make_room(self, added: int) -> None:
        capacity = self._columns["ts"].size
        if self._size + added <= capacity:
            return
        capacity = max(2 * capacity, self._size + added)
        for name, column in self._columns.items():
            grown = np.empty(capacity, column.dtype)
            grown[: self._size] = column[: self._size]
            self._columns[name] = grown
