"""Volumes that count something else than the base coin: quote, contracts, or now one and now the other.

Three witnesses, each with the reason for its bound:

- Quote volume: volume-weighted prices lie between low and high. Sources round, so up to a factor of 2 is let
  be (real history is within 0.1 %); contracts and quote are off by far more.
- Price: 125 billion dollars an hour over a day, three trillion a day, is two fifths of what the world's
  currencies trade (7.5 trillion, BIS 2022); the busiest real day of one contract had 2.9 billion an hour.
- The symbol's own past: turnover that leaves a day's level from one bar to the next. News lifts it up to
  17-fold beyond the day before, and it falls no faster than 4-fold, so 25-fold and 10-fold are no market.
"""

from datetime import date
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.symbols import QUOTES
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
from quant_pipelines.marketdata.checks.finding import BLOCK, Finding, by_day

VOLUME_UNIT = "volume_unit"
_CONTRADICTION = 2.0
_PEG = 0.01  # within it quote and base of a pegged pair are the same once they are rounded
_MOST_PER_HOUR = 1.25e11
_LEVEL_BARS = 24
_LEVEL_UP, _LEVEL_DOWN = 25.0, 10.0


class _Odd(NamedTuple):
    """Bars at fault, and why."""

    bars: BoolArray
    why: str


def check_volume_unit(bars: Bars, quote_volume: FloatArray | None = None) -> dict[date, Finding]:
    """Find volumes in another unit than the base coin; a blocking finding for each UTC day.

    Parameters
    ----------
    bars
        In order of time.
    quote_volume
        ndarray of shape (n_bars,), float64; NaN or 0 where it is not known, None for nowhere.
    """
    found: dict[date, Finding] = {}
    odds = [_beyond_any_market(bars), _out_of_level(bars)]
    if quote_volume is not None:
        odds.append(_against_quote(bars, quote_volume))
    for odd in odds:
        found = by_day(VOLUME_UNIT, BLOCK, bars.ts[odd.bars], {"why": odd.why}) | found
    return found


def _against_quote(bars: Bars, quote_volume: FloatArray) -> _Odd:
    is_known = (bars.volume > 0) & (quote_volume > 0)
    if is_known.sum() > 1 and np.ptp(quote_volume[is_known]) == 0:
        is_known[:] = False  # the same in every bar: it was filled in, nobody measured it
    price = np.divide(quote_volume, bars.volume, out=np.ones(len(bars)), where=is_known)
    is_odd = is_known & ((price > bars.high * _CONTRADICTION) | (price < bars.low / _CONTRADICTION))
    is_same = is_known & (quote_volume == bars.volume) & ((bars.low > 1 + _PEG) | (bars.high < 1 - _PEG))
    if is_same.sum() > max(is_known.sum() / 2, 1):  # one column twice, however near to one the price is
        is_odd |= is_same
    return _Odd(is_odd, "quote volume / volume is no price of the bar; is volume in quote or in contracts?")


def _beyond_any_market(bars: Bars) -> _Odd:
    is_odd = np.zeros(len(bars), dtype=bool)
    if len(bars) and _is_in_dollars(bars.symbol):
        days = bars.ts // DAY_MS - bars.ts[0] // DAY_MS
        turnover = np.bincount(days, bars.volume * bars.close)
        hours = np.maximum(np.bincount(days) * bars.step_ms / HOUR_MS, 1.0)
        is_odd = (turnover / hours > _MOST_PER_HOUR)[days] & (bars.volume > 0)
    return _Odd(is_odd, f"volume x price is above {_MOST_PER_HOUR:.3g} an hour; is volume in quote?")


def _is_in_dollars(symbol: str) -> bool:
    return symbol.partition(":")[0].endswith(tuple(f"/{quote}" for quote in QUOTES))


def _out_of_level(bars: Bars) -> _Odd:
    """Mark the first bar of a new level; turnover is compared, since a redenomination leaves it."""
    is_odd = np.zeros(len(bars), dtype=bool)
    traded = np.flatnonzero(bars.volume > 0)
    n = _LEVEL_BARS
    if traded.size >= 2 * n:
        turnover = np.log(bars.volume[traded] * bars.close[traded])
        is_beyond = _beyond_level(turnover)
        steps = np.abs(np.diff(turnover))[n - 1 :][: is_beyond.size]
        is_odd[traded[n:][: is_beyond.size][_largest_of_runs(is_beyond, steps)]] = True
    return _Odd(
        is_odd, "turnover leaves the level of the bars before at once; did the unit of volume change?"
    )


def _beyond_level(turnover: FloatArray) -> BoolArray:
    """Whether the level of bars from each on is beyond that of those before; shape (n_bars - 2 n + 1,)."""
    n = _LEVEL_BARS
    windows = np.lib.stride_tricks.sliding_window_view(turnover, n)
    # Any three bars bound a level unsorted: the third lowest of a window is no higher than their highest.
    three = windows[:, :: n // 3]
    top, bottom = three.max(axis=1), three.min(axis=1)
    can_be = (top[n:] - bottom[:-n] > np.log(_LEVEL_UP)) | (top[:-n] - bottom[n:] > np.log(_LEVEL_DOWN))
    at = np.flatnonzero(can_be)
    before = np.partition(windows[at], (2, n - 3), axis=1)  # without the two quietest and the two busiest
    after = np.partition(windows[at + n], (2, n - 3), axis=1)
    rise, fall = after[:, 2] - before[:, n - 3], before[:, 2] - after[:, n - 3]
    is_beyond = np.zeros(can_be.size, dtype=bool)
    is_beyond[at] = (rise > np.log(_LEVEL_UP)) | (fall > np.log(_LEVEL_DOWN))
    return is_beyond


def _largest_of_runs(flags: BoolArray, size: FloatArray) -> BoolArray:
    """Of each uninterrupted run of flags the one with the largest size; shape (n,)."""
    is_largest = np.zeros(flags.size, dtype=bool)
    inside = np.flatnonzero(flags)
    for run in np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1) if inside.size else ():
        is_largest[run[np.argmax(size[run])]] = True
    return is_largest
