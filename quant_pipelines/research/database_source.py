"""History from ``market.*``."""

from functools import lru_cache, partial
from pathlib import Path

from sqlalchemy import Engine

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.asof import KnownPoints
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.price_factors import (
    PriceFactor,
    adjusted,
    adjusted_funding,
    adjusted_points,
    scale_at,
)
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import (
    DAY_MS,
    MINUTE_MS,
    floor_ms,
    timeframe_ms,
)
from quant_pipelines.research.fill_inputs import FillInputs, stored_fill_inputs
from quant_pipelines.research.funding_prices import with_last_prices
from quant_pipelines.research.history import Extent
from quant_pipelines.store.bars import extent_of_bars, newest_bar_ms, read_bars, read_closes
from quant_pipelines.store.column_cache import ColumnCache
from quant_pipelines.store.deployments import newest_instrument
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.findings import blocking_findings
from quant_pipelines.store.known_points import read_points
from quant_pipelines.store.market import read_funding
from quant_pipelines.store.price_factors import read_factors
from quant_pipelines.trading import Specification

_SERIES_KEPT = 4


class DatabaseSource:
    """History from ``market.*``; the last few series are kept, since jobs of one symbol follow each other.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id.
    columns
        Folder of column files to read bars through; None reads them from the database.
    """

    def __init__(self, engine: Engine, exchange: str, columns: Path | None = None) -> None:
        self._engine = engine
        self._exchange = exchange
        self._cache = None if columns is None else ColumnCache(engine, columns)
        self._read = lru_cache(maxsize=_SERIES_KEPT)(self._read_bars)
        self._count = lru_cache(maxsize=_SERIES_KEPT)(partial(extent_of_bars, engine))

    def last_midnight(self, symbol: str, timeframe: str) -> int:
        """See ``HistorySource``."""
        with transaction(self._engine) as connection:
            newest = newest_bar_ms(connection, Series(self._exchange, symbol, timeframe))
        if newest is None:
            raise DataError(f"the database has no {timeframe} bars of {symbol}; expected ingested ones")
        return floor_ms(newest + MINUTE_MS, DAY_MS)

    def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
        """See ``HistorySource``."""
        return adjusted(self._read(symbol, timeframe, window), self._factors(symbol))

    def extent(self, symbol: str, timeframe: str, window: Window) -> Extent:
        """See ``HistorySource``."""
        first, last, n_bars = self._count(Series(self._exchange, symbol, timeframe), window)
        return Extent(first, last + timeframe_ms(timeframe), n_bars)

    def funding(self, symbol: str, window: Window) -> FundingSeries:
        """See ``HistorySource``."""
        stored = FundingSeries(*read_funding(self._engine, self._exchange, symbol, window))
        paid = adjusted_funding(stored, self._factors(symbol))
        return with_last_prices(paid, partial(self._closes_at, symbol))

    def specification(self, symbol: str) -> Specification:
        """See ``HistorySource``."""
        with transaction(self._engine) as connection:
            instrument = newest_instrument(connection, self._exchange, symbol)
        return Specification() if instrument is None else Specification.of(instrument)

    def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
        """See ``InputSource``."""
        stored = read_points(self._engine, self._exchange, symbol, name, Window(start_ms, end_ms))
        return adjusted_points(stored, name, self._factors(symbol))

    def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        """See ``InputSource``."""
        return self.bars(symbol, timeframe, Window(max(start_ms, 0), end_ms))

    def fill_inputs(self, symbol: str, window: Window) -> FillInputs:
        """See ``HistorySource``."""
        stored = stored_fill_inputs(self._engine, self._exchange, symbol, window)
        return stored.adjusted(self._factors(symbol))

    def findings(self, bars: Bars, window: Window) -> tuple[str, ...]:
        """See ``HistorySource``."""
        with transaction(self._engine) as connection:
            return blocking_findings(
                connection, self._exchange, bars.symbol, window.days, timeframes={bars.timeframe}
            )

    def _closes_at(self, symbol: str, timeframe: str, ts: IntArray) -> FloatArray:
        closes = read_closes(self._engine, Series(self._exchange, symbol, timeframe), ts)
        return closes * scale_at(ts - 1, self._factors(symbol))  # what closes at a change is before it

    def _factors(self, symbol: str) -> tuple[PriceFactor, ...]:
        return read_factors(self._engine, self._exchange, symbol)

    def _read_bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
        if self._cache is None:
            return read_bars(self._engine, Series(self._exchange, symbol, timeframe), window)
        return self._cache.read_bars(Series(self._exchange, symbol, timeframe), window)
