"""How much capital a parameter set carries: by the bars that it traded in, the thin ones among them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from quant_pipelines.backtest import BacktestResult, Trade
from quant_pipelines.backtest.account.result import AccountResult
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import to_ms

BEYOND = 0.1
"""Of what a set trades that may find too little volume: it waits, or is paid for."""
_ROUNDING = 1e-9


class FilledShares(NamedTuple):
    """What was traded, bar by bar.

    Parameters
    ----------
    share
        Notional that was filled over the account's equity. ndarray of shape (n_bars,), float64.
    volume
        What the whole market traded in the same bar, quote. Same shape.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.research.capacity import FilledShares
    >>> FilledShares(np.array([0.5]), np.array([1e6])).share
    array([0.5])
    """

    share: FloatArray
    volume: FloatArray


def capacity_of(traded: FilledShares, participation: float) -> float:
    """Largest capital of which all but ``BEYOND`` of what is traded stays in a share of each bar's volume.

    A fill of a share ``s`` of the equity in a bar of volume ``V`` is within it for a capital up to
    ``participation * V / s``; the capacity is the quantile ``BEYOND`` of that, each fill weighted by what it
    trades.

    Returns
    -------
    float
        Quote; infinite where nothing was traded.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.research.capacity import FilledShares, capacity_of
    >>> thick_and_thin = FilledShares(np.ones(10), np.array([1e6] * 8 + [1e3] * 2))
    >>> capacity_of(thick_and_thin, 0.01), capacity_of(FilledShares(np.ones(10), np.full(10, 1e6)), 0.01)
    (10.0, 10000.0)
    """
    is_traded = traded.share > 0.0
    share, volume = traded.share[is_traded], traded.volume[is_traded]
    if not share.size:
        return np.inf
    carried = participation * volume / share
    order = np.argsort(carried, kind="stable")
    is_enough = np.cumsum(share[order]) > (BEYOND + _ROUNDING) * share.sum()
    return float(carried[order][is_enough.argmax()])


def traded_alone(result: BacktestResult, bars: Bars) -> FilledShares:
    """Traded by a book of one symbol: what its position changed by in each execution bar.

    What was opened and closed within one bar is added to that. ``result`` has positions and equity bar by
    bar; ``bars`` are its execution bars.
    """
    quantity = np.abs(np.diff(result.bar_position, prepend=0.0))
    inside = [trade for trade in result.trades if trade.entry_time == trade.exit_time]
    at = np.searchsorted(bars.ts, [to_ms(trade.entry_time) for trade in inside])
    np.add.at(quantity, at, [2.0 * trade.quantity for trade in inside])
    return FilledShares(_over(quantity * bars.close, _before(result)), bars.volume * bars.close)


def traded_together(result: AccountResult, bars: Sequence[Bars]) -> FilledShares:
    """Traded by several books of one account, of which only round trips are known.

    What a round trip has entered counts in the bar in which it began, and what it left in that in which it
    ended: one that was filled in parts has carried more than this says.
    """
    parts = [_round_trips(result, one) for one in bars]
    return FilledShares(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _round_trips(result: AccountResult, bars: Bars) -> FilledShares:
    trades = [trade for trade in result.trades if trade.symbol == bars.symbol]
    share = np.zeros(len(bars))
    for ts, notional in (_entries(trades), _exits(trades)):
        rows = np.searchsorted(result.bar_ts, ts, side="right") - 1
        np.add.at(
            share, np.searchsorted(bars.ts, ts, side="right") - 1, _over(notional, _before(result)[rows])
        )
    return FilledShares(share, bars.volume * bars.close)


def _entries(trades: Sequence[Trade]) -> tuple[IntArray, FloatArray]:
    notional = [trade.quantity * trade.entry_price for trade in trades]
    return np.array([to_ms(trade.entry_time) for trade in trades], dtype=np.int64), np.array(notional)


def _exits(trades: Sequence[Trade]) -> tuple[IntArray, FloatArray]:
    notional = [trade.quantity * trade.exit_price for trade in trades]
    return np.array([to_ms(trade.exit_time) for trade in trades], dtype=np.int64), np.array(notional)


def _before(result: BacktestResult) -> FloatArray:
    """Equity before each bar."""
    return np.concatenate([[result.capital], result.bar_equity[:-1]])


def _over(notional: FloatArray, equity: FloatArray) -> FloatArray:
    share: FloatArray = np.divide(notional, equity, out=np.zeros(notional.size), where=equity > 0.0)
    return share
