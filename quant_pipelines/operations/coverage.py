"""What market data are stored, and what is wrong with them."""

from typing import Any

from sqlalchemy import Engine, func, select

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import DataError, unknown_name
from quant_pipelines.core.timeframes import timeframe_ms, to_ms
from quant_pipelines.marketdata.checks import check_days
from quant_pipelines.marketdata.days import days_between
from quant_pipelines.store.bars import newest_bar_ms, oldest_bar_ms
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.market import open_findings, read_universe, read_whitelist
from quant_pipelines.store.tables import bars


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
        ``symbol``, ``timeframe``, ``first``, ``last`` (open times), ``bars`` and ``missing`` between the two.

    Raises
    ------
    DataError
        If a symbol is neither scanned nor traded (the nearest one is suggested).
    """
    _require_known(symbols, _followed(engine, exchange))
    query = (
        select(
            bars.c.symbol,
            bars.c.timeframe,
            func.min(bars.c.ts).label("first"),
            func.max(bars.c.ts).label("last"),
            func.count().label("bars"),
        )
        .where(bars.c.exchange == exchange)
        .group_by(bars.c.symbol, bars.c.timeframe)
    )
    if symbols:
        query = query.where(bars.c.symbol.in_(symbols))
    with transaction(engine) as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        span_ms = to_ms(row["last"]) - to_ms(row["first"])
        row["missing"] = span_ms // timeframe_ms(row["timeframe"]) + 1 - row["bars"]
    return sorted(rows, key=lambda row: (row["symbol"], timeframe_ms(row["timeframe"])))


def check_stored(engine: Engine, exchange: str, symbols: list[str], clock: Clock) -> dict[str, Any]:
    """Check all stored 1-minute bars again; findings are stored, and faults that are gone are resolved.

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
    read, resolved = 0, 0
    for symbol in chosen:
        first = oldest_bar_ms(engine, exchange, symbol, "1m")
        last = newest_bar_ms(engine, exchange, symbol, "1m")
        if first is None or last is None:
            continue
        report = check_days(engine, exchange, [symbol], days_between(first, last), clock=clock)
        read, resolved = read + report.bars, resolved + report.resolved
    names = ("symbol", "timeframe", "day", "check_name", "severity", "count")
    standing = [row for row in open_findings(engine, exchange) if row["symbol"] in chosen]
    return {
        "bars": read,
        "resolved": resolved,
        "findings": [{name: row[name] for name in names} for row in standing],
    }


def _followed(engine: Engine, exchange: str) -> list[str]:
    return sorted({*read_universe(engine, exchange), *read_whitelist(engine, exchange)})


def _require_known(symbols: list[str], known: list[str]) -> None:
    for symbol in symbols:
        if symbol not in known:
            raise DataError(unknown_name("symbol of the universe or the whitelist", symbol, known))
