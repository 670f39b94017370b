"""Sampled order books of one symbol as ladders: what a market order of some size would have paid."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.errors import DataError

ASKS, BIDS = 0, 1
NO_LADDER: FloatArray = np.empty((2, 0, 2))
MAX_AGE_MS = 7_200_000
"""Books are sampled once an hour: a run of that which fails once still leaves one to go by."""

Levels = Sequence[tuple[float, float]]


class BookSample(NamedTuple):
    """An order book as it was seen.

    Parameters
    ----------
    known_ms
        When it was available to us, milliseconds UTC.
    bids, asks
        Price in quote per base and quantity in base, best first.
    """

    known_ms: int
    bids: Levels
    asks: Levels


@dataclass(frozen=True, slots=True, eq=False)
class DepthSeries:
    """Samples of one order book, oldest first.

    Parameters
    ----------
    known_ms
        When each was available, milliseconds UTC, increasing. ndarray of shape (n_samples,), int64.
    ladders
        Levels of asks and bids, best first: distance from the middle as a fraction of it, and base quantity,
        which is 0 past the last level. ndarray of shape (n_samples, 2, n_levels, 2), float64.
    max_age_ms
        A sample that is older than this says nothing any more.

    Raises
    ------
    DataError
        If the times fall or the shapes differ.
    """

    known_ms: IntArray
    ladders: FloatArray
    max_age_ms: int = MAX_AGE_MS

    def __post_init__(self) -> None:
        shape = self.ladders.shape
        if len(shape) != 4 or shape[:2] != (self.known_ms.size, 2) or shape[3] != 2:
            raise DataError(f"ladders are of shape {shape}; expected ({self.known_ms.size}, 2, n_levels, 2)")
        if np.any(np.diff(self.known_ms) < 0):
            raise DataError("known_ms of order books falls; expected the oldest first")

    def __len__(self) -> int:
        return int(self.known_ms.size)

    @classmethod
    def of_samples(cls, samples: Iterable[BookSample], *, max_age_ms: int = MAX_AGE_MS) -> "DepthSeries":
        """Series of order books; one that is crossed or lacks a side is left out."""
        usable = sorted((sample for sample in samples if _is_usable(sample)), key=lambda one: one.known_ms)
        n_levels = max((max(len(one.bids), len(one.asks)) for one in usable), default=0)
        ladders = np.zeros((len(usable), 2, n_levels, 2))
        for ladder, sample in zip(ladders, usable, strict=True):
            ladder[:] = ladder_of(sample, n_levels)
        known = np.array([sample.known_ms for sample in usable], dtype=np.int64)
        return cls(known, ladders, max_age_ms)

    def rows_at(self, ts: IntArray) -> IntArray:
        """Sample that is newest at each moment, by position; -1 where none is young enough."""
        newest = np.searchsorted(self.known_ms, ts, side="right") - 1
        if not len(self):
            return newest.astype(np.int64)
        age = ts - self.known_ms[np.maximum(newest, 0)]
        return np.where((newest >= 0) & (age <= self.max_age_ms), newest, -1).astype(np.int64)


def ladder_of(sample: BookSample, n_levels: int) -> FloatArray:
    """Ladder of one book with room for so many levels, shape (2, n_levels, 2)."""
    ladder = np.zeros((2, n_levels, 2))
    middle = (sample.bids[0][0] + sample.asks[0][0]) / 2.0
    for side, levels in ((ASKS, sample.asks), (BIDS, sample.bids)):
        for at, (price, quantity) in enumerate(levels):
            ladder[side, at] = abs(price / middle - 1.0), quantity
    return ladder


def no_depth() -> DepthSeries:
    """No samples at all."""
    return DepthSeries(np.empty(0, dtype=np.int64), np.zeros((0, 2, 0, 2)))


def _is_usable(sample: BookSample) -> bool:
    sides = (sample.bids, sample.asks)
    is_filled = all(side and all(price > 0 and quantity > 0 for price, quantity in side) for side in sides)
    return is_filled and sample.bids[0][0] < sample.asks[0][0]
