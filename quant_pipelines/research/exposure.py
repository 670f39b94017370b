"""What a day's position was, and what holding one earned: facts that stand beside a day's return."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS

BOUNDARY_MS = 8 * HOUR_MS


def daily_exposure(bars: Bars, days: IntArray, *, position: FloatArray, equity: FloatArray) -> FloatArray:
    """Signed notional over equity, mean over the closes of each day.

    Parameters
    ----------
    bars
        Execution bars of these days.
    days
        Start of each UTC day, milliseconds, in a row. ndarray of shape (n_days,), int64.
    position, equity
        Base quantity and account at each close. ndarray of shape (n_bars,), float64.

    Returns
    -------
    ndarray of shape (n_days,), float64
        0 on a day without bars and where nothing is left.
    """
    held = np.divide(position * bars.close, equity, out=np.zeros(equity.size), where=equity > 0.0)
    of_day = (bars.ts - days[0]) // DAY_MS
    counts = np.bincount(of_day, minlength=days.size)
    means: FloatArray = np.bincount(of_day, weights=held, minlength=days.size) / np.maximum(counts, 1)
    return means


def until_0800(closes_ms: IntArray, equity: FloatArray, days: IntArray, returns: FloatArray) -> FloatArray:
    """Return from each day's start to 08:00 UTC: what daily returns lack to be counted from there.

    Parameters
    ----------
    closes_ms, equity
        Account at each close, milliseconds UTC. ndarrays of shape (n_bars,).
    days, returns
        Start of each UTC day in a row, and what it earned as a whole. ndarrays of shape (n_days,).

    Returns
    -------
    ndarray of shape (n_days,), float64
        0 where no bar ends before 08:00; NaN where nothing is left.
    """
    last = np.searchsorted(closes_ms, days + DAY_MS, side="right")
    at = np.searchsorted(closes_ms, days + BOUNDARY_MS, side="right")
    first = np.searchsorted(closes_ms, days, side="right")
    ended = np.append(equity, np.nan)[np.maximum(last, 1) - 1]
    reached = np.append(equity, np.nan)[np.maximum(at, 1) - 1]
    began = np.divide(ended, 1.0 + returns, out=np.full(days.size, np.nan), where=returns > -1.0)
    earned = np.divide(reached, began, out=np.full(days.size, np.nan), where=began > 0.0) - 1.0
    moved: FloatArray = np.where(at > first, earned, 0.0)
    return moved


def daily_holding(bars: Bars, days: IntArray, funding: FundingSeries) -> FloatArray:
    """Return of holding a unit of notional long on each day, less the funding of the slots within it.

    A day is known by itself, from its first open to its last close, so that it is the same whether it was
    computed alone or with others. A slot is paid on the mark price, else the last, else the price at which
    the day began; one at midnight belongs to the day that begins there.

    Parameters
    ----------
    bars, days
        As in ``daily_exposure``.
    funding
        Slots of these days, and others.

    Returns
    -------
    ndarray of shape (n_days,), float64
    """
    first, end = np.searchsorted(bars.ts, days), np.searchsorted(bars.ts, days + DAY_MS)
    has_bars = end > first
    began = np.where(has_bars, bars.open[np.minimum(first, len(bars) - 1)], np.nan)
    ends = np.where(has_bars, bars.close[end - 1], np.nan)
    slots = funding.between(int(days[0]), int(days[-1]) + DAY_MS)
    of_day = (slots.ts - days[0]) // DAY_MS
    price = slots.mark_price
    if slots.last_price.size:
        price = np.where(np.isfinite(price), price, slots.last_price)
    share = np.nan_to_num(price / began[of_day], nan=1.0)
    paid = np.bincount(of_day, weights=slots.rate * share, minlength=days.size)
    earned: FloatArray = np.nan_to_num(ends / began - 1.0) - paid
    return earned
