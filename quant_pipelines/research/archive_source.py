"""History from Parquet files."""

from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from quant_pipelines import archive
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.asof import KnownPoints
from quant_pipelines.core.bars import DECLARED_AS, Bars, empty_bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.price_factors import (
    adjusted,
    adjusted_funding,
    adjusted_points,
)
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import (
    DAY_MS,
    EXECUTION_TIMEFRAME,
    floor_ms,
    timeframe_ms,
)
from quant_pipelines.hotlist.regime import KNOWN_AFTER_MS, regime_path
from quant_pipelines.marketdata.archive_values import ArchiveValues, Found, refuse
from quant_pipelines.research.fill_inputs import FillInputs
from quant_pipelines.research.funding_prices import closes_of, with_last_prices
from quant_pipelines.research.history import Extent, extent_of
from quant_pipelines.trading import Specification

_SERIES_KEPT = 4


def archive_source(folder: Path, exchange: str) -> "ArchiveSource":
    """Return the archive's history; where none of its files has changed, what was read of it stays known."""
    return _unchanged(folder, exchange, _stamps_of(folder))


class _Stamp(NamedTuple):
    """File, when it was written, and its size in bytes."""

    name: str
    time_ns: int
    size: int


def _stamps_of(folder: Path) -> tuple[_Stamp, ...]:
    """Name, time and size of every file."""
    found = ((str(path), path.stat()) for path in sorted(folder.rglob("*")) if path.is_file())
    return tuple(_Stamp(name, stat.st_mtime_ns, stat.st_size) for name, stat in found)


class ArchiveSource:
    """History from Parquet files; bars that are missing between others count as findings.

    Values that no market can have are refused, unless a person has said beside the archive that they are
    right.
    """

    def __init__(self, folder: Path, exchange: str) -> None:
        self._folder = folder
        self._exchange = exchange
        self._values = lru_cache(maxsize=_SERIES_KEPT)(self._values_of)
        self._load = lru_cache(maxsize=_SERIES_KEPT)(self._load_bars)
        self._load_funding = lru_cache(maxsize=_SERIES_KEPT)(self._funding_of)
        self._load_inputs = lru_cache(maxsize=_SERIES_KEPT)(self._load_points)

    def last_midnight(self, symbol: str, timeframe: str) -> int:
        """See ``HistorySource``."""
        return floor_ms(int(self._load(symbol, timeframe)[0].close_ts[-1]), DAY_MS)

    def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
        """See ``HistorySource``."""
        if timeframe == EXECUTION_TIMEFRAME:
            return self.own_bars(symbol, timeframe, window.start_ms, window.end_ms)
        return self._proven(symbol, timeframe, window)

    def extent(self, symbol: str, timeframe: str, window: Window) -> Extent:
        """See ``HistorySource``."""
        return extent_of(self.own_bars(symbol, timeframe, window.start_ms, window.end_ms))

    def funding(self, symbol: str, window: Window) -> FundingSeries:
        """See ``HistorySource``."""
        series, found = self._load_funding(symbol)
        refuse(found, f"funding of {symbol}", window)
        paid = adjusted_funding(series.between(*window), self._values(symbol).factors)
        return with_last_prices(paid, partial(self._closes_at, symbol))

    def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
        """See ``InputSource``."""
        points, found = self._load_inputs(symbol, name)
        refuse(found, f"{name} of {symbol}", Window(start_ms, end_ms))
        return points.between(start_ms, end_ms)

    def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        """See ``InputSource``."""
        if not archive.has_bars(self._folder, symbol, timeframe, exchange=self._exchange):
            return empty_bars(symbol, timeframe)
        return self._proven(symbol, timeframe, Window(start_ms, end_ms))

    def specification(self, symbol: str) -> Specification:
        """See ``HistorySource``; an archive has none."""
        return Specification()

    def fill_inputs(self, symbol: str, window: Window) -> FillInputs:
        """See ``HistorySource``; an archive has mark prices at most."""
        mark = archive.load_mark(self._folder, symbol, exchange=self._exchange)
        inputs = FillInputs(None if mark is None else mark.between(*window))
        return inputs.adjusted(self._values(symbol).factors)

    def findings(self, bars: Bars, window: Window) -> tuple[str, ...]:
        """See ``HistorySource``."""
        missing = (window.end_ms - window.start_ms) // bars.step_ms - len(bars)
        return (f"{missing} {bars.timeframe} bars of {bars.symbol} are missing",) if missing else ()

    def _closes_at(self, symbol: str, timeframe: str, ts: IntArray) -> FloatArray:
        step_ms = timeframe_ms(timeframe)
        bars = self.own_bars(symbol, timeframe, int(ts[0]) - step_ms, int(ts[-1]))
        return closes_of(ts, bars.close_ts, bars.close)

    def _proven(self, symbol: str, timeframe: str, window: Window) -> Bars:
        bars, found = self._load(symbol, timeframe)
        refuse(found, f"{timeframe} bars of {symbol}", window)
        return bars.between(*window)

    def _values_of(self, symbol: str) -> ArchiveValues:
        return ArchiveValues(self._folder, self._exchange, symbol)

    def _load_bars(self, symbol: str, timeframe: str) -> tuple[Bars, Found]:
        asked = (self._folder, symbol, timeframe)
        values = self._values(symbol)
        bars = adjusted(archive.load_bars(*asked, exchange=self._exchange), values.factors)
        return bars, values.in_bars(bars, archive.load_quote_volume(*asked, exchange=self._exchange))

    def _funding_of(self, symbol: str) -> tuple[FundingSeries, Found]:
        series = archive.load_funding(self._folder, symbol, exchange=self._exchange)
        return series, self._values(symbol).in_funding(series.ts, series.rate)

    def _load_points(self, symbol: str, name: str) -> tuple[KnownPoints, Found]:
        if DECLARED_AS[name] == "regime":
            path = regime_path(*self._closes(symbol))
            return KnownPoints(path.ts, path.ts + KNOWN_AFTER_MS, getattr(path, name)), []
        values, points = (
            self._values(symbol),
            archive.load_points(self._folder, symbol, name, exchange=self._exchange),
        )
        points = adjusted_points(points, name, values.factors)
        if name == "funding_rate":
            return points, values.in_funding(points.ts, points.values)
        if name == "open_interest":
            return points, values.in_interest(points.ts, points.values, self._hours(symbol))
        return points, []

    def _closes(self, symbol: str) -> tuple[IntArray, FloatArray]:
        hours = self._hours(symbol)
        return hours.ts, hours.close

    def _hours(self, symbol: str) -> Bars:
        if not archive.has_bars(self._folder, symbol, "1h", exchange=self._exchange):
            return empty_bars(symbol, "1h")
        return self._load(symbol, "1h")[0]


@lru_cache(maxsize=1)
def _unchanged(folder: Path, exchange: str, stamps: tuple[_Stamp, ...]) -> ArchiveSource:
    return ArchiveSource(folder, exchange)
