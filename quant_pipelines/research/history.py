"""The bars and funding that a job sees, from the database or from an archive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from sqlalchemy import Engine

from quant_pipelines import archive
from quant_pipelines.backtest import SymbolFeed
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.asof import KnownPoints
from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.known_funding import KnownFunding, all_known, known_while_held
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
    EXECUTION_TIMEFRAME,
    MINUTE_MS,
    floor_ms,
    from_ms,
    timeframe_ms,
)
from quant_pipelines.marketdata.archive_values import ArchiveValues, Found, refuse
from quant_pipelines.research.fill_inputs import NO_FILL_INPUTS, FillInputs, stored_fill_inputs
from quant_pipelines.research.funding_prices import closes_of, through, with_last_prices
from quant_pipelines.sdk import InputSource, Strategy, attach_inputs
from quant_pipelines.sdk.attach import unknown_shares
from quant_pipelines.store.bars import newest_bar_ms, read_bars, read_closes
from quant_pipelines.store.column_cache import ColumnCache
from quant_pipelines.store.deployments import newest_instrument
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.findings import blocking_findings
from quant_pipelines.store.known_points import read_points
from quant_pipelines.store.market import read_funding
from quant_pipelines.store.price_factors import read_factors
from quant_pipelines.trading import Specification

_LEAST_COVERAGE = 0.99
_LEAST_KNOWN = 0.9
_SERIES_KEPT = 4


@dataclass(frozen=True, slots=True, eq=False)
class SymbolHistory:
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

    def feed(self, window: Window) -> SymbolFeed:
        """Return what a backtest of a window knows besides the strategy's bars."""
        inputs = self.fill_inputs
        return SymbolFeed(
            self.execution_bars.between(*window),
            self.funding,
            inputs.mark,
            inputs.depth,
            self.specification,
            inputs.specifications,
        )


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Market history of one symbol, or of a set of them.

    Parameters
    ----------
    members
        Of each symbol, in the order of the set; all execute on the same timeframe.
    """

    members: tuple[SymbolHistory, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        """Unresolved blocking faults of all of them."""
        return tuple(finding for member in self.members for finding in member.findings)

    @property
    def execution_timeframe(self) -> str:
        """Timeframe on which fills and stops are decided."""
        return self.members[0].execution_bars.timeframe

    def bars_in(self, window: Window) -> list[Bars]:
        """Return the strategy's bars that open in a window, of each symbol.

        Raises
        ------
        DataError
            If a symbol has none.
        """
        bars = [member.bars.between(*window) for member in self.members]
        if not all(len(one) for one in bars):
            names = ", ".join(one.symbol for one in bars if not len(one))
            raise DataError(f"no bars of {names} in the window; expected some")
        return bars

    def known_funding(self, trades: Sequence[Mapping[str, Any]]) -> KnownFunding:
        """How much of the time of round trips, as their documents have it, has known funding."""
        alone = self.members[0].bars.symbol
        parts = []
        for member in self.members:
            own = [one for one in trades if one.get("symbol", alone) == member.bars.symbol]
            held = [[one["entry_time"], one["exit_time"]] for one in own]
            parts.append(known_while_held(member.funding, np.array(held, dtype=np.int64).reshape(-1, 2)))
        return all_known(parts)

    def holding_return(self, start_ms: int, end_ms: int) -> float | None:
        """Return of equal parts bought at the first open and held to the last close, without costs."""
        held = [member.bars.between(start_ms, end_ms) for member in self.members]
        if not all(len(bars) for bars in held):
            return None
        return float(np.mean([bars.close[-1] / bars.open[0] - 1.0 for bars in held]))


class HistorySource(InputSource, Protocol):
    """Where history comes from."""

    def last_midnight(self, symbol: str, timeframe: str) -> int:
        """Last UTC midnight up to which there are bars, milliseconds."""
        ...

    def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
        """Bars that open in a window; empty when there are none."""
        ...

    def funding(self, symbol: str, window: Window) -> FundingSeries:
        """Funding slots in a window, with the last prices at those without a mark price."""
        ...

    def specification(self, symbol: str) -> Specification:
        """Lot size and smallest order."""
        ...

    def fill_inputs(self, symbol: str, window: Window) -> FillInputs:
        """Mark prices, order books in a window, and all specifications."""
        ...

    def findings(self, bars: Bars, window: Window) -> tuple[str, ...]:
        """Unresolved blocking faults of these bars."""
        ...


def load_history(
    source: HistorySource,
    symbols: Sequence[str],
    timeframe: str,
    window: Window,
    *,
    strategy_class: type[Strategy] = Strategy,
) -> History:
    """Read what a walk-forward over a window needs.

    Where one symbol lacks bars of the execution timeframe, all execute on the strategy's.

    Raises
    ------
    DataError
        If the bars of a symbol do not cover the window or are malformed, or an input that the strategy
        declares is unknown at more than a tenth of them.
    StrategyError
        If it declares a timeframe that is finer than the bars.
    """
    members = [_load_symbol(source, symbol, timeframe, window, strategy_class) for symbol in symbols]
    if len({member.execution_bars.timeframe for member in members}) > 1:
        members = [replace(member, execution_bars=member.bars) for member in members]
    return History(tuple(members))


def _load_symbol(
    source: HistorySource, symbol: str, timeframe: str, window: Window, strategy_class: type[Strategy]
) -> SymbolHistory:
    bars = source.bars(symbol, timeframe, window)
    _require_cover(bars, window)
    bars.validated()
    findings = source.findings(bars, window)
    execution = bars
    if timeframe != EXECUTION_TIMEFRAME:
        finer = source.bars(symbol, EXECUTION_TIMEFRAME, window)
        if covers(finer, window):
            execution = finer.validated()
            findings += source.findings(finer, window)
    bars = attach_inputs(strategy_class, bars, source)
    require_inputs(bars)
    for higher in bars.higher.values():
        if higher.bars.timeframe != timeframe:
            findings += source.findings(higher.bars.between(*window), window)
    funding = source.funding(symbol, through(window))
    inputs = source.fill_inputs(symbol, through(window))
    return SymbolHistory(bars, execution, funding, source.specification(symbol), findings, inputs)


def covers(bars: Bars, window: Window) -> bool:
    """Whether bars reach from the start of a window to its end with at most 1 % missing between."""
    if not len(bars) or bars.ts[0] > window.start_ms or bars.close_ts[-1] < window.end_ms:
        return False
    return len(bars) >= _LEAST_COVERAGE * (window.end_ms - window.start_ms) / bars.step_ms


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


def describe_window(bars: Bars, window: Window) -> str:
    """How many bars like these a whole window has, as part of a sentence."""
    count = (window.end_ms - window.start_ms) // bars.step_ms
    return (
        f"{count} from {from_ms(window.start_ms):%Y-%m-%d %H:%M} to {from_ms(window.end_ms):%Y-%m-%d %H:%M}"
    )


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
        """See ``HistorySource``."""
        with transaction(self._engine) as connection:
            newest = newest_bar_ms(connection, Series(self._exchange, symbol, timeframe))
        if newest is None:
            raise DataError(f"the database has no {timeframe} bars of {symbol}; expected ingested ones")
        return floor_ms(newest + MINUTE_MS, DAY_MS)

    def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
        """See ``HistorySource``."""
        return adjusted(self._read(symbol, timeframe, window), self._factors(symbol))

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
        self._load_inputs = lru_cache(maxsize=_SERIES_KEPT)(self._load_points)

    def last_midnight(self, symbol: str, timeframe: str) -> int:
        """See ``HistorySource``."""
        return floor_ms(int(self._load(symbol, timeframe)[0].close_ts[-1]), DAY_MS)

    def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
        """See ``HistorySource``."""
        if timeframe == EXECUTION_TIMEFRAME:
            return self.own_bars(symbol, timeframe, window.start_ms, window.end_ms)
        return self._proven(symbol, timeframe, window)

    def funding(self, symbol: str, window: Window) -> FundingSeries:
        """See ``HistorySource``."""
        series = archive.load_funding(self._folder, symbol, exchange=self._exchange)
        values = self._values(symbol)
        refuse(values.in_funding(series.ts, series.rate), f"funding of {symbol}", window)
        paid = adjusted_funding(series.between(*window), values.factors)
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

    def _load_points(self, symbol: str, name: str) -> tuple[KnownPoints, Found]:
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

    def _hours(self, symbol: str) -> Bars:
        if not archive.has_bars(self._folder, symbol, "1h", exchange=self._exchange):
            return empty_bars(symbol, "1h")
        return self._load(symbol, "1h")[0]


def _require_cover(bars: Bars, window: Window) -> None:
    if not covers(bars, window):
        raise DataError(
            f"{bars.symbol} {bars.timeframe}: bars are {describe(bars)}; "
            f"expected {describe_window(bars, window)}"
        )
