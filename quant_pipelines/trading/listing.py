"""When a contract's state stops a deployment: it ends soon, takes no orders, or is of no kind traded here."""

from quant_pipelines.core.contract_state import ContractState
from quant_pipelines.core.timeframes import HOUR_MS, from_ms
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.funds import MARGIN_ASSET

_ENDING = frozenset(
    {"PRE_SETTLE", "SETTLING", "PRE_DELIVERING", "DELIVERING", "DELIVERED", "CLOSE", "CLOSED"}
)
"""Words of exchanges for a contract that comes to its end."""


def listing_trip(symbol: str, state: ContractState | None, now_ms: int, hours: float) -> Trip | None:
    """Return what the breaker is told of a contract; None of one that trades on.

    Parameters
    ----------
    symbol
        ccxt form.
    state
        What its exchange says; None if it is not listed.
    now_ms
        The exchange's time, milliseconds UTC.
    hours
        How long before its end nothing is held in it.

    Examples
    --------
    >>> usual = ContractState("BTC/USDT:USDT", "TRADING", True, "USDT", True, None)
    >>> listing_trip(usual.symbol, usual, now_ms=0, hours=24.0) is None
    True
    >>> ending = usual._replace(ends_at_ms=30 * HOUR_MS)
    >>> listing_trip(usual.symbol, ending, now_ms=0, hours=24.0) is None
    True
    >>> listing_trip(usual.symbol, ending, now_ms=6 * HOUR_MS, hours=24.0).reason
    'BTC/USDT:USDT is delisted: its exchange settles it at 1970-01-02 06:00 UTC'
    """
    if state is not None and (end := _end_of(state, now_ms, hours)):
        return Trip("delisting", f"{symbol} is delisted: {end}")
    fault = _fault_of(state)
    return Trip("not_tradable", f"{symbol} {fault}") if fault else None


def _end_of(state: ContractState, now_ms: int, hours: float) -> str:
    """How a contract ends, as a clause; empty of one that goes on."""
    if state.ends_at_ms is not None and now_ms >= state.ends_at_ms - hours * HOUR_MS:
        return f"its exchange settles it at {from_ms(state.ends_at_ms):%Y-%m-%d %H:%M} UTC"
    return f"its status is {state.word}" if state.word.upper() in _ENDING else ""


def _fault_of(state: ContractState | None) -> str:
    """Why a contract can't be traded here, behind its name; empty of one that can."""
    if state is None:
        return "is not listed by its exchange; expected a contract that trades"
    if state.margin_asset != MARGIN_ASSET:
        return f"has margin asset {state.margin_asset}; expected {MARGIN_ASSET}"
    if not state.is_perpetual:
        return "is a dated contract; expected a perpetual one"
    return "" if state.is_trading else f"has status {state.word}; expected TRADING"
