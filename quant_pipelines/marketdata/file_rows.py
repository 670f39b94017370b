"""Rows of one file into the store, with where they are from: one transaction, or nothing of it."""

from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine

from quant_pipelines.archive import FileSeries
from quant_pipelines.core.bars import COLUMNS, BarRows
from quant_pipelines.core.points import FundingRate, OpenInterest
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store import bars as stored_bars
from quant_pipelines.store import market
from quant_pipelines.store.bars import Upserted
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.findings import MISSING, confirm_bars
from quant_pipelines.store.imported import ImportedFile, Span, save_imported


class Incoming(NamedTuple):
    """Proven rows of a file, and the exchange under which they are stored."""

    series: FileSeries
    exchange: str

    @property
    def key(self) -> Series:
        """Series of the store that they belong to."""
        return Series(self.exchange, self.series.symbol, self.series.timeframe)


def store_file(engine: Engine, held: tuple[Incoming, ...], now_ms: int) -> list[Upserted]:
    """Write what one file holds, and which file it is from.

    Parameters
    ----------
    engine
        Product database.
    held
        Each series of the file.
    now_ms
        When, milliseconds UTC.

    Returns
    -------
    list of Upserted
        Rows added and changed of each series.
    """
    for incoming in held:
        if incoming.series.kind == "bars":  # making a partition would lock all bars while these are written
            stored_bars.ensure_partitions(engine, int(incoming.series.ts[0]), int(incoming.series.ts[-1]))
    with transaction(engine) as connection:
        return [_store(connection, incoming, now_ms) for incoming in held]


def _store(connection: Connection, incoming: Incoming, now_ms: int) -> Upserted:
    series, at = incoming.series, from_ms(now_ms)
    written = _WRITERS[series.kind](connection, incoming)
    confirm_bars(connection, incoming.key, MISSING, series.untraded.tolist(), at)
    span = Span(from_ms(int(series.ts[0])), from_ms(int(series.ts[-1])))
    source = ImportedFile(
        name=series.path.name, checksum=series.checksum, layout=series.layout, rows=series.ts.size, span=span
    )
    save_imported(connection, incoming.key, series.kind, source, at)
    return written


def _write_bars(connection: Connection, incoming: Incoming) -> Upserted:
    series = incoming.series
    values = {name: series.columns[name].astype(np.float64) for name in COLUMNS}
    gaps = {name: _values_or_gaps(series, name) for name in ("quote_volume", "trades")}
    if any(np.isnan(column).any() for column in gaps.values()):
        stored = stored_bars.read_bar_rows(connection, incoming.key, _window(series))
        gaps = {name: _filled(series, gaps[name], stored.ts, getattr(stored, name)) for name in gaps}
    rows = BarRows(
        ts=series.ts,
        **values,
        quote_volume=np.nan_to_num(gaps["quote_volume"]),
        trades=np.nan_to_num(gaps["trades"]).astype(np.int64),
    )
    return stored_bars.upsert_bars(connection, incoming.key, rows)


def _window(series: FileSeries) -> Window:
    return Window(int(series.ts[0]), int(series.ts[-1]) + 1)


def _values_or_gaps(series: FileSeries, name: str) -> np.ndarray:
    return series.columns.get(name, np.full(series.ts.size, np.nan))


def _filled(series: FileSeries, values: np.ndarray, stored_ts: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Values with what is stored where the file has none; NaN where neither has."""
    filled = np.full(series.ts.size, np.nan)
    _, here, there = np.intersect1d(series.ts, stored_ts, assume_unique=True, return_indices=True)
    filled[here] = stored[there]
    return np.where(np.isnan(values), filled, values)


def _write_funding(connection: Connection, incoming: Incoming) -> Upserted:
    (exchange, symbol, _), series = incoming.key, incoming.series
    known, _, stored = market.read_funding(connection, exchange, symbol, _window(series))
    marks = _filled(series, _values_or_gaps(series, "mark_price"), known, stored)
    rates = [
        FundingRate(int(ts), float(rate), float(mark) if np.isfinite(mark) else None)
        for ts, rate, mark in zip(series.ts, series.columns["rate"], marks, strict=True)
    ]
    return _split(market.save_funding(connection, exchange, symbol, rates), series, known)


def _write_open_interest(connection: Connection, incoming: Incoming) -> Upserted:
    (exchange, symbol, _), series = incoming.key, incoming.series
    known, _ = market.read_open_interest(connection, exchange, symbol, _window(series))
    values = series.columns["open_interest"].tolist()
    points = [OpenInterest(*row) for row in zip(series.ts.tolist(), values, strict=True)]
    return _split(market.save_open_interest(connection, exchange, symbol, points), series, known)


def _split(written: int, series: FileSeries, known: np.ndarray) -> Upserted:
    """Rows added are those whose time was not stored before; the rest of what was written changed."""
    added = int((~np.isin(series.ts, known)).sum())
    return Upserted(added, written - added)


_WRITERS = {"bars": _write_bars, "funding": _write_funding, "open_interest": _write_open_interest}
