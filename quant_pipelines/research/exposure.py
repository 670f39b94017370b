"""What a day's position was, and what holding one earned: facts that stand beside a day's return."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.timeframes import DAY_MS


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


def daily_holding(bars: Bars, days: IntArray, funding: FundingSeries) -> FloatArray:
    """Return of holding a unit of notional long on each day, less the funding of the slots within it.

    The first day begins at the first open. A slot is paid on the mark price, else the last, else the price at
    which the day began; one at midnight belongs to the day that begins there.

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
    closed = np.searchsorted(bars.ts, days + DAY_MS) - 1
    ends = np.where(closed >= 0, bars.close[closed], bars.open[0])
    began = np.concatenate([bars.open[:1], ends[:-1]])
    slots = funding.between(int(days[0]), int(days[-1]) + DAY_MS)
    of_day = (slots.ts - days[0]) // DAY_MS
    price = slots.mark_price
    if slots.last_price.size:
        price = np.where(np.isfinite(price), price, slots.last_price)
    share = np.where(np.isfinite(price), price, began[of_day]) / began[of_day]
    paid = np.bincount(of_day, weights=slots.rate * share, minlength=days.size)
    earned: FloatArray = ends / began - 1.0 - paid
    return earned
