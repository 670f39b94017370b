"""The bars and funding that a job sees, from the database or from an archive."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine

from quant_pipelines import archive
from quant_pipelines.core.asof import KnownPoints
from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.timeframes import DAY_MS, EXECUTION_TIMEFRAME, MINUTE_MS, floor_ms, from_ms
from quant_pipelines.research.fill_inputs import NO_FILL_INPUTS, FillInputs, stored_fill_inputs
from quant_pipelines.sdk import InputSource, Strategy, attach_inputs
from quant_pipelines.sdk.attach import unknown_shares
from quant_pipelines.store.bars import newest_bar_ms, read_bars
from quant_pipelines.store.column_cache import ColumnCache
from quant_pipelines.store.deployments import newest_instrument
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.findings import blocking_findings
from quant_pipelines.store.known_points import read_points
from quant_pipelines.store.market import read_funding
from quant_pipelines.trading import Specification

_LEAST_COVERAGE = 0.99
_LEAST_KNOWN = 0.9
_SERIES_KEPT = 4


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Market history of one symbol.

    Parameters
    ----------
    bars
        The strategy's bars, all of the window, with the inputs that it declares.
    execution_bars
        1m bars where they cover the window, else the strategy's.
    funding
        Payments in the window.
    specification
        Lot size and smallest order; none where they are not stored.
    findings
        Unresolved blocking faults of these bars, and of higher ones that are read, in the window; one
        sentence each.
    fill_inputs
        Mark prices, specifications as of a date and order books.
    """

    bars: Bars
    execution_bars: Bars
    funding: FundingSeries
    specification: Specification
    findings: tuple[str, ...]
    fill_inputs: FillInputs = NO_FILL_INPUTS


class Source(InputSource, Protocol):
    """Where history comes from."""

    def last_midnight(self, symbol: str, timeframe: str) -> int:
        """Last UTC midnight up to which there are bars, milliseconds."""
        ...

    def bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        """Bars that open in ``[start_ms, end_ms)``; empty when there are none."""
        ...

    def funding(self, symbol: str, start_ms: int, end_ms: int) -> FundingSeries:
        """Funding slots in ``[start_ms, end_ms)``."""
        ...

    def specification(self, symbol: str) -> Specification:
        """Lot size and smallest order."""
        ...

    def fill_inputs(self, symbol: str, start_ms: int, end_ms: int) -> FillInputs:
        """Mark prices, order books in ``[start_ms, end_ms)``, and all specifications."""
        ...

    def findings(self, bars: Bars, start_ms: int, end_ms: int) -> tuple[str, ...]:
        """Unresolved blocking faults of these bars."""
        ...


def load_history(
    source: Source,
    symbol: str,
    timeframe: str,
    start_ms: int,
    end_ms: int,
    *,
    strategy_class: type[Strategy] = Strategy,
) -> History:
    """Read what a walk-forward over ``[start_ms, end_ms)`` needs.

    Raises
    ------
    DataError
        If the bars do not cover the window or are malformed, or an input that the strategy declares is
        unknown at more than a tenth of them.
    StrategyError
        If it declares a timeframe that is finer than the bars.
    """
    bars = source.bars(symbol, timeframe, start_ms, end_ms)
    _require_cover(bars, start_ms, end_ms)
    bars.validated()
    findings = source.findings(bars, start_ms, end_ms)
    execution = bars
    if timeframe != EXECUTION_TIMEFRAME:
        finer = source.bars(symbol, EXECUTION_TIMEFRAME, start_ms, end_ms)
        if covers(finer, start_ms, end_ms):
            execution = finer.validated()
            findings += source.findings(finer, start_ms, end_ms)
    bars = attach_inputs(strategy_class, bars, source)
    require_inputs(bars)
    for higher in bars.higher.values():
        if higher.bars.timeframe != timeframe:
            findings += source.findings(higher.bars.between(start_ms, end_ms), start_ms, end_ms)
    funding = source.funding(symbol, start_ms, end_ms)
    inputs = source.fill_inputs(symbol, start_ms, end_ms)
    return History(bars, execution, funding, source.specification(symbol), findings, inputs)


def covers(bars: Bars, start_ms: int, end_ms: int) -> bool:
    """Whether bars reach from ``start_ms`` to ``end_ms`` with at most 1 % missing between."""
    if not len(bars) or bars.ts[0] > start_ms or bars.close_ts[-1] < end_ms:
        return False
    return len(bars) >= _LEAST_COVERAGE * (end_ms - start_ms) / bars.step_ms


def has_inputs(bars: Bars) -> bool:
    """Whether every input that bars carry is known at nine tenths of them or more."""
    return all(share <= 1.0 - _LEAST_KNOWN for share in unknown_shares(bars).values())


def require_inputs(bars: Bars) -> None:
    """Prove that bars have what they carry.

    Raises
    ------
    DataError
        Naming the first input that they have not.
    """
    for name, share in unknown_shares(bars).items():
        if share > 1.0 - _LEAST_KNOWN:
            raise DataError(
                f"{bars.symbol} {bars.timeframe}: input {name} is known at {1.0 - share:.0%} of the bars; "
                f"expected {_LEAST_KNOWN:.0%} or more, since the strategy declares it"
            )


def describe(bars: Bars) -> str:
    """How many bars there are, from when to when, as part of a sentence."""
    if not len(bars):
        return "none"
    first, last = from_ms(int(bars.ts[0])), from_ms(int(bars.close_ts[-1]))
    return f"{len(bars)} from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"


def describe_window(bars: Bars, start_ms: int, end_ms: int) -> str:
    """How many bars like these a whole window has, as part of a sentence."""
    count = (end_ms - start_ms) // bars.step_ms
    return f"{count} from {from_ms(start_ms):%Y-%m-%d %H:%M} to {from_ms(end_ms):%Y-%m-%d %H:%M}"


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

    def last_midnight(self, symbol: str, timeframe: str) -> int:
        """See ``Source``."""
        with transaction(self._engine) as connection:
            newest = newest_bar_ms(connection, self._exchange, symbol, timeframe)
        if newest is None:
            raise DataError(f"the database has no {timeframe} bars of {symbol}; expected ingested ones")
        return floor_ms(newest + MINUTE_MS, DAY_MS)

    def bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        """See ``Source``."""
        return self._read(symbol, timeframe, start_ms, end_ms)

    def funding(self, symbol: str, start_ms: int, end_ms: int) -> FundingSeries:
        """See ``Source``."""
        return FundingSeries(*read_funding(self._engine, self._exchange, symbol, start_ms, end_ms))

    def specification(self, symbol: str) -> Specification:
        """See ``Source``."""
        with transaction(self._engine) as connection:
            instrument = newest_instrument(connection, self._exchange, symbol)
        return Specification() if instrument is None else Specification.of(instrument)

    def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
        """See ``InputSource``."""
        return read_points(self._engine, self._exchange, symbol, name, start_ms, end_ms)

    def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        """See ``InputSource``."""
        return self._read(symbol, timeframe, max(start_ms, 0), end_ms)

    def fill_inputs(self, symbol: str, start_ms: int, end_ms: int) -> FillInputs:
        """See ``Source``."""
        return stored_fill_inputs(self._engine, self._exchange, symbol, start_ms, end_ms)

    def findings(self, bars: Bars, start_ms: int, end_ms: int) -> tuple[str, ...]:
        """See ``Source``."""
        with transaction(self._engine) as connection:
            return blocking_findings(
                connection,
                self._exchange,
                bars.symbol,
                first=from_ms(start_ms).date(),
                last=from_ms(end_ms - 1).date(),
                timeframes={bars.timeframe},
            )

    def _read_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        if self._cache is None:
            return read_bars(self._engine, self._exchange, symbol, timeframe, start_ms, end_ms)
        return self._cache.read_bars(self._exchange, symbol, timeframe, start_ms, end_ms)


class ArchiveSource:
    """History from Parquet files; bars that are missing between others count as findings."""

    def __init__(self, folder: Path, exchange: str) -> None:
        self._folder = folder
        self._exchange = exchange
        self._load = lru_cache(maxsize=_SERIES_KEPT)(self._load_bars)
        self._load_inputs = lru_cache(maxsize=_SERIES_KEPT)(self._load_points)

    def last_midnight(self, symbol: str, timeframe: str) -> int:
        """See ``Source``."""
        return floor_ms(int(self._load(symbol, timeframe).close_ts[-1]), DAY_MS)

    def bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        """See ``Source``."""
        if timeframe == EXECUTION_TIMEFRAME:
            return self.own_bars(symbol, timeframe, start_ms, end_ms)
        return self._load(symbol, timeframe).between(start_ms, end_ms)

    def funding(self, symbol: str, start_ms: int, end_ms: int) -> FundingSeries:
        """See ``Source``."""
        series = archive.load_funding(self._folder, symbol, exchange=self._exchange)
        inside = (series.ts >= start_ms) & (series.ts < end_ms)
        return FundingSeries(series.ts[inside], series.rate[inside], series.mark_price[inside])

    def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
        """See ``InputSource``."""
        return self._load_inputs(symbol, name).between(start_ms, end_ms)

    def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        """See ``InputSource``."""
        if not archive.has_bars(self._folder, symbol, timeframe, exchange=self._exchange):
            return empty_bars(symbol, timeframe)
        return self._load(symbol, timeframe).between(start_ms, end_ms)

    def specification(self, symbol: str) -> Specification:
        """See ``Source``; an archive has none."""
        return Specification()

    def fill_inputs(self, symbol: str, start_ms: int, end_ms: int) -> FillInputs:
        """See ``Source``; an archive has mark prices at most."""
        mark = archive.load_mark(self._folder, symbol, exchange=self._exchange)
        return FillInputs(None if mark is None else mark.between(start_ms, end_ms))

    def findings(self, bars: Bars, start_ms: int, end_ms: int) -> tuple[str, ...]:
        """See ``Source``."""
        missing = (end_ms - start_ms) // bars.step_ms - len(bars)
        return (f"{missing} {bars.timeframe} bars of {bars.symbol} are missing",) if missing else ()

    def _load_bars(self, symbol: str, timeframe: str) -> Bars:
        return archive.load_bars(self._folder, symbol, timeframe, exchange=self._exchange)

    def _load_points(self, symbol: str, name: str) -> KnownPoints:
        return archive.load_points(self._folder, symbol, name, exchange=self._exchange)


def _require_cover(bars: Bars, start_ms: int, end_ms: int) -> None:
    if not covers(bars, start_ms, end_ms):
        raise DataError(
            f"{bars.symbol} {bars.timeframe}: bars are {describe(bars)}; "
            f"expected {describe_window(bars, start_ms, end_ms)}"
        )
