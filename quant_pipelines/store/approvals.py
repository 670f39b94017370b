"""Steps that need two people: who proposed one, who approved it; the database refuses the same name twice."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, insert, select, update

from quant_pipelines.store.tables import approvals

OPEN: Final = "open"
APPROVED: Final = "approved"
VOID: Final = "void"
REQUEST_LASTS: Final = timedelta(days=3)
"""How long a second person may answer, from the proposal on."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One open row of ``ops.approvals``."""

    id: int
    proposer: str
    reason: str
    proposed_at: datetime
    evidence: dict[str, Any]


class Voided(NamedTuple):
    """Proposal that nobody can answer any more: what it was about, where it led, who had made it."""

    subject: str
    target: str
    proposer: str


def open_proposal(connection: Connection, subject: str, target: str) -> Proposal | None:
    """Step that waits for its second person; None when nobody proposed it."""
    query = select(*(approvals.c[name] for name in Proposal.__slots__)).where(
        approvals.c.subject == subject, approvals.c.target == target, approvals.c.decision == OPEN
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Proposal(*row)


def open_proposals(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Read every step that waits for its second person, oldest first."""
    shown = ("subject", "source", "target", "proposer", "reason", "proposed_at", "expires_at")
    query = (
        select(*(approvals.c[name] for name in shown))
        .where(approvals.c.decision == OPEN, approvals.c.expires_at > now)
        .order_by(approvals.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def propose(connection: Connection, values: dict[str, Any]) -> int:
    """Store a proposal: ``subject``, ``source``, ``target``, ``proposer``, ``reason``, ``evidence``, time.

    It expires `REQUEST_LASTS` after ``proposed_at``.
    """
    expires_at = values["proposed_at"] + REQUEST_LASTS
    made = insert(approvals).values(**values, decision=OPEN, expires_at=expires_at).returning(approvals.c.id)
    return int(connection.execute(made).scalar_one())


def approve(connection: Connection, proposal_id: int, operator: str, at: datetime) -> None:
    """Add the second person.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        If it is the proposer again, it is too late, or one of them is not (or no longer) entitled.
    """
    values = {"operator": operator, "decision": APPROVED, "decided_at": at}
    connection.execute(update(approvals).where(approvals.c.id == proposal_id).values(**values))


def void_expired(connection: Connection, at: datetime) -> list[Voided]:
    """Close what nobody answered in time; returns what that was."""
    return _void(connection, (approvals.c.decision == OPEN) & (approvals.c.expires_at <= at), at)


def void_all(connection: Connection, at: datetime) -> list[Voided]:
    """Close whatever waits; returns what that was."""
    return _void(connection, approvals.c.decision == OPEN, at)


def void_proposals(connection: Connection, subject: str, at: datetime) -> list[Voided]:
    """Close whatever was proposed for a subject before it changed; returns what that was."""
    return _void(connection, (approvals.c.subject == subject) & (approvals.c.decision == OPEN), at)


def void_proposals_of(connection: Connection, proposer: str, at: datetime) -> list[Voided]:
    """Close whatever a user proposed; returns what that was."""
    return _void(connection, (approvals.c.proposer == proposer) & (approvals.c.decision == OPEN), at)


def _void(connection: Connection, waiting: ColumnElement[bool], at: datetime) -> list[Voided]:
    closed = update(approvals).where(waiting).values(decision=VOID, decided_at=at)
    shown = (approvals.c[name] for name in Voided._fields)
    return [Voided(*row) for row in connection.execute(closed.returning(*shown))]
