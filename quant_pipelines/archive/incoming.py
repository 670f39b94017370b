"""One file from anywhere as a series that may be stored: read by its layout, and everything proven before."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from quant_pipelines.archive.bar_steps import by_open_time, check_steps
from quant_pipelines.archive.cells import Cells, read_blocks, read_content
from quant_pipelines.archive.claims import Claims
from quant_pipelines.archive.columns import check_increasing
from quant_pipelines.archive.containers import verified_checksum
from quant_pipelines.archive.file_series import FileSeries
from quant_pipelines.archive.headers import KINDS
from quant_pipelines.archive.identity import Identity, identified
from quant_pipelines.archive.layouts import Found, find_layout
from quant_pipelines.archive.layouts.layout import Content
from quant_pipelines.archive.origin import NoRowsError
from quant_pipelines.archive.preview import look_at
from quant_pipelines.archive.proofs import prove, prove_trades
from quant_pipelines.archive.row_order import in_order
from quant_pipelines.archive.slots import at_slots, check_zone
from quant_pipelines.archive.times import Times
from quant_pipelines.archive.trade_ids import TradeIds
from quant_pipelines.archive.traded_bars import TradedBars
from quant_pipelines.archive.volumes import in_base_units
from quant_pipelines.core.errors import DataError, unknown_name


def held_kinds(path: Path, asked: Claims) -> tuple[str, ...]:
    """Kinds of series to take of a file: the one that is asked for, else all that its layout shows.

    Raises
    ------
    DataError
        If the file can't be read or shows no layout.
    """
    if asked.kind:
        return (asked.kind,)
    found = find_layout(look_at(path), asked)
    return (found.kind, *found.beside)


def read_series(path: Path, asked: Claims, *, now_ms: int) -> FileSeries:
    """Read and prove one file.

    Parameters
    ----------
    path
        Parquet, Feather, CSV or JSON; text also gzipped or in a zip of its own. The text of trades is read in
        blocks, everything else at once.
    asked
        What it is said to hold; what is left out has to stand in the file.
    now_ms
        What is not over by then is refused.

    Raises
    ------
    NoRowsError
        If it has no row of the kind that is asked for.
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
    blocks = read_blocks(preview, found, asked)
    first = next(blocks)
    identity = identified(preview, found, first, asked)
    read = _bars_of_trades if found.kind == "trades" else _rows
    content, times = read(chain([first], blocks), found, identity)
    series = FileSeries(
        content.origin,
        "bars" if found.kind == "trades" else found.kind,
        identity.asked,
        {},
        identity.statement.exchanges,
        found.layout.name,
        times.unit,
        checksum,
    )
    series = _STEPS[series.kind](series, content, found, times)
    prove(series, now_ms)
    if found.layout.has_any_zone and not (times.has_zone or asked.zone):
        note = "its times name no zone and are taken for UTC: --zone says another"
        series = replace(series, notes=(*series.notes, note))
    return replace(series, beside=found.beside)


def _rows(blocks: Iterator[Cells], found: Found, identity: Identity) -> tuple[Content, Times]:
    """Rows of a file, whole, in order of time and in the vendor's meaning."""
    return _rows_of(next(blocks), found, identity)


def _rows_of(cells: Cells, found: Found, identity: Identity) -> tuple[Content, Times]:
    identity.require(cells)
    content, times = read_content(cells, found, identity.asked, identity.statement)
    content = found.layout.refine(in_order(content, is_unordered=found.layout.is_unordered))
    if not content.ts.size:
        raise NoRowsError(f"{content.origin} has no {found.kind} to take; expected some")
    return content, times


def _bars_of_trades(blocks: Iterator[Cells], found: Found, identity: Identity) -> tuple[Content, Times]:
    """Bars that the trades of a file make, block by block."""
    ids = TradeIds()
    first = next(blocks)
    ids.require_new(first)
    content, times = _rows_of(first, found, identity)
    bars = TradedBars(content, is_unordered=found.layout.is_unordered)
    bars.add(prove_trades(content))
    for cells in blocks:
        ids.require_new(cells)
        content, later = _rows_of(cells, found, identity)
        if later.unit != times.unit:
            raise content.origin.fault("ts", f"in {later.unit}", 0, f"{times.unit} as in the first row")
        bars.add(prove_trades(content))
    return bars.content(), times


def _bars(series: FileSeries, content: Content, found: Found, _: Times) -> FileSeries:
    content = by_open_time(in_base_units(content), found.layout.stamped)
    check_increasing(content.origin, content.ts)
    checked = check_steps(content, is_sparse=found.layout.is_sparse)
    untraded = checked.missing if found.layout.is_sparse else series.untraded
    return replace(_of(series, checked.content), untraded=untraded)


def _funding(series: FileSeries, content: Content, found: Found, times: Times) -> FileSeries:
    content = at_slots(content)
    if not times.has_zone or content.asked.zone:
        check_zone(content)
    return _points(series, content, found, times)


def _points(series: FileSeries, content: Content, _: Found, __: Times) -> FileSeries:
    check_increasing(content.origin, content.ts)
    return _of(series, content)


def _of(series: FileSeries, content: Content) -> FileSeries:
    kind = KINDS[series.kind]
    columns = {
        name: content.columns[name] for name in (*kind.required, *kind.optional) if name in content.columns
    }
    return replace(series, origin=content.origin, columns=columns, notes=content.notes)


_STEPS = {"bars": _bars, "funding": _funding, "open_interest": _points}
