"""One day second by second, and the minute bars that follow from it.

Each minute's path is a Brownian bridge pinned to the minute's return, so bars, trades and streams all tell
the same story. Prices change once a second; the first price of a minute lies a second after the last close.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.processes import MINUTES
from quant_pipelines.simulator.synthetic import SymbolDay

OPEN, HIGH, LOW, CLOSE, VOLUME, QUOTE_VOLUME, TRADES, TAKER_VOLUME, TAKER_QUOTE = range(9)
N_COLUMNS = 9
_SECONDS = 60
_FRACTIONS = np.arange(1, _SECONDS + 1) / _SECONDS


@dataclass(frozen=True, slots=True, eq=False)
class SecondsDay:
    """What trades in each second of one day; arrays have the shape (86400,).

    Parameters
    ----------
    ticks
        Price of the second in ticks, int32.
    lots
        Traded quantity in lots, int32.
    trades
        Number of trades, int32.
    taker_share
        Part of each minute's quantity that was bought by takers, shape (1440,).
    """

    ticks: NDArray[np.int32]
    lots: NDArray[np.int32]
    trades: NDArray[np.int32]
    taker_share: FloatArray


def play_day(rng: np.random.Generator, listing: Listing, day: SymbolDay) -> SecondsDay:
    """Second-by-second path of one day.

    Parameters
    ----------
    rng
        Random stream of this symbol's seconds on this day.
    listing
        The contract.
    day
        Its minutes.
    """
    before = np.concatenate(([day.start.log_price], day.log_close[:-1]))
    walk = np.cumsum(rng.standard_normal((MINUTES, _SECONDS)), axis=1)
    bridge = walk - walk[:, -1:] * _FRACTIONS
    returns = day.log_close - before
    steps = returns[:, None] * _FRACTIONS + (day.volatility / np.sqrt(_SECONDS))[:, None] * bridge
    prices = np.exp(before[:, None] + steps)
    ticks = np.maximum(np.rint(prices * 10**listing.price_decimals), 1)
    weights = np.cumsum(rng.standard_exponential((MINUTES, _SECONDS)), axis=1)
    weights /= weights[:, -1:]
    lots_per_minute = (
        listing.daily_turnover
        / MINUTES
        / np.exp(day.log_close)
        * day.activity
        * 10**listing.quantity_decimals
    )
    per_minute = 60 + listing.daily_turnover / 5e6
    surprise = returns / day.volatility
    share = np.clip(0.5 + 0.08 * np.tanh(surprise) + 0.04 * rng.standard_normal(MINUTES), 0.05, 0.95)
    return SecondsDay(
        ticks=ticks.astype(np.int32).ravel(),
        lots=_apportion(weights, lots_per_minute),
        trades=_apportion(weights, per_minute * day.activity),
        taker_share=share,
    )


def _apportion(cumulative_weights: FloatArray, totals: FloatArray) -> NDArray[np.int32]:
    steps = np.floor(cumulative_weights * np.maximum(np.rint(totals), 1)[:, None])
    return np.diff(steps, axis=1, prepend=0).astype(np.int32).ravel()


def bars_of(seconds: SecondsDay, listing: Listing, *, start: int = 0, stop: int = 86_400) -> FloatArray:
    """Minute bars of the seconds ``[start:stop)`` of a day; ``start`` lies on a minute.

    Returns
    -------
    ndarray of shape (n_minutes, 9), float64
        Columns ``OPEN … TAKER_QUOTE``; a minute that is not over shows what has traded so far.
    """
    whole = start + (stop - start) // _SECONDS * _SECONDS
    parts = []
    if whole > start:
        parts.append(_aggregate(seconds, listing, slice(start, whole)))
    if stop > whole:
        parts.append(_aggregate(seconds, listing, slice(whole, stop)))
    return np.concatenate(parts) if parts else np.empty((0, N_COLUMNS))


def _aggregate(seconds: SecondsDay, listing: Listing, span: slice) -> FloatArray:
    per_bar = min(_SECONDS, span.stop - span.start)
    ticks = seconds.ticks[span].reshape(-1, per_bar)
    lots = seconds.lots[span].reshape(-1, per_bar).astype(np.float64)
    minute = span.start // _SECONDS
    taker = np.floor(lots * seconds.taker_share[minute : minute + len(lots), None])
    rows = np.empty((ticks.shape[0], N_COLUMNS))
    rows[:, OPEN], rows[:, CLOSE] = ticks[:, 0], ticks[:, -1]
    rows[:, HIGH], rows[:, LOW] = ticks.max(axis=1), ticks.min(axis=1)
    price_unit, lot_unit = 10.0**listing.price_decimals, 10.0**listing.quantity_decimals
    rows[:, OPEN : CLOSE + 1] /= price_unit
    rows[:, VOLUME], rows[:, TAKER_VOLUME] = lots.sum(axis=1) / lot_unit, taker.sum(axis=1) / lot_unit
    rows[:, QUOTE_VOLUME] = (lots * ticks).sum(axis=1) / (lot_unit * price_unit)
    rows[:, TAKER_QUOTE] = (taker * ticks).sum(axis=1) / (lot_unit * price_unit)
    rows[:, TRADES] = seconds.trades[span].reshape(-1, per_bar).sum(axis=1)
    return rows


def merge_bars(rows: FloatArray, per_bar: int) -> FloatArray:
    """Bars of ``per_bar`` consecutive rows each; a last, shorter group is an open bar.

    Parameters
    ----------
    rows
        ndarray of shape (n_rows, 9); the first row opens the first group.
    per_bar
        Rows in a group.
    """
    return merge_groups(rows, np.arange(0, len(rows), per_bar))


def merge_groups(rows: FloatArray, firsts: IntArray) -> FloatArray:
    """Bars of groups of consecutive rows.

    Parameters
    ----------
    rows
        ndarray of shape (n_rows, 9).
    firsts
        Row that opens each group, ascending from 0, shape (n_groups,).
    """
    if not len(rows):
        return rows
    lasts = np.append(firsts[1:], len(rows)) - 1
    merged = np.add.reduceat(rows, firsts, axis=0)
    merged[:, OPEN], merged[:, CLOSE] = rows[firsts, OPEN], rows[lasts, CLOSE]
    merged[:, HIGH] = np.maximum.reduceat(rows[:, HIGH], firsts)
    merged[:, LOW] = np.minimum.reduceat(rows[:, LOW], firsts)
    return merged
