"""Values of a file that no market can have, judged before it is stored, beside what is stored already."""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

import numpy as np

from quant_pipelines.archive import FileSeries
from quant_pipelines.core.bars import COLUMNS, Bars, bars_from_columns, concatenate_bars, empty_bars
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.price_factors import PriceFactor, adjusted
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.marketdata.checks import (
    Finding,
    check_funding_rates,
    check_open_interest,
    check_value_held,
    check_volume_unit,
)

PAST_BARS = 48
"""Bars before a file's first that tell the level of its volume."""

_Found = dict[date, Finding]
_EXPECTED = {
    "volume": "base units; say what it counts with --volume-unit",
    "rate": "a fraction of the position: 0.0001 is 0.01 %",
    "open_interest": "base units",
}


class StoredBeside(NamedTuple):
    """What is known of a symbol beside a file.

    Parameters
    ----------
    bars
        Those before a file's bars, and hours around its open interest; None where nothing is known.
    factors
        Of its price, oldest first.
    """

    bars: Bars | None = None
    factors: tuple[PriceFactor, ...] = ()


def require_possible(series: FileSeries, beside: StoredBeside) -> None:
    """Refuse a file with values that no market can have.

    Parameters
    ----------
    series
        What the file holds.
    beside
        What is stored of its symbol.

    Raises
    ------
    DataError
        Naming file, column, time and value.
    """
    column, find = _CHECKS[series.kind]
    found = sorted(find(series, beside).items())
    if not found:
        return
    first = found[0][1]
    time = first.times[0]
    value = float(series.columns[column][np.searchsorted(series.ts, time)])
    count = sum(finding.count for _, finding in found)
    raise DataError(
        f"file {series.path}: {column} is {value:g} at {from_ms(time):%Y-%m-%d %H:%M}, {count} rows are so: "
        f"{first.detail['why']} Expected {_EXPECTED[column]}"
    )


def unproven_unit(series: FileSeries, beside: StoredBeside) -> str:
    """Tell where nothing proves the unit of open interest; empty where it is proven."""
    if series.kind != "open_interest" or (beside.bars is not None and len(beside.bars)):
        return ""
    note = "no hours are stored beside it, so nothing proves that open interest counts base units"
    value = series.columns.get("open_interest_value", np.empty(0))
    price = value / series.columns["open_interest"][: value.size]
    price = price[np.isfinite(price)]
    return f"{note}; its value in quote says a price of {np.median(price):.6g}" if price.size else note


def _in_bars(series: FileSeries, beside: StoredBeside) -> _Found:
    names = ("ts", *COLUMNS)
    bars = bars_from_columns(series.symbol, series.timeframe, {name: series.columns[name] for name in names})
    found = check_volume_unit(bars, series.columns.get("quote_volume"))
    if beside.bars is None or found:
        return found
    first_ms = int(bars.ts[0])
    # The file by itself is judged above: what is left is the seam.
    first = bars.between(first_ms, first_ms + PAST_BARS * bars.step_ms)
    seam = adjusted(concatenate_bars(beside.bars, first), beside.factors)
    return {day: one for day, one in check_volume_unit(seam).items() if one.times[0] >= first_ms}


def _in_funding(series: FileSeries, _: StoredBeside) -> _Found:
    return check_funding_rates(series.ts, series.columns["rate"])


def _in_open_interest(series: FileSeries, beside: StoredBeside) -> _Found:
    hours = empty_bars(series.symbol, "1h") if beside.bars is None else beside.bars
    held = series.columns["open_interest"]
    found = check_open_interest(series.ts, held, hours)
    if "open_interest_value" in series.columns:
        found = found | check_value_held(series.ts, held, series.columns["open_interest_value"], hours)
    return found


_CHECKS: dict[str, tuple[str, Callable[[FileSeries, StoredBeside], _Found]]] = {
    "bars": ("volume", _in_bars),
    "funding": ("rate", _in_funding),
    "open_interest": ("open_interest", _in_open_interest),
}
