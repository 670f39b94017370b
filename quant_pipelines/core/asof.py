"""Joins a series onto moments by what was known at each of them; nothing is seen before it was available."""

from dataclasses import dataclass

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.timeframes import MINUTE_MS

FUNDING_KNOWN_AFTER_MS = MINUTE_MS
"""From its slot to when a payment counts as known: it is stamped a moment later, and then asked for."""
OPEN_INTEREST_KNOWN_AFTER_MS = 5 * MINUTE_MS
"""Exchanges publish a value of their 5-minute grid some time in the 5 minutes that follow."""
UNKNOWN = -1
"""Row of a moment at which nothing is known."""
_COLUMNS = ("ts", "known_at", "values")


@dataclass(frozen=True, slots=True, eq=False)
class KnownPoints:
    """Values with their times and the times from which on they were known, in any order.

    Parameters
    ----------
    ts
        What time each value is of, milliseconds UTC. ndarray of shape (n_points,), int64.
    known_at
        From when on it was known, milliseconds UTC. A time may stand twice: the value known later revises the
        one known before. ndarray of shape (n_points,), int64.
    values
        ndarray of shape (n_points,), float64.
    """

    ts: IntArray
    known_at: IntArray
    values: FloatArray

    def __len__(self) -> int:
        return int(self.ts.size)

    def between(self, start_ms: int, end_ms: int) -> "KnownPoints":
        """Return those with times in ``[start_ms, end_ms)``."""
        return self.where((self.ts >= start_ms) & (self.ts < end_ms))

    def where(self, chosen: BoolArray) -> "KnownPoints":
        """Return the chosen ones, shape (n_points,)."""
        return KnownPoints(self.ts[chosen], self.known_at[chosen], self.values[chosen])


def no_points() -> KnownPoints:
    """Nothing at all."""
    nothing = np.empty(0, dtype=np.int64)
    return KnownPoints(nothing, nothing, np.empty(0))


def joined_points(*parts: KnownPoints) -> KnownPoints:
    """All points of several series as one."""
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS)
    return KnownPoints(*columns)


def rows_as_of(points: KnownPoints, at_ms: IntArray) -> IntArray:
    """Find the newest point that was known at each moment.

    Parameters
    ----------
    points
        The series. What arrives late never takes the place of what is newer; a revision does from when it
        was known on.
    at_ms
        Moments, milliseconds UTC, in any order. ndarray of shape (n_moments,), int64.

    Returns
    -------
    ndarray of shape (n_moments,), int64
        Rows of ``points``; ``UNKNOWN`` where none had ``known_at <= at_ms``.
    """
    if not len(points):
        return np.full(at_ms.size, UNKNOWN, dtype=np.int64)
    order = np.lexsort((points.ts, points.known_at))
    ts = points.ts[order]
    is_news = ts == np.maximum.accumulate(ts)
    order = order[is_news]
    place = np.searchsorted(points.known_at[order], at_ms, side="right") - 1
    return np.where(place >= 0, order[np.maximum(place, 0)], UNKNOWN).astype(np.int64)


def values_as_of(points: KnownPoints, at_ms: IntArray, max_age_ms: int) -> FloatArray:
    """Newest known value at each moment; NaN where none is known, or the newest is older than that."""
    rows = rows_as_of(points, at_ms)
    if not len(points):
        return np.full(at_ms.size, np.nan)
    is_fresh = (rows >= 0) & (at_ms - points.ts[rows] <= max_age_ms)
    return np.where(is_fresh, points.values[rows], np.nan)
