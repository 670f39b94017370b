"""Runs the quality checks over stored days and keeps the findings."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.bars import Bars
from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.timeframes import DAY_MS, day_of, day_start_ms
from quant_pipelines.marketdata.days import spans
from quant_pipelines.marketdata.own_bars import OWN_TIMEFRAMES
from quant_pipelines.marketdata.quality import check_day
from quant_pipelines.marketdata.rollup import RolledSeries
from quant_pipelines.store.bars import oldest_bar_ms, read_bars
from quant_pipelines.store.market import save_findings


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


def check_days(
    engine: Engine, exchange: str, symbols: list[str], days: list[str], *, clock: Clock
) -> QualityReport:
    """Check the stored 1-minute bars of these UTC days; faults that are gone are resolved.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id.
    symbols, days
        What to check; days as ``YYYY-MM-DD``.
    clock
        Tells which days are finished and which bars are closed.
    """
    findings: list[dict[str, Any]] = []
    checked = 0
    for symbol in symbols:
        found, count = _check_series(engine, exchange, (symbol, "1m"), days, clock())
        findings += found
        checked += count
    scope = _scope(exchange, symbols, "1m", days, clock)
    return QualityReport(findings, checked, save_findings(engine, scope, findings))


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
    for timeframe in OWN_TIMEFRAMES if days else ():
        series = [one for one in rolled if one.timeframe == timeframe]
        symbols = sorted({one.symbol for one in series})
        findings: list[dict[str, Any]] = [
            {"symbol": one.symbol, "day": day, **asdict(finding)}
            for one in series
            for day, finding in one.mismatches.items()
        ]
        checked = 0
        for symbol in symbols:
            found, count = _check_series(engine, exchange, (symbol, timeframe), days, clock())
            findings += found
            checked += count
        resolved = save_findings(engine, _scope(exchange, symbols, timeframe, days, clock), findings)
        report = QualityReport(report.findings + findings, report.bars + checked, report.resolved + resolved)
    return report


def _check_series(
    engine: Engine, exchange: str, series: tuple[str, str], days: Sequence[str], now_ms: int
) -> tuple[list[dict[str, Any]], int]:
    """Check one symbol and timeframe; findings, and how many bars were looked at."""
    first_ms = oldest_bar_ms(engine, exchange, *series) or 0
    findings: list[dict[str, Any]] = []
    checked = 0
    for first, last in spans(days):
        end_ms = day_start_ms(last) + DAY_MS
        bars = read_bars(engine, exchange, *series, day_start_ms(first), end_ms)
        checked += len(bars)
        findings += _find(bars, range(day_start_ms(first), end_ms, DAY_MS), first_ms, now_ms)
    return findings, checked


def _scope(
    exchange: str, symbols: Sequence[str], timeframe: str, days: Sequence[str], clock: Clock
) -> dict[str, Any]:
    return {
        "exchange": exchange,
        "symbols": symbols,
        "timeframe": timeframe,
        "days": [date.fromisoformat(day) for day in days],
        "at": clock_time(clock),
    }


def _find(bars: Bars, day_starts: range, first_ms: int, now_ms: int) -> list[dict[str, Any]]:
    found = []
    for start_ms in day_starts:
        day = bars.between(start_ms, start_ms + DAY_MS)
        labels = {"symbol": bars.symbol, "day": date.fromisoformat(day_of(start_ms))}
        findings = check_day(day, start_ms, first_ms=first_ms, now_ms=now_ms)
        found += [labels | asdict(finding) for finding in findings]
    return found
