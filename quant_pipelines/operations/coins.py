"""An operator enables a hot coin: from the universe, which is scanned, to the whitelist, which is traded."""

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError, unknown_name
from quant_pipelines.core.symbols import MALFORMED, UNKNOWN, require_symbol, unsupported
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.store import audit
from quant_pipelines.store.deployments import newest_instrument
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.market import add_to_whitelist, read_hotlist, read_universe


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
        never scored, has no stored specification, or is on the whitelist already.
    """
    known = read_universe(engine, exchange)
    fault = unsupported(symbol)
    if fault and fault.kind not in (MALFORMED, UNKNOWN):
        require_symbol(symbol)
    if symbol not in known:
        raise LifecycleError(_not_scanned(engine, exchange, symbol, known))
    scan = next((row for row in read_hotlist(engine, exchange) if row["symbol"] == symbol), None)
    if scan is None:
        raise LifecycleError(
            f"{symbol} is not in the newest scan; expected a hot score before it is approved"
        )
    added = {"added_at": clock_time(clock), "added_by": signature.operator, "reason": signature.reason}
    with transaction(engine) as connection:
        if newest_instrument(connection, exchange, symbol) is None:
            raise LifecycleError(f"no specification of {symbol} is stored; expected one before it is traded")
        if not add_to_whitelist(connection, exchange, symbol, added):
            raise LifecycleError(f"{symbol} is on the whitelist already; expected one that is not")
        detail = {"reason": signature.reason, "score": scan["score"], "rank": scan["rank"]}
        subject = f"symbol:{symbol}"
        audit_id = audit.append(connection, signature.operator, "coin.approved", subject, detail)
    summary = f"{symbol} is on the whitelist; its history, then its first search follow by themselves"
    return Receipt("coin.approved", subject, summary, audit_id)


def _not_scanned(engine: Engine, exchange: str, symbol: str, known: list[str]) -> str:
    with transaction(engine) as connection:
        is_listed = newest_instrument(connection, exchange, symbol) is not None
    if is_listed:
        return f"{symbol} is listed at {exchange} but was never scored; expected a symbol of the universe"
    return unknown_name("symbol of the universe", symbol, known)
