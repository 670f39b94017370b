"""An operator sets a limit of the account, a deployment or a strategy; the runner follows within seconds."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from quant_pipelines.core.account_limits import COUNTS, EVERY_LIMIT, meant_bounds
from quant_pipelines.core.bounds import ROW_ID
from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError, UnknownRow, unknown_name
from quant_pipelines.core.limits import LIMITS
from quant_pipelines.operations.proposals import expire
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.operations.voided import clause_of, detail_of
from quant_pipelines.store import approvals, audit
from quant_pipelines.store.deployments import (
    STRATEGY_SCOPE,
    announce_deployments,
    has_account,
    limits_in_force,
    strategy_names,
)
from quant_pipelines.store.deployments import set_limit as store_limit
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.stages import read_stage

ACCOUNT = "account"


class _Change(NamedTuple):
    """A limit that is to be set: where, which, to what, until when, by whom, and what holds now.

    ``before`` is the value in force, ``lasting`` the one that holds once that has expired.
    """

    scope: str
    limit: str
    value: Decimal
    expires_at: datetime | None
    signature: Signature
    before: Decimal | None
    lasting: Decimal | None

    @property
    def subject(self) -> str:
        """What is approved, as approvals name it."""
        return f"limit:{self.scope}:{self.limit}"

    @property
    def target(self) -> str:
        """Where it leads, as approvals name it."""
        until = f" until {self.expires_at.isoformat()}" if self.expires_at else ""
        return f"{self.value.normalize():f}{until}"

    @property
    def was(self) -> str:
        """Value before it, in words."""
        return "not set" if self.before is None else f"{self.before.normalize():f}"

    @property
    def is_loosening(self) -> bool:
        """Whether more is allowed than now, or than what holds once that has expired.

        Else who has a loosening for an hour would make it one for ever.
        """
        given = [value for value in (self.before, self.lasting) if value is not None]
        return any(not self.value <= value for value in given)


def set_limit(  # noqa: PLR0913 - a field of the verb each
    engine: Engine,
    signature: Signature,
    scope: str,
    limit: str,
    value: float,
    *,
    expires: str = "",
    clock: Clock,
) -> Receipt:
    """Set one limit; of all limits that apply, the tightest wins.

    One person may tighten a limit. One that is loosened is proposed by the first and set by the second.

    Parameters
    ----------
    engine
        Product database.
    signature
        Who, and why.
    scope
        ``account``, ``deployment:<id>``, or ``strategy:<name>``: a quota of each deployment of a strategy.
    limit
        Its name, as in ``EVERY_LIMIT``.
    value
        New value in the unit of the limit.
    expires
        ISO 8601 time (UTC) from which the value before it holds again; empty: never.
    clock
        Time of the decision.

    Raises
    ------
    LifecycleError
        If the scope or the name is unknown, the value is 0 or lies outside of the setting's range, the expiry
        is past, or the person who proposed it wants to approve it too.
    """
    fault = limit_fault(scope, limit, float(value))
    if fault:
        raise LifecycleError(fault)
    now = clock_time(clock)
    expires_at = _expiry(expires, now)
    with transaction(engine) as connection:
        _require_limit_scope(connection, scope)
        expire(connection, now)
        held = limits_in_force(connection, scope, limit)
        change = _Change(scope, limit, Decimal(repr(float(value))), expires_at, signature, *held)
        proposal = approvals.open_proposal(connection, change.subject, change.target)
        if change.is_loosening and proposal is None:
            return _propose(connection, change, now)
        if change.is_loosening and proposal is not None:
            if proposal.proposer.casefold() == signature.operator.casefold():
                wanted = f"{proposal.proposer} proposed {limit} {change.target} for {scope}"
                raise LifecycleError(f"{wanted}; expected a different operator")
            approvals.approve(connection, proposal.id, signature.operator, now)
        return _set(connection, change, proposal.proposer if proposal else None, now)


def limit_fault(scope: str, limit: str, value: float) -> str:
    """Why a limit can't be set, in one sentence; empty if it can.

    Examples
    --------
    >>> limit_fault("account", "max_leverage", 0.0)
    'max_leverage is 0; expected a value in [1e-09, 125]; to let a scope add nothing, halt it'
    >>> limit_fault("deployment:3", "max_net_notional", 5.0)
    "max_net_notional is of a whole account; expected the scope 'account', not 'deployment:3'"
    >>> limit_fault("account", "max_orders_per_minute", 2.5)
    'max_orders_per_minute is 2.5; expected a whole number of orders'
    >>> limit_fault("account", "max_leverage", 1e-320)
    'max_leverage is 9.99989e-321; expected a value in [1e-09, 125]'
    """
    if limit not in EVERY_LIMIT:
        return unknown_name("limit", limit, EVERY_LIMIT)
    if scope.startswith(f"{ACCOUNT}:"):
        return f"scope is {scope!r}; expected {ACCOUNT!r}: its limits hold for each account on its own"
    if limit not in LIMITS and scope != ACCOUNT:
        return f"{limit} is of a whole account; expected the scope {ACCOUNT!r}, not {scope!r}"
    fault = meant_bounds(limit).fault(limit, value)
    if fault and value == 0.0:
        return f"{fault}; to let a scope add nothing, halt it"
    if not fault and limit in COUNTS and not value.is_integer():
        return f"{limit} is {value:g}; expected a whole number of orders"
    return fault


def _expiry(text: str, now: datetime) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise LifecycleError(f"expires is {text!r}; expected a time such as 2024-01-31T12:00") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at <= now:
        raise LifecycleError(f"expires is {text!r}; expected a time after {now:%Y-%m-%dT%H:%M} UTC")
    return at


def _propose(connection: Connection, change: _Change, now: datetime) -> Receipt:
    voided = approvals.void_proposals(connection, change.subject, now)
    signature = change.signature
    values = {"subject": change.subject, "source": change.was, "target": change.target, "evidence": {}}
    by = {"proposer": signature.operator, "reason": signature.reason, "proposed_at": now}
    approvals.propose(connection, values | by)
    action, detail = "limit.proposed", _detail(change, voided)
    audit_id = audit.append(connection, signature.operator, action, change.scope, detail)
    summary = (
        f"{change.limit} of {change.scope} is to be loosened to {change.target}; it is {change.was}, "
        "until a second operator sets it too"
    ) + clause_of(voided)
    return Receipt(action, change.scope, summary, audit_id)


def _set(connection: Connection, change: _Change, proposer: str | None, now: datetime) -> Receipt:
    signature, operator = change.signature, change.signature.operator
    is_second = change.is_loosening and proposer is not None
    row = {"scope": change.scope, "name": change.limit, "value": change.value, "reason": signature.reason}
    by = {"owner": proposer if is_second else operator, "approved_by": operator if is_second else None}
    until = {"expires_at": change.expires_at, "fallback": change.lasting if change.expires_at else None}
    store_limit(connection, row | by | until | {"updated_at": now, "updated_by": operator})
    voided = approvals.void_proposals(connection, change.subject, now)
    audit_id = audit.append(connection, operator, "limit.set", change.scope, _detail(change, voided))
    announce_deployments(connection)
    summary = f"{change.limit} of {change.scope} is {change.target}; it was {change.was}"
    return Receipt("limit.set", change.scope, summary + clause_of(voided), audit_id)


def _detail(change: _Change, voided: list[approvals.Voided]) -> dict[str, Any]:
    until = {"expires_at": change.expires_at} if change.expires_at else {}
    values = {"before": change.before, "after": change.value}
    return {"reason": change.signature.reason, "name": change.limit} | values | until | detail_of(voided)


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
    if kind == ACCOUNT and number.isdecimal():
        if not has_account(connection, int(number[:18])):
            raise UnknownRow(f"{scope} does not exist; expected the id of an account")
        return
    is_number = number.isascii() and number.isdigit()
    if kind != "deployment" or not is_number or ROW_ID.fault("id", int(number[:20])):
        raise LifecycleError(f"scope is {scope!r}; expected account or deployment:<id>")
    if read_stage(connection, int(number)) is None:
        raise UnknownRow(f"{scope} does not exist; expected the id of a deployment")


def _require_limit_scope(connection: Connection, scope: str) -> None:
    if not scope.startswith(STRATEGY_SCOPE):
        require_scope(connection, scope)
        return
    name, known = scope.removeprefix(STRATEGY_SCOPE), strategy_names(connection)
    if name not in known:
        raise UnknownRow(unknown_name("strategy", name, known))
