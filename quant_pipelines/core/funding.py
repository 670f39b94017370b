"""Funding payments of one symbol as columns."""

from dataclasses import dataclass, field

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.asof import FUNDING_KNOWN_AFTER_MS, KnownPoints
from quant_pipelines.core.timeframes import HOUR_MS

LARGEST_RATE = 0.05
"""Fraction above which no exchange pays in an interval: the largest published caps are 4 % an hour
(Hyperliquid) and 3 % an interval (Binance)."""
_LONGEST_HOURS = 8
_INTERVALS = np.array([1, 2, 4, _LONGEST_HOURS], dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class FundingSeries:
    """Funding slots, oldest first.

    Parameters
    ----------
    ts
        Slot times (the exchange's stamp floored to its slot), milliseconds UTC, strictly increasing.
        ndarray of shape (n_slots,), int64.
    rate
        Fraction of notional that longs pay to shorts in that slot. ndarray of shape (n_slots,), float64.
    mark_price
        Mark price at the slot, quote per base; NaN where it isn't known.
        ndarray of shape (n_slots,), float64.
    last_price
        Close of the finest stored bar that ends at the slot, which stands in for a mark price; NaN where none
        does. ndarray of shape (n_slots,), float64, or (0,) where no bars were looked at.
    """

    ts: IntArray
    rate: FloatArray
    mark_price: FloatArray
    last_price: FloatArray = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return int(self.ts.size)

    def between(self, start_ms: int, end_ms: int) -> "FundingSeries":
        """Slots in ``[start_ms, end_ms)``, without a copy."""
        part = slice(*np.searchsorted(self.ts, [start_ms, end_ms]))
        return FundingSeries(self.ts[part], self.rate[part], self.mark_price[part], self.last_price[part])


def no_funding() -> FundingSeries:
    """No payments at all."""
    return FundingSeries(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))


def eight_hour_rates(paid: KnownPoints) -> KnownPoints:
    """Paid rates as their 8-hour equivalents: rate x 8 / interval in hours.

    The interval is the distance to the payment before, of those that were known by then, rounded up to 1, 2,
    4 or 8 hours; 8 without one before. It never looks at later payments, unlike the checks of stored data.

    Parameters
    ----------
    paid
        Slots and rates as they were paid, in any order; a payment is known a minute after its slot at the
        earliest.
    """
    order = np.lexsort((paid.known_at, paid.ts))
    ts, rates = paid.ts[order], paid.values[order]
    known_at = np.maximum(paid.known_at[order], ts + FUNDING_KNOWN_AFTER_MS)
    before = np.arange(ts.size) - 1
    while True:
        is_no_use = (before >= 0) & ((known_at[before] > known_at) | (ts[before] == ts))
        if not is_no_use.any():
            break
        before[is_no_use] -= 1
    hours = np.where(before >= 0, (ts - ts[before]) // HOUR_MS, _LONGEST_HOURS)
    interval = _INTERVALS[np.searchsorted(_INTERVALS, np.clip(hours, 1, _LONGEST_HOURS))]
    return KnownPoints(ts, known_at, rates * 8.0 / interval)
