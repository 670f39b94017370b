"""Bars for research out of column files, which are made from the database and compared with it at every read.

Whether rows changed is told by ``market.bar_versions``, whether they were truncated or dropped by the file
number of their partition; both are read in the snapshot in which rows are read. When a file can't be trusted
or written, the database answers and the log says why.
"""

import logging
from datetime import date
from pathlib import Path
from urllib.parse import quote

import numpy as np
from sqlalchemy import Connection, Engine

from quant_pipelines.core.bars import Bars, bars_from_columns, empty_bars
from quant_pipelines.store.bar_copy import PRICES, Series, read_packed
from quant_pipelines.store.bar_partitions import (
    following_month,
    is_partitioned,
    month_start_ms,
    stored_months,
)
from quant_pipelines.store.bars import read_bars
from quant_pipelines.store.columns import (
    NAMES,
    ColumnFault,
    ColumnFile,
    Month,
    open_columns,
    remove_file,
    write_columns,
)
from quant_pipelines.store.engine import snapshot, transaction

_SUFFIX = ".columns"
_VERSIONS = (
    "select month, version::text from market.bar_versions "
    "where exchange = %s and symbol = %s and timeframe = %s"
)
_log = logging.getLogger(__name__)


class ColumnCache:
    """Column files of one database; safe for any number of processes and threads.

    Parameters
    ----------
    engine
        Product database.
    folder
        Where the files are; made when it is needed. Everything in it may be deleted at any time.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder

    def path(self, exchange: str, symbol: str, timeframe: str) -> Path:
        """File of a series."""
        names = (quote(name, safe="") for name in (exchange, symbol, timeframe))
        return self._folder / f"{'~'.join(names)}{_SUFFIX}"

    def read_bars(self, exchange: str, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        """Read what `quant_pipelines.store.bars.read_bars` reads, mapped from a file unless rows changed."""
        series = (exchange, symbol, timeframe)
        found = self._columns(series, start_ms, end_ms)
        if found is None:
            return read_bars(self._engine, *series, start_ms, end_ms)
        if not found.months:
            return empty_bars(symbol, timeframe)
        return bars_from_columns(symbol, timeframe, dict(found.columns)).between(start_ms, end_ms)

    def remove_stale(self) -> list[Path]:
        """Remove the files of series that the database has no bars of any more."""
        with transaction(self._engine) as connection:
            query = "select distinct exchange, symbol, timeframe from market.bar_versions"
            known = {self.path(*series) for series in connection.exec_driver_sql(query)}
        stale = [path for path in sorted(self._folder.glob(f"*{_SUFFIX}")) if path not in known]
        for path in stale:
            remove_file(path)
        return stale

    def _columns(self, series: Series, start_ms: int, end_ms: int) -> ColumnFile | None:
        """Columns with at least the months of the window; None where versions are not kept."""
        with snapshot(self._engine) as connection:
            if not is_partitioned(connection):
                return None
            versions = _versions(connection, series)
            wanted = {month for month in versions if _touches(month, start_ms, end_ms)}
            stored = self._open(series) if wanted else None
            parts = stored.month_columns() if stored else {}
            fresh = {
                month: part for month, part in parts.items() if versions.get(month.month) == month.version
            }
            missing = sorted(wanted - {month.month for month in fresh})
            is_stale = any(_touches(month.month, start_ms, end_ms) for month in parts if month not in fresh)
            if stored and not missing and not is_stale:
                return stored
            for month in missing:
                columns = _read_month(connection, series, month)
                fresh[Month(month, versions[month], columns["ts"].size)] = columns
        return self._keep(_joined(series, fresh))

    def _open(self, series: Series) -> ColumnFile | None:
        path = self.path(*series)
        try:
            return open_columns(path, series)
        except ColumnFault as fault:
            _log.warning("%s; it is made again from the database", fault)
            remove_file(path)
            return None

    def _keep(self, content: ColumnFile) -> ColumnFile:
        """Write the file and map it; columns in memory where that fails."""
        if not content.columns["ts"].size:
            return content
        try:
            return write_columns(self.path(*content.series), content)
        except ColumnFault as fault:
            _log.warning("%s; bars are read from the database", fault)
            return content


def _touches(month: date, start_ms: int, end_ms: int) -> bool:
    return month_start_ms(month) < end_ms and month_start_ms(following_month(month)) > start_ms


def _versions(connection: Connection, series: Series) -> dict[date, str]:
    nodes = stored_months(connection)
    return {
        month: f"{version}:{nodes[month]}"
        for month, version in connection.exec_driver_sql(_VERSIONS, series)
        if month in nodes
    }


def _read_month(connection: Connection, series: Series, month: date) -> dict[str, np.ndarray]:
    window = month_start_ms(month), month_start_ms(following_month(month))
    return read_packed(connection, series, PRICES, *window)


def _joined(series: Series, parts: dict[Month, dict[str, np.ndarray]]) -> ColumnFile:
    months = tuple(sorted(parts, key=lambda month: month.month))
    return ColumnFile(
        series,
        months,
        {
            name: np.concatenate([parts[month][name] for month in months])
            if months
            else np.empty(0, np.int64 if name == "ts" else np.float64)
            for name in NAMES
        },
    )
