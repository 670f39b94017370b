"""Proofs of one series by itself: prices, volumes, rates and times; the first that can't be is named."""

import numpy as np

from quant_pipelines.archive.columns import check_finite
from quant_pipelines.archive.file_series import FileSeries
from quant_pipelines.archive.layouts.layout import Content
from quant_pipelines.core.bars import bars_from_columns
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.funding import LARGEST_RATE
from quant_pipelines.core.timeframes import timeframe_ms

_FIRST_COIN_MS = 1_230_940_800_000  # 2009-01-03


def prove(series: FileSeries, now_ms: int) -> None:
    """Prove that a series can be what it says.

    Parameters
    ----------
    series
        Rows in order of time.
    now_ms
        What is not over by then is refused.

    Raises
    ------
    DataError
        Naming file, row and column of the first value that can't be.
    """
    _PROOFS[series.kind](series)
    _check_over(series, now_ms)


def prove_trades(content: Content) -> Content:
    """Prove that trades stand in order of time, with positive prices and quantities; they are returned.

    Raises
    ------
    DataError
        Naming file, row and column of the first that does not.
    """
    for index in np.flatnonzero(np.diff(content.ts) < 0):
        raise content.origin.fault("ts", content.ts[index + 1], int(index) + 1, "a time not before the last")
    for name in ("price", "quantity"):
        is_bad = ~(np.isfinite(content.columns[name]) & (content.columns[name] > 0))
        for index in np.flatnonzero(is_bad):
            raise content.origin.fault(name, content.columns[name][index], int(index), "a positive number")
    return content


def _prove_bars(series: FileSeries) -> None:
    fault = bars_from_columns(series.symbol, series.timeframe, series.columns).fault()
    if fault is not None:
        raise _refused(series, fault.name, fault.index, fault.expected)
    _prove_traded(series)
    for name in ("quote_volume", "trades"):
        if name in series.columns:
            _prove(series, name, _is_gap_or(series, name, np.greater_equal), "0 or more")


def _prove_traded(series: FileSeries) -> None:
    """Refuse series of prices in columns of bars: they move, and have no volume at all."""
    columns = series.columns
    moved = (columns["high"] > columns["low"]).any() and series.ts.size > 1
    counted = "trades" in columns and np.nan_to_num(columns["trades"]).any()
    if not columns["volume"].any() and (moved or counted):
        raise DataError(
            f"{series.origin}: volume is 0 in every row; expected bars of trades, not mark or index prices"
        )


def _prove_funding(series: FileSeries) -> None:
    check_finite(series.origin, series.columns, ("rate",))
    is_paid = np.abs(series.columns["rate"]) <= LARGEST_RATE
    _prove(series, "rate", is_paid, "a fraction, of which no exchange pays above 4 %: 0.0001 is 0.01 %")
    if "mark_price" in series.columns:
        _prove(series, "mark_price", _is_gap_or(series, "mark_price", np.greater), "a positive price")


def _is_gap_or(series: FileSeries, name: str, compare: np.ufunc) -> np.ndarray:
    values = series.columns[name]
    is_good: np.ndarray = np.isnan(values) | (compare(values, 0) & np.isfinite(values))
    return is_good


def _prove_open_interest(series: FileSeries) -> None:
    check_finite(series.origin, series.columns, ("open_interest",))
    _prove(series, "open_interest", series.columns["open_interest"] >= 0, "0 or more")


def _check_over(series: FileSeries, now_ms: int) -> None:
    _prove(series, "ts", series.ts >= _FIRST_COIN_MS, "a time at which there were coins, after 2009")
    length = timeframe_ms(series.timeframe) if series.kind == "bars" else 0
    _prove(
        series, "ts", series.ts + length <= now_ms, "a time that is over: this one still runs or is to come"
    )


def _prove(series: FileSeries, name: str, is_good: np.ndarray, expected: str) -> None:
    if not is_good.all():
        raise _refused(series, name, int(np.argmin(is_good)), expected)


def _refused(series: FileSeries, name: str, index: int, expected: str) -> DataError:
    return series.origin.fault(name, series.columns[name][index], index, expected)


_PROOFS = {"bars": _prove_bars, "funding": _prove_funding, "open_interest": _prove_open_interest}
