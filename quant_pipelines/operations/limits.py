"""An operator sets a limit of the account, a deployment or a strategy; the runner follows within seconds."""

from decimal import Decimal

from sqlalchemy import Connection, Engine

from quant_pipelines.core.bounds import ROW_ID
from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError, unknown_name
from quant_pipelines.core.limits import LIMITS
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.store import audit
from quant_pipelines.store.deployments import (
    STRATEGY_SCOPE,
    announce_deployments,
    has_strategy,
)
from quant_pipelines.store.deployments import set_limit as store_limit
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.stages import read_stage

ACCOUNT = "account"


def set_limit(
    engine: Engine, signature: Signature, scope: str, limit: str, value: float, *, clock: Clock
) -> Receipt:
    """Set one limit; of all limits that apply, the tightest wins.

    Parameters
    ----------
    engine
        Product database.
    signature
        Who, and why.
    scope
        ``account``, ``deployment:<id>``, or ``strategy:<name>``: a quota of each deployment of a strategy.
    limit
        Its name, as in ``LIMITS``.
    value
        New value in the unit of the limit.
    clock
        Time of the decision.

    Raises
    ------
    LifecycleError
        If the scope or the name is unknown, or the value lies outside of the setting's range.
    """
    if limit not in LIMITS:
        raise LifecycleError(unknown_name("limit", limit, LIMITS))
    fault = LIMITS[limit].metadata["bounds"].fault(limit, float(value))
    if fault:
        raise LifecycleError(fault)
    row = {"scope": scope, "name": limit, "value": Decimal(repr(float(value)))}
    with transaction(engine) as connection:
        _require_limit_scope(connection, scope)
        now = clock_time(clock)
        before = store_limit(connection, {**row, "updated_at": now, "updated_by": signature.operator})
        detail = {"reason": signature.reason, "name": limit, "before": before, "after": row["value"]}
        audit_id = audit.append(connection, signature.operator, "limit.set", scope, detail)
        announce_deployments(connection)
    was = "not set" if before is None else f"{before.normalize():f}"
    return Receipt("limit.set", scope, f"{limit} of {scope} is {value:g}; it was {was}", audit_id)


def require_scope(connection: Connection, scope: str) -> None:
    """Prove that a scope is the account or an existing deployment.

    Raises
    ------
    LifecycleError
        If it is neither.
    """
    if scope == ACCOUNT:
        return
    kind, _, number = scope.partition(":")
    is_number = number.isascii() and number.isdigit()
    if kind != "deployment" or not is_number or ROW_ID.fault("id", int(number[:20])):
        raise LifecycleError(f"scope is {scope!r}; expected account or deployment:<id>")
    if read_stage(connection, int(number)) is None:
        raise LifecycleError(f"{scope} does not exist; expected the id of a deployment")


def _require_limit_scope(connection: Connection, scope: str) -> None:
    if not scope.startswith(STRATEGY_SCOPE):
        require_scope(connection, scope)
    elif not has_strategy(connection, scope.removeprefix(STRATEGY_SCOPE)):
        raise LifecycleError(f"{scope} does not exist; expected the name of a strategy that is stored")
