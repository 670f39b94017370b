"""What market data are stored, and what is wrong with them."""

from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import DataError, unknown_name
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import EXECUTION_TIMEFRAME, TIMEFRAMES, timeframe_ms, to_ms
from quant_pipelines.marketdata.days import SymbolDays, days_between
from quant_pipelines.marketdata.own_bars import OWN_TIMEFRAMES
from quant_pipelines.marketdata.quality import QualityReport, check_days, check_own_timeframes, check_points
from quant_pipelines.store.bars import newest_bar_ms, oldest_bar_ms, stored_spans
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.findings import MISSING, open_findings, read_confirmed
from quant_pipelines.store.imported import read_imported
from quant_pipelines.store.market import read_universe, read_whitelist


def bar_coverage(engine: Engine, exchange: str, symbols: list[str]) -> list[dict[str, Any]]:
    """Count the stored bars of each symbol and timeframe, with their first and last one and what is missing.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id.
    symbols
        Which symbols; empty means all that have bars.

    Returns
    -------
    list of dict
        ``symbol``, ``timeframe``, ``first``, ``last`` (open times), ``bars``, ``missing`` between the two,
        and how many of these ``never_existed`` at the exchange.

    Raises
    ------
    DataError
        If a symbol is neither scanned nor traded nor imported (the nearest one is suggested).
    """
    _require_known(symbols, _known(engine, exchange))
    rows = stored_spans(engine, exchange, symbols)
    for row in rows:
        span_ms = to_ms(row["last"]) - to_ms(row["first"])
        row["missing"] = span_ms // timeframe_ms(row["timeframe"]) + 1 - row["bars"]
        row["never_existed"] = int(
            read_confirmed(engine, Series(exchange, row["symbol"], row["timeframe"]), MISSING).size
        )
    return sorted(rows, key=lambda row: (row["symbol"], timeframe_ms(row["timeframe"])))


def check_stored(engine: Engine, exchange: str, symbols: list[str], clock: Clock) -> dict[str, Any]:
    """Check all stored bars and funding again; findings are stored, and faults that are gone are resolved.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id.
    symbols
        Which symbols; empty means all that are scanned, traded or imported.
    clock
        Tells which bars are closed.

    Returns
    -------
    dict
        ``bars`` that were read, ``resolved`` findings, and the ``findings`` that stand.

    Raises
    ------
    DataError
        If a symbol is neither scanned nor traded nor imported (the nearest one is suggested).
    """
    known = _known(engine, exchange)
    _require_known(symbols, known)
    chosen = symbols or known
    total = QualityReport([], 0, 0)
    for symbol in chosen:
        total += _check_symbol(engine, exchange, symbol, clock)
    names = ("symbol", "timeframe", "day", "check_name", "severity", "count", "detail")
    return {
        "bars": total.bars,
        "resolved": total.resolved,
        "findings": [
            {name: row[name] for name in names} for row in open_findings(engine, exchange, symbols=chosen)
        ],
    }


def _check_symbol(engine: Engine, exchange: str, symbol: str, clock: Clock) -> QualityReport:
    with transaction(engine) as connection:
        edges = {
            timeframe: (
                oldest_bar_ms(connection, Series(exchange, symbol, timeframe)),
                newest_bar_ms(connection, Series(exchange, symbol, timeframe)),
            )
            for timeframe in TIMEFRAMES
        }
    stored = {name: Window(first, last) for name, (first, last) in edges.items() if first and last}
    report = QualityReport([], 0, 0)
    if EXECUTION_TIMEFRAME in stored:
        report += check_days(engine, exchange, _days_of(symbol, stored[EXECUTION_TIMEFRAME]), clock=clock)
    # Shorter ones beside minutes were rolled up of them; without minutes they were brought in themselves.
    alone = OWN_TIMEFRAMES if EXECUTION_TIMEFRAME in stored else tuple(TIMEFRAMES)
    spans = [stored[timeframe] for timeframe in alone if timeframe in stored]
    if spans:
        whole = Window(min(span.start_ms for span in spans), max(span.end_ms for span in spans))
        days = _days_of(symbol, whole)
        report += check_own_timeframes(engine, exchange, days, clock=clock, timeframes=alone)
    if EXECUTION_TIMEFRAME not in stored:
        report += _check_imported_points(engine, exchange, symbol, clock)
    return report


def _check_imported_points(engine: Engine, exchange: str, symbol: str, clock: Clock) -> QualityReport:
    """Funding and open interest that came without minutes, on the days of their files."""
    report = QualityReport([], 0, 0)
    for file in read_imported(engine, exchange, [symbol]):
        if file["kind"] != "bars":
            days = _days_of(symbol, Window(to_ms(file["first"]), to_ms(file["last"])))
            report += check_points(engine, exchange, days, clock=clock)
    return report


def _days_of(symbol: str, window: Window) -> SymbolDays:
    return SymbolDays([symbol], days_between(window.start_ms, window.end_ms))


def _known(engine: Engine, exchange: str) -> list[str]:
    followed = {*read_universe(engine, exchange), *read_whitelist(engine, exchange)}
    return sorted(followed | {row["symbol"] for row in read_imported(engine, exchange)})


def _require_known(symbols: list[str], known: list[str]) -> None:
    for symbol in symbols:
        if symbol not in known:
            raise DataError(unknown_name("symbol of the universe, the whitelist or an import", symbol, known))
