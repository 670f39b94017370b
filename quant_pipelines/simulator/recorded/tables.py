"""Bars as open times and rows, and the arithmetic of longer bars from shorter ones."""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import BarRows
from quant_pipelines.simulator.seconds import (
    CLOSE,
    HIGH,
    LOW,
    N_COLUMNS,
    OPEN,
    QUOTE_VOLUME,
    TRADES,
    VOLUME,
)


class Table(NamedTuple):
    """Bars, oldest first.

    Parameters
    ----------
    ts
        Open times, milliseconds UTC, strictly increasing. ndarray of shape (n_bars,), int64.
    rows
        ndarray of shape (n_bars, 9), float64; columns as in ``seconds``, taker volumes always 0.
    """

    ts: IntArray
    rows: FloatArray

    def between(self, first_ms: int, end_ms: int) -> "Table":
        """Bars whose open time lies in ``[first_ms, end_ms)``, without a copy."""
        start, stop = np.searchsorted(self.ts, [first_ms, end_ms])
        return Table(self.ts[start:stop], self.rows[start:stop])

    def last_before(self, end_ms: int) -> int:
        """Position of the last bar that opens before a moment; -1 if there is none."""
        return int(np.searchsorted(self.ts, end_ms)) - 1


EMPTY = Table(np.empty(0, np.int64), np.empty((0, N_COLUMNS)))


def table_of(bars: BarRows) -> Table:
    """Table of bars as an archive has them."""
    rows = np.zeros((len(bars), N_COLUMNS))
    for column, values in (
        (OPEN, bars.open),
        (HIGH, bars.high),
        (LOW, bars.low),
        (CLOSE, bars.close),
        (VOLUME, bars.volume),
        (QUOTE_VOLUME, bars.quote_volume),
        (TRADES, bars.trades),
    ):
        rows[:, column] = values
    return Table(bars.ts, rows)


def joined(*tables: Table) -> Table:
    """Return the tables one after the other."""
    parts = [table for table in tables if len(table.ts)]
    if len(parts) <= 1:
        return parts[0] if parts else EMPTY
    return Table(np.concatenate([part.ts for part in parts]), np.concatenate([part.rows for part in parts]))


def rolled_up(table: Table, step_ms: int, *, per_bar: int = 0) -> Table:
    """Longer bars from shorter ones.

    Parameters
    ----------
    table
        The shorter bars.
    step_ms
        Length of the longer bars.
    per_bar
        Shorter bars that a longer one must have, else it is left out; 0 takes what is there.
    """
    if not len(table.ts):
        return EMPTY
    slots = table.ts // step_ms
    first = np.concatenate(([0], np.flatnonzero(np.diff(slots)) + 1))
    last = np.append(first[1:], len(slots)) - 1
    rows = np.add.reduceat(table.rows, first, axis=0)
    rows[:, OPEN], rows[:, CLOSE] = table.rows[first, OPEN], table.rows[last, CLOSE]
    rows[:, HIGH] = np.maximum.reduceat(table.rows[:, HIGH], first)
    rows[:, LOW] = np.minimum.reduceat(table.rows[:, LOW], first)
    keep = last - first + 1 == per_bar if per_bar else np.ones(len(first), dtype=bool)
    return Table(slots[first][keep] * step_ms, rows[keep])
