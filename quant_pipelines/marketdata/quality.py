"""Runs the quality checks over stored days and keeps the findings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.bars import COLUMNS, BarRows, Bars, bars_from_columns, empty_bars
from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.price_factors import adjusted
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, EXECUTION_TIMEFRAME, day_of, day_start_ms, from_ms
from quant_pipelines.marketdata.checks import (
    CHECKS,
    CROSSED_BOOK,
    FUNDING_RATE,
    MISSING_FUNDING,
    OFF_SLOT_FUNDING,
    OPEN_INTEREST,
    PRICE_SCALE,
    REVISED_BARS,
    ROLL_UP_MISMATCH,
    VOLUME_UNIT,
    Finding,
    check_funding,
    check_funding_rates,
    check_open_interest,
    check_price_scale,
    check_tops,
    check_volume_unit,
)
from quant_pipelines.marketdata.checks.revisions import finding_of
from quant_pipelines.marketdata.checks.series import Known, check_series
from quant_pipelines.marketdata.days import SymbolDays, spans, window_of
from quant_pipelines.marketdata.own_bars import OWN_TIMEFRAMES, OwnBars
from quant_pipelines.marketdata.rollup import RolledSeries
from quant_pipelines.store.bars import oldest_bar_ms, read_bar_rows, read_bars
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.findings import (
    AS_STORED,
    MISSING,
    read_confirmed,
    read_revisions,
    save_findings,
)
from quant_pipelines.store.market import read_funding, read_open_interest
from quant_pipelines.store.market_events import read_tops
from quant_pipelines.store.price_factors import read_factors

FUNDING_SERIES, BOOK_SERIES, INTEREST_SERIES = "funding", "book", "open_interest"
"""Stand in a finding's timeframe where payments, order books and open interest are meant."""

_FUNDING_CHECKS = (OFF_SLOT_FUNDING, MISSING_FUNDING, FUNDING_RATE)
_BAR_CHECKS = (
    *(name for name, check in CHECKS.items() if check.find),
    REVISED_BARS,
    VOLUME_UNIT,
    PRICE_SCALE,
)
_FUNDING_AROUND_MS = 7 * DAY_MS
_REVISIONS_SHOWN_MS = 7 * DAY_MS

Found = list[tuple[str, date, Finding]]
"""Symbol, UTC day and finding."""


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What one check run found.

    Parameters
    ----------
    findings
        Rows with symbol, day, check_name, severity, count and detail.
    bars
        Bars that were looked at.
    resolved
        Findings of earlier runs that are gone.
    """

    findings: list[dict[str, Any]]
    bars: int
    resolved: int

    def __add__(self, other: "QualityReport") -> "QualityReport":
        return QualityReport(
            self.findings + other.findings, self.bars + other.bars, self.resolved + other.resolved
        )


def check_days(
    engine: Engine, exchange: str, asked: SymbolDays, *, clock: Clock, own: OwnBars | None = None
) -> QualityReport:
    """Check the stored 1-minute bars, funding and books of these days; faults that are gone are resolved.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id.
    asked
        What to check.
    clock
        Tells which days are finished and which bars are closed.
    own
        The exchange's own bars of longer timeframes, where they are at hand: a spike that they know happened.
    """
    now, days = clock_time(clock), asked.days
    found: Found = []
    crossed: Found = []
    checked = 0
    for symbol in asked.symbols:
        witness = _hours(own, exchange, symbol)
        minutes, count = _check_bars(
            engine, Series(exchange, symbol, EXECUTION_TIMEFRAME), days, clock(), witness=witness
        )
        found += minutes
        checked += count
        crossed += _check_books(engine, exchange, symbol, days)
    scope = _scope(exchange, EXECUTION_TIMEFRAME, asked, now)
    report = _save(engine, scope | {"checks": _BAR_CHECKS}, found, checked)
    report += check_points(engine, exchange, asked, clock=clock)
    scope = _scope(exchange, BOOK_SERIES, asked, now)
    return report + _save(engine, scope | {"checks": (CROSSED_BOOK,)}, crossed, 0)


def check_points(engine: Engine, exchange: str, asked: SymbolDays, *, clock: Clock) -> QualityReport:
    """Check the stored funding and open interest of these days, whatever bars there are."""
    now = clock_time(clock)
    paid: Found = []
    held: Found = []
    for symbol in asked.symbols:
        paid += _check_funding(engine, exchange, symbol, asked.days)
        held += _check_interest(engine, exchange, symbol, asked.days)
    scope = _scope(exchange, FUNDING_SERIES, asked, now)
    report = _save(engine, scope | {"checks": _FUNDING_CHECKS}, paid, 0)
    scope = _scope(exchange, INTEREST_SERIES, asked, now)
    return report + _save(engine, scope | {"checks": (OPEN_INTEREST,)}, held, 0)


def check_roll_ups(
    engine: Engine, exchange: str, rolled: list[RolledSeries], days: Sequence[str], *, clock: Clock
) -> QualityReport:
    """Check the stored bars of the timeframes that the exchange was asked for, with what its bars differ in.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id.
    rolled
        What `roll_up_days` met.
    days
        UTC days for which the exchange was asked; without any, nothing is checked.
    clock
        Tells the time of the check.
    """
    report = QualityReport([], 0, 0)
    asked = {date.fromisoformat(day) for day in days}
    for timeframe in OWN_TIMEFRAMES if days else ():
        series = [one for one in rolled if one.timeframe == timeframe]
        symbols = sorted({one.symbol for one in series})
        found: Found = [
            (one.symbol, day, finding)
            for one in series
            for day, finding in one.mismatches.items()
            if day in asked
        ]
        checked = 0
        for symbol in symbols:
            new, count = _check_bars(engine, Series(exchange, symbol, timeframe), days, clock())
            found += new
            checked += count
        scope = _scope(exchange, timeframe, SymbolDays(symbols, days), clock_time(clock))
        report += _save(engine, scope | {"checks": (*_BAR_CHECKS, ROLL_UP_MISMATCH)}, found, checked)
    return report


def check_own_timeframes(
    engine: Engine,
    exchange: str,
    asked: SymbolDays,
    *,
    clock: Clock,
    timeframes: Sequence[str] = OWN_TIMEFRAMES,
) -> QualityReport:
    """Check the stored bars of longer timeframes by themselves, without asking the exchange."""
    report = QualityReport([], 0, 0)
    finished = [day for day in asked.days if day_start_ms(day) + DAY_MS <= clock()]
    for timeframe in timeframes if finished else ():
        found: Found = []
        checked = 0
        # A symbol without any such bars is not expected to have them.
        with transaction(engine) as connection:
            kept = [
                one
                for one in asked.symbols
                if oldest_bar_ms(connection, Series(exchange, one, timeframe)) is not None
            ]
        for symbol in kept:
            new, count = _check_bars(engine, Series(exchange, symbol, timeframe), finished, clock())
            found += new
            checked += count
        scope = _scope(exchange, timeframe, SymbolDays(asked.symbols, finished), clock_time(clock))
        report += _save(engine, scope | {"checks": _BAR_CHECKS}, found, checked)
    return report


def _check_bars(
    engine: Engine, series: Series, days: Sequence[str], now_ms: int, *, witness: Bars | None = None
) -> tuple[Found, int]:
    """Check one symbol and timeframe; findings, and how many bars were looked at."""
    with transaction(engine) as connection:
        first_ms = oldest_bar_ms(connection, series) or 0
    known = Known(
        first_ms=first_ms,
        missing=read_confirmed(engine, series, MISSING),
        confirmed=read_confirmed(engine, series, AS_STORED),
        witness=witness or empty_bars(series.symbol, "1h"),
    )
    factors = read_factors(engine, series.exchange, series.symbol)
    found: Found = []
    checked = 0
    for first, last in spans(days):
        window = window_of(first, last)
        rows = read_bar_rows(engine, series, Window(window.start_ms - DAY_MS, window.end_ms + DAY_MS))
        bars = adjusted(_bars_of(rows, series), factors)
        checked += len(bars.between(*window))
        checks = check_series(bars, window, now_ms=now_ms, known=known)
        values = check_volume_unit(bars, rows.quote_volume), check_price_scale(bars)
        found += [(series.symbol, day, finding) for day, finding in checks]
        found += _of_days(window, series.symbol, *values)
        found += _revised(engine, series, window, from_ms(now_ms - _REVISIONS_SHOWN_MS))
    return found, checked


def _revised(
    engine: Engine, series: Series, window: Window, since: datetime
) -> Iterator[tuple[str, date, Finding]]:
    by_day: dict[str, list[Any]] = {}
    for revision in read_revisions(engine, series, window, since):
        by_day.setdefault(day_of(revision.ts_ms), []).append(revision)
    for day, revisions in by_day.items():
        yield series.symbol, date.fromisoformat(day), finding_of(revisions)


def _check_funding(engine: Engine, exchange: str, symbol: str, days: Sequence[str]) -> Found:
    chosen = {date.fromisoformat(day) for day in days}
    found: Found = []
    for first, last in spans(days):
        start_ms, end_ms = window_of(first, last)
        around = Window(start_ms - _FUNDING_AROUND_MS, end_ms + _FUNDING_AROUND_MS)
        slots, rates, _ = read_funding(engine, exchange, symbol, around)
        found += _of_days(window_of(first, last), symbol, check_funding_rates(slots, rates))
        for day, findings in check_funding(slots).items():
            found += [(symbol, day, finding) for finding in findings if day in chosen]
    return found


def _check_interest(engine: Engine, exchange: str, symbol: str, days: Sequence[str]) -> Found:
    found: Found = []
    for first, last in spans(days):
        start_ms, end_ms = window_of(first, last)
        around = Window(start_ms - DAY_MS, end_ms + DAY_MS)
        times, held = read_open_interest(engine, exchange, symbol, around)
        if times.size:
            hours = read_bars(engine, Series(exchange, symbol, "1h"), around)
            found += _of_days(window_of(first, last), symbol, check_open_interest(times, held, hours))
    return found


def _of_days(window: Window, symbol: str, *findings: Mapping[date, Finding]) -> Found:
    """Keep the findings of the days that a window of whole days has."""
    return [
        (symbol, day, finding)
        for by_day in findings
        for day, finding in by_day.items()
        if window.days.first <= day <= window.days.last
    ]


def _check_books(engine: Engine, exchange: str, symbol: str, days: Sequence[str]) -> Found:
    found: Found = []
    for first, last in spans(days):
        tops = read_tops(engine, exchange, symbol, window_of(first, last))
        found += [(symbol, day, finding) for day, finding in check_tops(*tops).items()]
    return found


def _hours(own: OwnBars | None, exchange: str, symbol: str) -> Bars | None:
    rows = (own or OwnBars()).bars.get(symbol, {}).get("1h")
    if rows is None:
        return None
    return _bars_of(rows, Series(exchange, symbol, "1h"))


def _bars_of(rows: BarRows, series: Series) -> Bars:
    columns = {name: getattr(rows, name) for name in ("ts", *COLUMNS)}
    return bars_from_columns(series.symbol, series.timeframe, columns)


def _scope(exchange: str, timeframe: str, asked: SymbolDays, at: datetime) -> dict[str, Any]:
    return {
        "exchange": exchange,
        "symbols": asked.symbols,
        "timeframe": timeframe,
        "days": [date.fromisoformat(day) for day in asked.days],
        "at": at,
    }


def _save(engine: Engine, scope: dict[str, Any], found: Found, checked: int) -> QualityReport:
    rows = [{"symbol": symbol, "day": day} | finding.to_row() for symbol, day, finding in found]
    return QualityReport(rows, checked, save_findings(engine, scope, rows))
