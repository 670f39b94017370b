"""Mark prices of one symbol as columns: by which a position is liquidated and funding is paid."""

from dataclasses import dataclass

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class MarkSeries:
    """Mark prices, oldest first: whole bars, or single prices at moments.

    Parameters
    ----------
    ts
        Open times of bars, or the moments, milliseconds UTC, strictly increasing.
        ndarray of shape (n_marks,), int64.
    open, high, low
        Quote per base; high and low are NaN where only the price at ``ts`` is known.
        ndarrays of shape (n_marks,), float64.
    step_ms
        Milliseconds from one to the next.
    is_index
        Where an index price stands in for a mark price that isn't known. ndarray of shape (n_marks,), bool.

    Raises
    ------
    DataError
        If times are not strictly increasing, or a price is neither positive nor unknown.
    """

    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    step_ms: int
    is_index: np.ndarray

    def __post_init__(self) -> None:
        if np.any(np.diff(self.ts) <= 0):
            raise DataError("ts of mark prices do not increase; expected each moment once, oldest first")
        prices = (self.open, self.high[~np.isnan(self.high)], self.low[~np.isnan(self.low)])
        for name, values in zip(("open", "high", "low"), prices, strict=True):
            if not np.all(np.isfinite(values) & (values > 0.0)):
                raise DataError(f"{name} of mark prices is not positive everywhere; expected quote per base")

    def __len__(self) -> int:
        return int(self.ts.size)

    @classmethod
    def of_points(cls, ts: IntArray, price: FloatArray, step_ms: int) -> "MarkSeries":
        """Series of single prices, which say nothing of the time between them."""
        unknown = np.full(ts.size, np.nan)
        return cls(ts, price, unknown, unknown, step_ms, np.zeros(ts.size, dtype=bool))

    def or_index(self, index: "MarkSeries") -> "MarkSeries":
        """Series in which an index price stands wherever the mark price of that moment isn't known."""
        missing = ~np.isin(index.ts, self.ts)
        order = np.argsort(np.concatenate([self.ts, index.ts[missing]]), kind="stable")

        def merged(own: np.ndarray, others: np.ndarray) -> np.ndarray:
            return np.ascontiguousarray(np.concatenate([own, others[missing]])[order])

        return MarkSeries(
            merged(self.ts, index.ts),
            merged(self.open, index.open),
            merged(self.high, index.high),
            merged(self.low, index.low),
            self.step_ms or index.step_ms,
            merged(self.is_index, np.ones(len(index), dtype=bool)),
        )

    def at(self, ts: IntArray) -> FloatArray:
        """Prices at these moments; NaN where none is known. Shape (n_moments,)."""
        if not len(self):
            return np.full(ts.size, np.nan)
        row = np.minimum(np.searchsorted(self.ts, ts), len(self) - 1)
        return np.where(self.ts[row] == ts, self.open[row], np.nan)

    def between(self, start_ms: int, end_ms: int) -> "MarkSeries":
        """Rows whose time lies in ``[start_ms, end_ms)``, without a copy."""
        part = slice(*np.searchsorted(self.ts, [start_ms, end_ms]))
        columns = (self.ts[part], self.open[part], self.high[part], self.low[part])
        return MarkSeries(*columns, self.step_ms, self.is_index[part])
