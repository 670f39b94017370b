"""Closed bars of several symbols side by side on one time grid; NaN where a symbol has no bar."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.bars import COLUMNS, Bars
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import timeframe_ms


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Bars of several symbols, oldest first; the grid is the union of their open times.

    A union, because a symbol that is listed later must not shorten the history of the others, and because a
    grid row may not depend on what comes after it.

    Parameters
    ----------
    members
        The bars of each symbol, none missing between them that it has; they keep every column that they came
        with.
    ts
        Open times, milliseconds UTC, strictly increasing. ndarray of shape (n_bars,), int64.
    open, high, low, close, volume
        A column for each symbol, contiguous; NaN where it has no bar.
        ndarray of shape (n_bars, n_symbols), float64.
    """

    members: tuple[Bars, ...]
    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return int(self.ts.size)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in the order of the columns."""
        return tuple(bars.symbol for bars in self.members)

    @property
    def timeframe(self) -> str:
        """Timeframe of all of them."""
        return self.members[0].timeframe

    @property
    def step_ms(self) -> int:
        """Length of one bar in milliseconds."""
        return timeframe_ms(self.timeframe)

    @property
    def close_ts(self) -> IntArray:
        """Close times, milliseconds UTC, shape (n_bars,)."""
        return self.ts + self.step_ms

    @property
    def is_complete(self) -> BoolArray:
        """Tell where every symbol has a bar, shape (n_bars,)."""
        return np.asarray(~np.isnan(self.close).any(axis=1), dtype=np.bool_)

    def bars(self, k: int) -> Bars:
        """Bars of one symbol without holes on the grid, with every column that they came with."""
        return self.members[k]

    def rows_of(self, k: int) -> IntArray:
        """Grid rows at which a symbol has its bars, shape (n_bars of the symbol,)."""
        return np.searchsorted(self.ts, self.members[k].ts)

    def own(self, k: int, values: FloatArray) -> FloatArray:
        """Values of one symbol at its own bars, of those on the grid, shape (n_bars, n_symbols)."""
        own: FloatArray = values[self.rows_of(k), k]
        return own

    def on_grid(self, k: int, values: FloatArray) -> FloatArray:
        """Spread values of one symbol's own bars over the grid, shape (n_bars,); NaN where it has none."""
        result = np.full(len(self), np.nan)
        result[self.rows_of(k)] = values
        return result

    def rows(self, start: int, stop: int) -> "Panel":
        """Grid rows ``[start:stop]`` by position, without a copy of the columns."""
        part = slice(start, stop)
        columns = {name: getattr(self, name)[part] for name in COLUMNS}
        ts = self.ts[part]
        first, end = (int(ts[0]), int(ts[-1]) + 1) if ts.size else (0, 0)
        return Panel(tuple(bars.between(first, end) for bars in self.members), ts, **columns)

    def between(self, start_ms: int, end_ms: int) -> "Panel":
        """Grid rows whose open time lies in ``[start_ms, end_ms)``, without a copy of the columns."""
        first, last = np.searchsorted(self.ts, [start_ms, end_ms])
        return self.rows(int(first), int(last))


def panel_of(members: Sequence[Bars]) -> Panel:
    """Align the bars of several symbols on the union of their open times.

    Raises
    ------
    DataError
        If there are none, their timeframes differ, or a symbol is given twice.
    """
    timeframes = sorted({bars.timeframe for bars in members})
    symbols = [bars.symbol for bars in members]
    if len(timeframes) != 1:
        raise DataError(f"timeframes of a panel are {timeframes}; expected one")
    if len(set(symbols)) < len(symbols):
        raise DataError(f"symbols of a panel are {symbols}; expected each one once")
    ts = members[0].ts
    for bars in members[1:]:
        if not np.array_equal(ts, bars.ts):
            ts = np.union1d(ts, bars.ts)
    columns = {name: np.full((ts.size, len(members)), np.nan, order="F") for name in COLUMNS}
    for k, bars in enumerate(members):
        rows = np.searchsorted(ts, bars.ts)
        for name in COLUMNS:
            columns[name][rows, k] = getattr(bars, name)
    return Panel(tuple(members), ts.astype(np.int64), **columns)
