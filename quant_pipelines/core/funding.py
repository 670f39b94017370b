"""Funding payments of one symbol as columns."""

from dataclasses import dataclass

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray


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
    """

    ts: IntArray
    rate: FloatArray
    mark_price: FloatArray

    def __len__(self) -> int:
        return int(self.ts.size)


def no_funding() -> FundingSeries:
    """No payments at all."""
    return FundingSeries(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))
