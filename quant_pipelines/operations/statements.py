"""What an operator says of market data: odd values are right, a price's scale changed by a factor."""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import system_clock_ms, utc_now
from quant_pipelines.core.errors import DataError, unknown_name
from quant_pipelines.core.price_factors import PriceFactor, require_factors
from quant_pipelines.core.symbols import require_symbol
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.marketdata.checks import VALUE_CHECKS
from quant_pipelines.marketdata.price_scales import recheck_scales
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.store import audit
from quant_pipelines.store.deployments import announce_deployments
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.findings import accept_findings
from quant_pipelines.store.price_factors import remove_factor, save_factor

_TAKES_BACK = 1.0


class ScaleChange(NamedTuple):
    """From when on a price is which multiple of what it was."""

    at: datetime
    factor: float

    @property
    def is_taken_back(self) -> bool:
        """Whether it removes what was recorded for its time."""
        return self.factor == _TAKES_BACK


def record_factor(
    engine: Engine, exchange: str, signature: Signature, *, symbol: str, change: str
) -> Receipt:
    """Record a redenomination or split: all history before it is read in the new scale from now on.

    Parameters
    ----------
    engine, exchange, signature
        Product database, ccxt id, who and why.
    symbol
        ccxt form.
    change
        ``TIME=FACTOR``, see `scale_change`.

    Raises
    ------
    DataError
        If the change is malformed or to come, or there is none to take back.
    ConfigurationError
        If the symbol can't be traded, or the factor is not above 0, or no number.
    """
    require_symbol(symbol, exchange)
    given = scale_change(change)
    with transaction(engine) as connection:
        before = _stored(connection, {"exchange": exchange, "symbol": symbol}, given, signature)
        detail = {
            "reason": signature.reason,
            "from": given.at.isoformat(),
            "before": before,
            "after": given.factor,
        }
        subject = f"symbol:{symbol}"
        audit_id = audit.append(connection, signature.operator, "data.factor", subject, detail)
        announce_deployments(connection)  # a runner at work reads its history again
    # Its own transaction: what was said stands, whatever becomes of the look at it.
    recheck_scales(engine, exchange, symbol, system_clock_ms, days=[given.at.date()])
    scale = "its own" if given.is_taken_back else "the new"
    summary = f"history of {symbol} before {given.at:%Y-%m-%d %H:%M} is read in {scale} scale"
    return Receipt("data.factor", subject, summary, audit_id)


def accept_values(engine: Engine, exchange: str, signature: Signature, *, symbol: str, check: str) -> Receipt:
    """Take the odd values of a symbol for right, as far as one check has found them: they block no more.

    Raises
    ------
    DataError
        If there is no such check, or nothing of it blocks.
    """
    require_symbol(symbol, exchange)
    require_value_check(check)
    with transaction(engine) as connection:
        count = accept_findings(connection, exchange, symbol, check, utc_now())
        if not count:
            raise DataError(f"no {check} of {symbol} blocks; expected one that quant data check has found")
        subject = f"symbol:{symbol}"
        detail = {"reason": signature.reason, "check": check, "findings": count}
        audit_id = audit.append(connection, signature.operator, "data.accepted", subject, detail)
    return Receipt("data.accepted", subject, f"{count} x {check} of {symbol} block no more", audit_id)


def require_value_check(check: str) -> str:
    """Prove that a check is one whose findings a person may accept.

    Raises
    ------
    DataError
        If it is none; the nearest one is suggested.
    """
    if check not in VALUE_CHECKS:
        raise DataError(unknown_name("check of values", check, VALUE_CHECKS))
    return check


def scale_change(text: str) -> ScaleChange:
    """Read ``TIME=FACTOR``.

    Parameters
    ----------
    text
        Open time of the first bar of the new scale (ISO 8601, UTC without a zone), and new price by old one.

    Raises
    ------
    DataError
        If it is malformed, or the time is no minute's start.
    ConfigurationError
        If the factor is not above 0.

    Examples
    --------
    >>> scale_change("2024-01-31T12:00=1000").factor
    1000.0
    """
    time, _, factor = text.partition("=")
    try:
        moment = datetime.fromisoformat(time.strip())
        change = ScaleChange(moment if moment.tzinfo else moment.replace(tzinfo=UTC), float(factor))
    except ValueError as error:
        raise DataError(f"change is {text!r}; expected TIME=FACTOR such as 2024-01-31T12:00=1000") from error
    if to_ms(change.at) % MINUTE_MS:
        raise DataError(f"change is {text!r}; expected the start of a minute")
    if not change.is_taken_back:
        require_factors([PriceFactor(to_ms(change.at), change.factor)])
    return change


def _stored(
    connection: Connection, key: dict[str, str], change: ScaleChange, signature: Signature
) -> float | None:
    """Store or take back a factor, and return the one before."""
    now = utc_now()
    if change.at > now:
        raise DataError(f"change is at {change.at:%Y-%m-%d %H:%M}; expected a time that is over")
    if change.is_taken_back:
        before = remove_factor(connection, key["exchange"], key["symbol"], change.at)
        if before is None:
            raise DataError(f"{key['symbol']} has no factor at {change.at:%Y-%m-%d %H:%M} to take back")
        return before
    row = {"ts": change.at, "factor": change.factor, "recorded_at": now, "recorded_by": signature.operator}
    return save_factor(connection, key | row)
