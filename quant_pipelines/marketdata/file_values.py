"""Values of a file that no market can have, judged beside what is stored, before the file is stored."""

from collections.abc import Callable
from datetime import date

import numpy as np
from sqlalchemy import Engine

from quant_pipelines.archive import FileSeries
from quant_pipelines.core.bars import COLUMNS, Bars, bars_from_columns, concatenate_bars, empty_bars
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.price_factors import adjusted
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.marketdata.checks import (
    Finding,
    check_funding_rates,
    check_open_interest,
    check_volume_unit,
)
from quant_pipelines.store.bars import read_bars
from quant_pipelines.store.price_factors import read_factors

_PAST_BARS = 48
_Found = dict[date, Finding]
_EXPECTED = {
    "volume": "base units; say what it counts with --volume-unit",
    "rate": "a fraction of the position: 0.0001 is 0.01 %",
    "open_interest": "base units",
}


def require_possible(engine: Engine | None, key: Series, series: FileSeries) -> None:
    """Refuse a file with values that no market can have.

    Parameters
    ----------
    engine
        Product database, whose bars before the file's are the symbol's own past; None looks at the file only.
    key
        What it is to be stored as.
    series
        What the file holds.

    Raises
    ------
    DataError
        Naming file, column, time and value.
    """
    column, find = _CHECKS[series.kind]
    found = sorted(find(engine, key, series).items())
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


def _in_bars(engine: Engine | None, key: Series, series: FileSeries) -> _Found:
    names = ("ts", *COLUMNS)
    bars = bars_from_columns(key.symbol, key.timeframe, {name: series.columns[name] for name in names})
    found = check_volume_unit(bars, series.columns.get("quote_volume"))
    if engine is None or found:
        return found
    first_ms = int(bars.ts[0])
    past = read_bars(engine, key, Window(first_ms - _PAST_BARS * bars.step_ms, first_ms))
    # The file by itself is judged above: what is left is the seam.
    first = bars.between(first_ms, first_ms + _PAST_BARS * bars.step_ms)
    seam = adjusted(concatenate_bars(past, first), read_factors(engine, key.exchange, key.symbol))
    return {day: one for day, one in check_volume_unit(seam).items() if one.times[0] >= first_ms}


def _in_funding(_: Engine | None, __: Series, series: FileSeries) -> _Found:
    return check_funding_rates(series.ts, series.columns["rate"])


def _in_open_interest(engine: Engine | None, key: Series, series: FileSeries) -> _Found:
    hours: Bars = empty_bars(key.symbol, "1h")
    if engine is not None:
        window = Window(int(series.ts[0]) - DAY_MS, int(series.ts[-1]) + 1)
        hours = read_bars(engine, Series(key.exchange, key.symbol, "1h"), window)
    return check_open_interest(series.ts, series.columns["open_interest"], hours)


_CHECKS: dict[str, tuple[str, Callable[[Engine | None, Series, FileSeries], _Found]]] = {
    "bars": ("volume", _in_bars),
    "funding": ("rate", _in_funding),
    "open_interest": ("open_interest", _in_open_interest),
}
