"""Last prices at funding slots without a mark price: of the finest stored bar that ends there."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import TIMEFRAMES

ClosesAt = Callable[[str, IntArray], FloatArray]
"""Closes of a timeframe's bars that end at increasing times, shape (n_times,); NaN where there is none."""


def through(window: Window) -> Window:
    """Window with the moment at its end: a slot there is paid by what is closed there."""
    return Window(window.start_ms, window.end_ms + 1)


def with_last_prices(paid: FundingSeries, closes_at: ClosesAt) -> FundingSeries:
    """Funding with last prices wherever it has no mark price.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.funding import FundingSeries
    >>> from quant_pipelines.core.timeframes import HOUR_MS
    >>> from quant_pipelines.research.funding_prices import with_last_prices
    >>> stored = {"1h": {HOUR_MS: 101.0}, "4h": {HOUR_MS: 99.0, 4 * HOUR_MS: 102.0}}
    >>> def closes_at(timeframe, ts):
    ...     return np.array([stored.get(timeframe, {}).get(one, np.nan) for one in ts.tolist()])
    >>> slots = FundingSeries(HOUR_MS * np.array([1, 2, 4]), np.full(3, 1e-4), np.full(3, np.nan))
    >>> with_last_prices(slots, closes_at).last_price
    array([101.,  nan, 102.])
    """
    prices = np.full(len(paid), np.nan)
    asked = np.flatnonzero(np.isnan(paid.mark_price))
    for timeframe in sorted(TIMEFRAMES, key=lambda name: TIMEFRAMES[name]):
        if not asked.size:
            break
        prices[asked] = closes_at(timeframe, paid.ts[asked])
        asked = asked[np.isnan(prices[asked])]
    return replace(paid, last_price=prices)


def closes_of(ts: IntArray, close_ts: IntArray, close: FloatArray) -> FloatArray:
    """Find the closes of bars that end at these times, shape (n_times,); NaN where none does."""
    if not close.size:
        return np.full(ts.size, np.nan)
    row = np.minimum(np.searchsorted(close_ts, ts), close.size - 1)
    return np.where(close_ts[row] == ts, close[row], np.nan)
