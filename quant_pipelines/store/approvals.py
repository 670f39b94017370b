"""Steps that need two people: who proposed one, who approved it; the database refuses the same name twice."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from quant_pipelines.store.tables import approvals

OPEN, APPROVED, VOID = "open", "approved", "void"


@dataclass(frozen=True, slots=True)
class Proposal:
    """One open row of ``ops.approvals``."""

    id: int
    proposer: str
    reason: str
    proposed_at: datetime


def open_proposal(connection: Connection, subject: str, target: str) -> Proposal | None:
    """Step that waits for its second person; None when nobody proposed it."""
    query = select(*(approvals.c[name] for name in Proposal.__slots__)).where(
        approvals.c.subject == subject, approvals.c.target == target, approvals.c.decision == OPEN
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Proposal(*row)


def propose(connection: Connection, values: dict[str, Any]) -> int:
    """Store a proposal: ``subject``, ``source``, ``target``, ``proposer``, ``reason``, ``evidence``, time."""
    made = insert(approvals).values(**values, decision=OPEN).returning(approvals.c.id)
    return int(connection.execute(made).scalar_one())


def approve(connection: Connection, proposal_id: int, operator: str, at: datetime) -> None:
    """Add the second person.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        If it is the proposer again.
    """
    values = {"operator": operator, "decision": APPROVED, "decided_at": at}
    connection.execute(update(approvals).where(approvals.c.id == proposal_id).values(**values))


def void_proposals(connection: Connection, subject: str, at: datetime) -> None:
    """Close whatever was proposed for a stage that the subject has left."""
    waiting = (approvals.c.subject == subject) & (approvals.c.decision == OPEN)
    connection.execute(update(approvals).where(waiting).values(decision=VOID, decided_at=at))
