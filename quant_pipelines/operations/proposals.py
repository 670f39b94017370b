"""Steps that wait for a second person: proposed by the first, bound to what they are of, answered or void."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.operations.voided import detail_of
from quant_pipelines.store import approvals, audit
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert, add_alert
from quant_pipelines.store.stages import StoredStage
from quant_pipelines.store.users import has_users, role_of

ACTOR = "approvals"


class Case(NamedTuple):
    """A deployment of which a step is asked for: who asks, and when."""

    connection: Connection
    stored: StoredStage
    signature: Signature
    now: datetime

    def sign(self, action: str, detail: dict[str, Any]) -> int:
        """Append to the audit log; returns the row's id."""
        known = {"reason": self.signature.reason, "from": self.stored.stage, **detail}
        return audit.append(self.connection, self.signature.operator, action, self.stored.key, known)


def expire(connection: Connection, now: datetime) -> list[approvals.Voided]:
    """Close what nobody answered in time, audited, and tell people: it has to be proposed anew."""
    late = approvals.void_expired(connection, now)
    for one in late:
        audit.append(connection, ACTOR, "approval.expired", one.subject, one._asdict())
        told = f"{one.target} for {one.subject}, which {one.proposer} proposed, was not answered in time"
        add_alert(connection, Alert("info", one.subject, f"{told}; it has to be proposed anew", now))
    return late


def expire_proposals(engine: Engine, clock: Clock) -> list[approvals.Voided]:
    """Close what nobody answered in time; returns what that was."""
    with transaction(engine) as connection:
        return expire(connection, clock_time(clock))


def proposal_of(case: Case, ladder: LadderSettings, target: str) -> approvals.Proposal | None:
    """Return the proposal that somebody else made; None without one.

    It is void, and may be made anew, where what it was of has changed since.
    """
    stored, operator = case.stored, case.signature.operator
    proposal = approvals.open_proposal(case.connection, stored.key, target)
    if proposal is None:
        return None
    bound = proposal.evidence.get("binding")
    if bound not in (None, _binding(case.connection, stored, ladder)):
        voided = approvals.void_proposals(case.connection, stored.key, case.now)
        case.sign("deployment.proposal_void", {"why": "what it was of has changed", **detail_of(voided)})
        return None
    if proposal.proposer.casefold() == operator.casefold():
        raise LifecycleError(
            f"{proposal.proposer} proposed {target} for {stored.key}; expected a different operator"
        )
    _require_approver(case.connection, operator)
    return proposal


def propose(case: Case, ladder: LadderSettings, target: str) -> Receipt:
    """Store what is proposed, bound to what it is of."""
    stored, signature = case.stored, case.signature
    values = {
        "subject": stored.key,
        "source": stored.stage,
        "target": target,
        "proposer": signature.operator,
        "reason": signature.reason,
        "evidence": audit.plain(shown_evidence(stored))
        | {"binding": _binding(case.connection, stored, ladder)},
        "proposed_at": case.now,
    }
    approvals.propose(case.connection, values)
    action = "deployment.proposed"
    audit_id = case.sign(action, {"to": target, **shown_evidence(stored)})
    until = f"{case.now + approvals.REQUEST_LASTS:%Y-%m-%d %H:%M} UTC"
    summary = f"{target} is proposed for {stored.key}; a second operator must promote it too, until {until}"
    return Receipt(action, stored.key, summary, audit_id)


def _require_approver(connection: Connection, operator: str) -> None:
    """Say in words what the database would refuse: once there are users, the second person is an approver."""
    if has_users(connection) and role_of(connection, operator) not in ("approver", "admin"):
        raise LifecycleError(f"{operator} is no approver; expected one, for somebody else proposed this step")


def shown_evidence(stored: StoredStage) -> dict[str, Any]:
    """Part of an audit row's detail: what was known of a deployment."""
    names = ("verdict_id", "since", "position", "halts", "refused_orders", "active_triggers", "failed_gates")
    return {name: getattr(stored, name) for name in names} | {"look": stored.look._asdict()}


def _binding(connection: Connection, stored: StoredStage, ladder: LadderSettings) -> str:
    from quant_pipelines.operations.challenges import binding  # noqa: PLC0415 - a halt compiles no record

    return binding(connection, stored, ladder)
