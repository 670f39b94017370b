"""Open interest that counts something else than the base coin: quote, or contracts.

- Price: more than 200 billion dollars is more than all exchanges hold together in all contracts; one contract
  of one exchange has held 9 billion.
- Volume: what is held was never above two and a half days of volume in real history; a hundred days is none.
- Its own past: from one point to the next it grew 5-fold at most, so 20-fold either way is another unit.
"""

from datetime import date

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.marketdata.checks.finding import BLOCK, Finding, by_day

OPEN_INTEREST = "open_interest"
_MOST_HELD = 2e11
_MOST_DAYS = 100.0
_LARGEST_STEP = 20.0
_CONTRADICTION = 2.0
_LEVEL_POINTS = 6


def check_value_held(ts: IntArray, held: FloatArray, value: FloatArray, bars: Bars) -> dict[date, Finding]:
    """Find open interest whose value in quote says another unit; a blocking finding for each UTC day.

    Parameters
    ----------
    ts
        Moments, milliseconds UTC, increasing. ndarray of shape (n_points,), int64.
    held, value
        In base units and in quote, NaN where the latter is not known. ndarray of shape (n_points,), float64.
    bars
        Bars of the symbol in order of time; points outside of them are only compared with themselves.
    """
    is_known = (held > 0) & (value > 0)
    is_odd = np.zeros(ts.size, dtype=bool)
    is_same = is_known & (held == value)
    if is_same.sum() > max(is_known.sum() / 2, 1):
        is_odd |= is_same
    place = np.searchsorted(bars.close_ts, ts, side="right") - 1
    if len(bars):
        near = is_known & (place >= 0) & (ts - bars.close_ts[place] < DAY_MS)
        price = np.divide(value, held, out=np.ones(ts.size), where=near)
        is_odd |= near & (np.abs(np.log(price / bars.close[place])) > np.log(_CONTRADICTION))
    why = {"why": "its value / open interest is no price of the symbol; is open interest in quote?"}
    return by_day(OPEN_INTEREST, BLOCK, ts[is_odd], why)


def check_open_interest(ts: IntArray, held: FloatArray, bars: Bars) -> dict[date, Finding]:
    """Find open interest in another unit than the base coin; a blocking finding for each UTC day.

    Parameters
    ----------
    ts
        Moments, milliseconds UTC, increasing. ndarray of shape (n_points,), int64.
    held
        Base units. ndarray of shape (n_points,), float64.
    bars
        Bars of the symbol in order of time; points outside of them are judged by their past only.
    """
    found = by_day(
        OPEN_INTEREST, BLOCK, ts[_steps(held)], {"why": "it leaves its level at once; did its unit change?"}
    )
    place = np.searchsorted(bars.close_ts, ts, side="right") - 1
    is_inside = (place >= 0) & (ts - (bars.close_ts[place] if len(bars) else 0) < DAY_MS)
    if not is_inside.any():
        return found
    price, daily = bars.close[place], _volume_of_a_day(bars)[place]
    beyond = is_inside & (held * price > _MOST_HELD)
    many = is_inside & (daily > 0) & (held > _MOST_DAYS * daily)
    why = {"why": "open interest x price, or beside a day's volume, is beyond any market; is it in quote?"}
    return found | by_day(OPEN_INTEREST, BLOCK, ts[beyond | many], why)


def _steps(held: FloatArray) -> BoolArray:
    """Points at which the level changes at once and stays."""
    odd = np.zeros(held.size, dtype=bool)
    n = _LEVEL_POINTS
    if held.size >= 2 * n:
        with np.errstate(divide="ignore", invalid="ignore"):
            level = np.median(np.log(np.lib.stride_tricks.sliding_window_view(held, n)), axis=1)
            step = np.abs(np.diff(np.log(held)))[n - 1 : held.size - n]
            moved = np.abs(level[n:] - level[:-n])
        odd[n : held.size - n + 1] = (step > np.log(_LARGEST_STEP)) & (moved > np.log(_LARGEST_STEP))
    return odd


def _volume_of_a_day(bars: Bars) -> FloatArray:
    """Volume of the 24 hours up to each bar's close, as far as bars are there for all of them, else 0."""
    total = np.concatenate([[0.0], np.cumsum(bars.volume)])
    first = np.searchsorted(bars.ts, bars.close_ts - DAY_MS)
    end = np.arange(1, len(bars) + 1)
    is_whole = (end - first) * bars.step_ms >= DAY_MS // 2
    volume: FloatArray = np.where(is_whole, total[end] - total[first], 0.0)
    return volume
