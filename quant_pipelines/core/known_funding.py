"""How much of the time in which something was held has known funding, and which slots are missing."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.timeframes import HOUR_MS, from_ms

_INTERVALS = np.array([1, 2, 4, 8], dtype=np.int64)
_LONGEST = int(_INTERVALS[-1])


class KnownFunding(NamedTuple):
    """Time held, the part of it whose funding is known, and the slots in the rest; milliseconds UTC.

    Examples
    --------
    >>> from quant_pipelines.core.known_funding import KnownFunding
    >>> known = KnownFunding(40, 10, n_missing=2, first_missing=57_600_000, last_missing=86_400_000)
    >>> known.share, known.missing
    (0.25, '2 slots from 1970-01-01 16:00 to 1970-01-02 00:00')
    """

    held_ms: int = 0
    known_ms: int = 0
    n_missing: int = 0
    first_missing: int = 0
    last_missing: int = 0

    @property
    def share(self) -> float:
        """Part of the time held, from 0 to 1; 1 where nothing was held."""
        return self.known_ms / self.held_ms if self.held_ms else 1.0

    @property
    def missing(self) -> str:
        """Slots that aren't known, as part of a sentence; empty where all are, or nothing is known at all."""
        if not self.n_missing:
            return ""
        first, last = (f"{from_ms(ts):%Y-%m-%d %H:%M}" for ts in (self.first_missing, self.last_missing))
        if self.n_missing == 1:
            return f"1 slot at {first}"
        return f"{self.n_missing} slots from {first} to {last}"

    def to_document(self) -> dict[str, float | int | str | None]:
        """Members of a JSON document, times as ISO 8601."""
        first, last = (
            from_ms(ts).isoformat() if self.n_missing else None
            for ts in (self.first_missing, self.last_missing)
        )
        return {
            "share": self.share,
            "missing_slots": self.n_missing,
            "first_missing": first,
            "last_missing": last,
        }


def all_known(parts: Sequence[KnownFunding]) -> KnownFunding:
    """Join what is known of several positions."""
    missing = [part for part in parts if part.n_missing]
    return KnownFunding(
        sum(part.held_ms for part in parts),
        sum(part.known_ms for part in parts),
        sum(part.n_missing for part in missing),
        min((part.first_missing for part in missing), default=0),
        max((part.last_missing for part in missing), default=0),
    )


def known_while_held(funding: FundingSeries, held: IntArray) -> KnownFunding:
    """Measure how much of what was held has known funding.

    Parameters
    ----------
    funding
        Slots, of longer than what was held where more are known: what is missing follows from its neighbors.
    held
        Times from which and up to which positions were held, milliseconds UTC, shape (n_positions, 2). A
        position pays the slots after its first time up to its last one.

    Notes
    -----
    A slot is missing where the step between two payments is longer than both steps beside it, or than 8
    hours; before the first payment and after the last one they are expected at its own interval. What a
    missing slot pays for, the time since the one before, is not known; nor is what comes after the last one.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.funding import FundingSeries
    >>> from quant_pipelines.core.known_funding import known_while_held
    >>> from quant_pipelines.core.timeframes import HOUR_MS
    >>> slots = HOUR_MS * np.array([0, 8, 16, 40])  # hours 24 and 32 are missing
    >>> paid = FundingSeries(slots, np.full(4, 1e-4), np.full(4, 100.0))
    >>> known = known_while_held(paid, HOUR_MS * np.array([[8, 40]]))
    >>> known.share, known.n_missing
    (0.5, 2)
    """
    held_ms = int((held[:, 1] - held[:, 0]).sum())
    if not held_ms or not len(funding):
        return KnownFunding(held_ms)
    missing, spans = _unknown(_payments_of(funding), int(held.min()), int(held.max()))
    first, end = np.searchsorted(missing, held, side="right").T
    known_ms = held_ms - int((_passed(spans, held[:, 1]) - _passed(spans, held[:, 0])).sum())
    has_due = end > first
    if not has_due.any():
        return KnownFunding(held_ms, known_ms)
    oldest, newest = missing[first[has_due].min()], missing[end[has_due].max() - 1]
    return KnownFunding(held_ms, known_ms, int((end - first).sum()), int(oldest), int(newest))


def funding_intervals(slots: IntArray) -> IntArray:
    """Hours that each payment stands for: the shorter distance to a neighbor, rounded up to 1, 2, 4 or 8.

    Parameters
    ----------
    slots
        Payments in hours since the epoch, increasing. ndarray of shape (n_payments,), int64.

    Returns
    -------
    IntArray
        Shape (n_payments,); 8 for a payment without neighbors.
    """
    steps = np.diff(slots)
    before = np.concatenate([[_LONGEST], steps])
    after = np.concatenate([steps, [_LONGEST]])
    nearest = np.clip(np.minimum(before, after), 1, _LONGEST)
    intervals: IntArray = _INTERVALS[np.searchsorted(_INTERVALS, nearest)]
    return intervals


def holes(slots: IntArray) -> list[tuple[int, int, int]]:
    """Find steps between payments that are longer than both neighbors, or than any interval there is.

    Parameters
    ----------
    slots
        Payments in hours since the epoch, increasing. ndarray of shape (n_payments,), int64.

    Returns
    -------
    list of tuple
        Payment before, payment after, and the interval at which others are missing between them; hours.
    """
    steps = np.diff(slots)
    if not steps.size:
        return []
    neighbors = np.maximum(np.concatenate([[_LONGEST], steps[:-1]]), np.concatenate([steps[1:], [_LONGEST]]))
    known = np.clip(neighbors, 1, _LONGEST)
    found = np.flatnonzero(steps > known)
    return [(int(slots[at]), int(slots[at + 1]), int(known[at])) for at in found]


class _Payments(NamedTuple):
    """First and last payment with their intervals, and the holes between them; hours."""

    first: int
    first_interval: int
    last: int
    last_interval: int
    holes: list[tuple[int, int, int]]


@lru_cache(maxsize=4)
def _payments_of(funding: FundingSeries) -> _Payments:
    """Look at a series once: it is asked for every trade."""
    hours = funding.ts // HOUR_MS
    intervals = funding_intervals(hours)
    return _Payments(int(hours[0]), int(intervals[0]), int(hours[-1]), int(intervals[-1]), holes(hours))


def _unknown(paid: _Payments, start_ms: int, end_ms: int) -> tuple[IntArray, IntArray]:
    """Slots that are missing, and the times that they pay for, shape (n_spans, 2); milliseconds."""
    missing, spans = [], []
    early = np.arange(paid.first - paid.first_interval, -(-start_ms // HOUR_MS) - 1, -paid.first_interval)
    if early.size:
        missing.append(early[::-1])
        spans.append((min(start_ms // HOUR_MS, int(early[-1])), int(early[0])))
    for before, after, interval in paid.holes:
        missing.append(np.arange(before + interval, after, interval))
        spans.append((before, int(missing[-1][-1])))
    late = np.arange(paid.last + paid.last_interval, end_ms // HOUR_MS + 1, paid.last_interval)
    if late.size:
        missing.append(late)
        spans.append((paid.last, end_ms // HOUR_MS + 1))
    slots = np.concatenate([np.empty(0, dtype=np.int64), *missing]).astype(np.int64)
    return slots * HOUR_MS, np.array(spans, dtype=np.int64).reshape(-1, 2) * HOUR_MS


def _passed(spans: IntArray, ts: IntArray) -> FloatArray:
    """Milliseconds of all spans that had passed at each time."""
    if not spans.size:
        return np.zeros(ts.size)
    done = np.concatenate([[0], np.repeat(np.cumsum(spans[:, 1] - spans[:, 0]), 2)[:-1]])
    passed: FloatArray = np.interp(ts, spans.ravel(), done)
    return passed
