"""One file from anywhere as a series that may be stored: read by its layout, and everything proven before."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from quant_pipelines.archive.bar_steps import by_open_time, check_steps
from quant_pipelines.archive.cells import read_content, read_layout, step_by_closes
from quant_pipelines.archive.claims import Claims
from quant_pipelines.archive.columns import Columns, check_finite, check_increasing
from quant_pipelines.archive.containers import verified_checksum
from quant_pipelines.archive.headers import KINDS
from quant_pipelines.archive.layouts import Found, find_layout
from quant_pipelines.archive.layouts.layout import Content
from quant_pipelines.archive.market_names import market_in
from quant_pipelines.archive.origin import Origin
from quant_pipelines.archive.preview import look_at
from quant_pipelines.archive.slots import at_slots, check_zone
from quant_pipelines.archive.stated import check_name, exchange_of, require_kind, settled
from quant_pipelines.archive.traded_bars import bars_of_trades
from quant_pipelines.archive.volumes import in_base_units
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.bars import bars_from_columns
from quant_pipelines.core.errors import DataError, unknown_name
from quant_pipelines.core.funding import LARGEST_RATE
from quant_pipelines.core.timeframes import timeframe_ms


@dataclass(frozen=True, slots=True, eq=False)
class FileSeries:
    """What one file holds.

    Parameters
    ----------
    origin
        File, and where each row stands in it.
    kind
        bars, funding or open_interest; trades have become bars.
    asked
        Symbol, timeframe and units, completed by what the file says.
    columns
        ``ts`` (milliseconds UTC, strictly increasing) and the values, each of shape (n_rows,). Optional ones
        may be absent, and are NaN where a row is empty.
    exchanges
        ccxt ids of which the file may be; empty where nothing says it.
    layout
        Name of the layout.
    unit
        How its times are written.
    checksum
        SHA-256 of the file.
    notes
        What a reader should know.
    untraded
        Open times of bars that are missing because nothing was traded, milliseconds UTC. ndarray of shape
        (n_untraded,), int64.
    """

    origin: Origin
    kind: str
    asked: Claims
    columns: Columns
    exchanges: tuple[str, ...] = ()
    layout: str = ""
    unit: str = ""
    checksum: str = ""
    notes: tuple[str, ...] = ()
    untraded: IntArray = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def path(self) -> Path:
        """File."""
        return self.origin.path

    @property
    def symbol(self) -> str:
        """Symbol in ccxt's form."""
        return self.asked.symbol

    @property
    def timeframe(self) -> str:
        """Of bars; empty for the others."""
        return self.asked.timeframe if self.kind == "bars" else ""

    @property
    def ts(self) -> IntArray:
        """Times, milliseconds UTC."""
        return self.columns["ts"]


def read_series(path: Path, asked: Claims, *, now_ms: int) -> FileSeries:
    """Read and prove one file.

    Parameters
    ----------
    path
        Parquet, Feather, CSV or JSON; text also gzipped or in a zip of its own.
    asked
        What it is said to hold; what is left out has to stand in the file.
    now_ms
        What is not over by then is refused.

    Raises
    ------
    DataError
        If anything in the file can't be used, or it says something else than was asked; the sentence names
        file, row and column.
    ConfigurationError
        If symbol or timeframe are neither given nor in the file.
    """
    if asked.kind and asked.kind not in KINDS:
        raise DataError(unknown_name("kind of file", asked.kind, KINDS))
    checksum = verified_checksum(path)
    preview = look_at(path)
    found = find_layout(preview, asked)
    statement = found.layout.states(preview)
    cells = read_layout(preview, found, asked)
    if not statement.symbol and "symbol" not in cells.texts:
        statement = statement._replace(symbol=market_in(path.name))
    require_kind(found, statement, cells.origin)
    if not (asked.timeframe or statement.timeframe):
        statement = statement._replace(timeframe=step_by_closes(cells))
    stated = statement.exchanges or found.layout.exchanges
    exchanges = exchange_of(asked, stated, cells.texts, cells.origin)
    statement = statement._replace(exchanges=exchanges)
    complete = settled(replace(asked, kind=found.kind), statement, cells.texts, cells.origin)
    inner = found.layout.states(preview._replace(path=path.with_name(preview.name)))
    check_name(cells.origin, inner, complete)  # a zip may be called otherwise than what is in it
    content, times = read_content(cells, found, complete, statement)
    content = found.layout.refine(_in_order(content, is_unordered=found.layout.is_unordered))
    if not content.ts.size:
        raise DataError(f"{content.origin} has no {found.kind} to take; expected some")
    series = FileSeries(
        content.origin, found.kind, complete, {}, exchanges, found.layout.name, times.unit, checksum
    )
    if found.kind == "funding":
        content = at_slots(content)
        if not times.has_zone or asked.zone:
            check_zone(content, cells.texts)
    series = _CHECKED[found.kind](series, content, found)
    _check_over(series, now_ms)
    return series


def _in_order(content: Content, *, is_unordered: bool) -> Content:
    """Rows by time: newest first is turned round, and no other order but where a layout has it."""
    distances = np.diff(content.ts)
    if is_unordered and (distances < 0).any():
        return content.taken(np.argsort(content.ts, kind="stable"))
    if distances.size > 1 and (distances < 0).all():  # two rows alone may as well be a slip
        return content.taken(np.arange(content.ts.size)[::-1])
    return content


def _bars(series: FileSeries, content: Content, found: Found) -> FileSeries:
    content = by_open_time(in_base_units(content), found.layout.stamped)
    check_increasing(content.origin, content.ts)
    checked = check_steps(content, is_sparse=found.layout.is_sparse)
    untraded = checked.missing if found.layout.is_sparse else series.untraded
    series = _of(series, checked.content)
    _prove_bars(series)
    return replace(series, untraded=untraded)


def _traded(series: FileSeries, content: Content, found: Found) -> FileSeries:
    for index in np.flatnonzero(np.diff(content.ts) < 0):
        raise content.origin.fault("ts", content.ts[index + 1], int(index) + 1, "a time not before the last")
    for name in ("price", "quantity"):
        is_bad = ~(np.isfinite(content.columns[name]) & (content.columns[name] > 0))
        for index in np.flatnonzero(is_bad):
            raise content.origin.fault(name, content.columns[name][index], int(index), "a positive number")
    return _bars(replace(series, kind="bars"), bars_of_trades(content), found)


def _funding(series: FileSeries, content: Content, _: Found) -> FileSeries:
    check_increasing(content.origin, content.ts)
    series = _of(series, content)
    _prove_funding(series)
    return series


def _open_interest(series: FileSeries, content: Content, _: Found) -> FileSeries:
    check_increasing(content.origin, content.ts)
    series = _of(series, content)
    _prove_open_interest(series)
    return series


def _of(series: FileSeries, content: Content) -> FileSeries:
    kind = KINDS[series.kind]
    columns = {
        name: content.columns[name] for name in (*kind.required, *kind.optional) if name in content.columns
    }
    return replace(series, origin=content.origin, columns=columns, notes=content.notes)


_CHECKED = {"bars": _bars, "trades": _traded, "funding": _funding, "open_interest": _open_interest}


def _prove_bars(series: FileSeries) -> None:
    fault = bars_from_columns(series.symbol, series.timeframe, series.columns).fault()
    if fault is not None:
        raise _refused(series, fault.name, fault.index, fault.expected)
    for name in ("quote_volume", "trades"):
        if name in series.columns:
            _prove(series, name, _is_gap_or(series, name, np.greater_equal), "0 or more")


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
    length = timeframe_ms(series.timeframe) if series.kind == "bars" else 0
    _prove(
        series, "ts", series.ts + length <= now_ms, "a time that is over: this one still runs or is to come"
    )


def _prove(series: FileSeries, name: str, is_good: np.ndarray, expected: str) -> None:
    if not is_good.all():
        raise _refused(series, name, int(np.argmin(is_good)), expected)


def _refused(series: FileSeries, name: str, index: int, expected: str) -> DataError:
    return series.origin.fault(name, series.columns[name][index], index, expected)
