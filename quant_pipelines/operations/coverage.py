"""What market data are stored, and what is wrong with them."""

from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import DataError, unknown_name
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import timeframe_ms, to_ms
from quant_pipelines.marketdata.days import SymbolDays, days_between
from quant_pipelines.marketdata.quality import QualityReport, check_days, check_own_timeframes
from quant_pipelines.store.bars import newest_bar_ms, oldest_bar_ms, stored_spans
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.findings import MISSING, open_findings, read_confirmed
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
        If a symbol is neither scanned nor traded (the nearest one is suggested).
    """
    _require_known(symbols, _followed(engine, exchange))
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
        Which symbols; empty means all that are scanned or traded.
    clock
        Tells which bars are closed.

    Returns
    -------
    dict
        ``bars`` that were read, ``resolved`` findings, and the ``findings`` that stand.

    Raises
    ------
    DataError
        If a symbol is neither scanned nor traded (the nearest one is suggested).
    """
    known = _followed(engine, exchange)
    _require_known(symbols, known)
    chosen = symbols or known
    total = QualityReport([], 0, 0)
    for symbol in chosen:
        for timeframe, check in (("1m", check_days), ("1h", check_own_timeframes)):
            with transaction(engine) as connection:
                first = oldest_bar_ms(connection, Series(exchange, symbol, timeframe))
                last = newest_bar_ms(connection, Series(exchange, symbol, timeframe))
            if first is not None and last is not None:
                total += check(engine, exchange, SymbolDays([symbol], days_between(first, last)), clock=clock)
    names = ("symbol", "timeframe", "day", "check_name", "severity", "count", "detail")
    return {
        "bars": total.bars,
        "resolved": total.resolved,
        "findings": [
            {name: row[name] for name in names} for row in open_findings(engine, exchange, symbols=chosen)
        ],
    }


def _followed(engine: Engine, exchange: str) -> list[str]:
    return sorted({*read_universe(engine, exchange), *read_whitelist(engine, exchange)})


def _require_known(symbols: list[str], known: list[str]) -> None:
    for symbol in symbols:
        if symbol not in known:
            raise DataError(unknown_name("symbol of the universe or the whitelist", symbol, known))
