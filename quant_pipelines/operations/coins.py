"""An operator enables a hot coin: from the universe, which is scanned, to the whitelist, which is traded."""

import math

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time, utc_now
from quant_pipelines.core.errors import ConfigurationError, LifecycleError, unknown_name
from quant_pipelines.core.symbols import MALFORMED, UNKNOWN, require_symbol, unsupported
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.store import audit
from quant_pipelines.store.deployments import newest_instrument
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.hot import newest_exclusions, record_supply
from quant_pipelines.store.market import add_to_whitelist, read_hotlist, read_universe
from quant_pipelines.store.whitelist import off_the_list


def approve_coin(
    engine: Engine, exchange: str, signature: Signature, *, symbol: str, clock: Clock
) -> Receipt:
    """Put a symbol on the whitelist; a sensor brings its history and then asks for its first search.

    Raises
    ------
    ConfigurationError
        If the symbol is an inverse or dated contract, or else nothing that is traded.
    LifecycleError
        If the symbol is not in the universe (the nearest one is suggested, unless the exchange lists it), was
        never scored, was left out by a filter, has no stored specification, or is on the whitelist already.
    """
    known = read_universe(engine, exchange)
    fault = unsupported(symbol)
    if fault and fault.kind not in (MALFORMED, UNKNOWN):
        require_symbol(symbol)
    if symbol not in known:
        raise LifecycleError(_not_scanned(engine, exchange, symbol, known))
    scan = next((row for row in read_hotlist(engine, exchange) if row["symbol"] == symbol), None)
    if scan is None:
        raise LifecycleError(_not_scored(engine, exchange, symbol))
    added = {"added_at": clock_time(clock), "added_by": signature.operator, "reason": signature.reason}
    with transaction(engine) as connection:
        if newest_instrument(connection, exchange, symbol) is None:
            raise LifecycleError(f"no specification of {symbol} is stored; expected one before it is traded")
        if not add_to_whitelist(connection, exchange, symbol, added):
            is_leaving = bool(off_the_list(connection, exchange, [symbol]))
            where = "leaving the whitelist" if is_leaving else "on the whitelist already"
            raise LifecycleError(f"{symbol} is {where}; expected one that is not")
        detail = {"reason": signature.reason, "score": scan["score"], "rank": scan["rank"]}
        subject = f"symbol:{symbol}"
        audit_id = audit.append(connection, signature.operator, "coin.approved", subject, detail)
    summary = f"{symbol} is on the whitelist; its history, then its first search follow by themselves"
    return Receipt("coin.approved", subject, summary, audit_id)


def record_coin_supply(
    engine: Engine, exchange: str, signature: Signature, *, symbol: str, supply: float
) -> Receipt:
    """Record how many coins circulate, from now on: with the price it is the market cap of the hot score.

    The reason names where the number is from.

    Raises
    ------
    LifecycleError
        If the symbol is not in the universe.
    ConfigurationError
        If the supply is no number above 0.
    """
    known = read_universe(engine, exchange)
    if symbol not in known:
        raise LifecycleError(_not_scanned(engine, exchange, symbol, known))
    if not 0.0 < supply < math.inf:
        raise ConfigurationError(f"supply of {symbol} is {supply:g}; expected base units above 0")
    shared = {"exchange": exchange, "symbol": symbol, "supply": supply}
    said = {"source": signature.reason, "recorded_by": signature.operator, "recorded_at": utc_now()}
    with transaction(engine) as connection:
        record_supply(connection, shared | said)
        subject, detail = f"symbol:{symbol}", {"reason": signature.reason, "supply": supply}
        audit_id = audit.append(connection, signature.operator, "coin.supply", subject, detail)
    summary = f"{supply:,.0f} of {symbol} circulate, from the next scan on"
    return Receipt("coin.supply", subject, summary, audit_id)


def _not_scored(engine: Engine, exchange: str, symbol: str) -> str:
    faults = [one.sentence for one in newest_exclusions(engine, exchange) if one.symbol == symbol]
    told = f"left out of the newest scan: {'; '.join(faults)}" if faults else "not in the newest scan"
    return f"{symbol} is {told}; expected a hot score before it is approved"


def _not_scanned(engine: Engine, exchange: str, symbol: str, known: list[str]) -> str:
    with transaction(engine) as connection:
        is_listed = newest_instrument(connection, exchange, symbol) is not None
    if is_listed:
        return f"{symbol} is listed at {exchange} but was never scored; expected a symbol of the universe"
    return unknown_name("symbol of the universe", symbol, known)
