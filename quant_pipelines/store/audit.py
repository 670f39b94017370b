"""The audit log: rows chained by hashes, so that a row that was changed or taken out later is found.

How many rows there are and the newest hash also stand in ``ops.audit_head``, which only a new row moves, so
that newest rows that were cut off are missed. Who owns the database can go around both; anchors outside of it
(`quant_pipelines.operations.audit_anchors`) show that.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import StaleForm, StoreError
from quant_pipelines.store.tables import audit_head, audit_logs

_BEFORE_THE_FIRST = bytes(32)
_EXACT_FLOAT = 2**53


class _SeenRow(NamedTuple):
    """What who decides has seen: the newest row then, and the subjects that were compared with it."""

    newest_id: int
    compared: set[str]


_SEEN: ContextVar[_SeenRow | None] = ContextVar("seen", default=None)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Result of a check of the whole chain.

    Parameters
    ----------
    rows
        Rows that were proven, up to the first broken one.
    broken_id
        Id of the first row that does not fit; None when all do.
    reason
        What is wrong with it; empty when nothing is.
    strayed
        Numbers of rows, from 1, that are not there or have another hash than is known from elsewhere.
    """

    rows: int
    broken_id: int | None = None
    reason: str = ""
    strayed: tuple[int, ...] = ()


class Head(NamedTuple):
    """End of the log: how many rows were written, and the newest one.

    Parameters
    ----------
    rows
        Rows that were ever written.
    newest_id
        Id of the newest one; 0 before the first.
    hash
        Its hash, hexadecimal.
    """

    rows: int
    newest_id: int
    hash: str


def has_journal(connection: Connection, action: str, journal: str) -> bool:
    """Whether an action was recorded whose detail names a journal."""
    columns = audit_logs.c
    query = select(columns.id).where(columns.action == action, columns.detail["journal"].astext == journal)
    return connection.execute(query.limit(1)).one_or_none() is not None


@contextmanager
def as_seen(newest_id: int | None) -> Iterator[None]:
    """Let rows be appended in the block only about what nobody has acted on since a row; None lets all.

    Parameters
    ----------
    newest_id
        Newest row of the log when that was read which a person decides on.
    """
    token = _SEEN.set(None if newest_id is None else _SeenRow(newest_id, set()))
    try:
        yield
    finally:
        _SEEN.reset(token)


def newest_id(connection: Connection) -> int:
    """Id of the newest row; 0 before the first. Read it before that which it is to vouch for."""
    return int(connection.execute(select(audit_head.c.newest_id)).scalar() or 0)


def _require_seen(connection: Connection, subject: str) -> None:
    """Refuse a decision on what somebody else has acted on since; writers queue, so none comes between."""
    seen = _SEEN.get()
    if seen is None or subject in seen.compared:
        return
    seen.compared.add(subject)
    columns = audit_logs.c
    query = select(columns.actor, columns.action, columns.id)
    query = query.where(columns.subject == subject, columns.id > seen.newest_id).order_by(columns.id.desc())
    newer = connection.execute(query.limit(1)).one_or_none()
    if newer is not None:
        raise StaleForm(
            f"{subject}: {newer.actor} has acted meanwhile ({newer.action}, audit row {newer.id}); "
            "expected a form that shows it: read it again"
        )


def append(connection: Connection, actor: str, action: str, subject: str, detail: dict[str, Any]) -> int:
    """Append one row in the caller's transaction; writers queue until it ends.

    Parameters
    ----------
    connection
        Open transaction that also makes the change which is recorded.
    actor
        Who did it: an operator's name, or the part of the system.
    action
        What was done, such as ``deployment.admitted``.
    subject
        What it was done to, such as ``deployment:3``.
    detail
        JSON values, decimals and aware datetimes.

    Returns
    -------
    int
        Id of the row.

    Raises
    ------
    StoreError
        If the detail holds a value that JSON can't.
    StaleForm
        If somebody else has acted on the subject since what was seen, see ``as_seen``.
    """
    (row_id,) = append_each(connection, actor, action, {subject: detail})
    return row_id


def append_each(
    connection: Connection, actor: str, action: str, details: Mapping[str, dict[str, Any]]
) -> list[int]:
    """Append a row for each subject, in their order, as one statement; returns their ids. See ``append``."""
    # The head, not the newest row: where rows were cut off, the next one goes on showing it.
    head = connection.execute(select(audit_head.c.hash).with_for_update()).scalar()
    previous, rows = bytes(head or _BEFORE_THE_FIRST), []
    for subject, detail in details.items():
        _require_seen(connection, subject)
        row: dict[str, Any] = {
            "at": utc_now(),
            "actor": actor,
            "action": action,
            "subject": subject,
            "detail": plain(detail),
        }
        rows.append({**row, "previous_hash": previous, "hash": _hash(previous, row)})
        previous = rows[-1]["hash"]
    made = insert(audit_logs).returning(audit_logs.c.id, sort_by_parameter_order=True)
    return [int(one) for one in connection.execute(made, rows).scalars()] if rows else []


def read_head(connection: Connection) -> Head | None:
    """Read the end of the log as its table of one row has it; None where that row was taken out."""
    row = connection.execute(select(audit_head)).one_or_none()
    return Head(row.rows, row.newest_id, bytes(row.hash).hex()) if row else None


def has_row(connection: Connection, head: Head) -> bool:
    """Whether the row that a head named is there, unchanged."""
    query = select(audit_logs.c.hash).where(audit_logs.c.id == head.newest_id)
    found = connection.execute(query).scalar()
    return found is not None and bytes(found).hex() == head.hash


def verify(connection: Connection, known: Mapping[int, str] = MappingProxyType({})) -> AuditReport:
    """Recompute the chain from the first row; the report names the first row that does not fit.

    Parameters
    ----------
    connection
        Open transaction.
    known
        Hashes, hexadecimal, that are known from outside of the database, by the row's number, from 1.
    """
    previous, proven, strayed = _BEFORE_THE_FIRST, 0, []
    in_order = select(audit_logs).order_by(audit_logs.c.id).execution_options(yield_per=1000)
    with connection.execute(in_order) as rows:
        for row in rows.mappings():
            if bytes(row["previous_hash"]) != previous:
                return AuditReport(
                    proven, row["id"], "its previous hash is not the hash of the row before it"
                )
            if bytes(row["hash"]) != _hash(previous, dict(row)):
                return AuditReport(proven, row["id"], "its contents do not give its hash")
            previous, proven = bytes(row["hash"]), proven + 1
            if known.get(proven, previous.hex()) != previous.hex():
                strayed.append(proven)
    fault = _fault_of_end(read_head(connection), proven, previous)
    strayed += sorted(number for number in known if number > proven)
    return fault or AuditReport(proven, strayed=tuple(strayed))


def _fault_of_end(head: Head | None, proven: int, newest: bytes) -> AuditReport | None:
    """Compare where the log ends with where its head says that it does."""
    if head is None:
        return AuditReport(proven, 0, "the head of the log, a row that nothing may delete, is not there")
    if (head.rows, head.hash) == (proven, newest.hex()):
        return None
    reason = (
        f"it is the newest of {head.rows} rows that were written, and the log ends after {proven} rows "
        "without it"
    )
    return AuditReport(proven, head.newest_id, reason)


def read_all(connection: Connection) -> list[dict[str, Any]]:
    """Read every row, oldest first, with the hashes in hexadecimal."""
    rows = connection.execute(select(audit_logs).order_by(audit_logs.c.id)).mappings()
    return [
        {**row, "previous_hash": bytes(row["previous_hash"]).hex(), "hash": bytes(row["hash"]).hex()}
        for row in rows
    ]


def _hash(previous: bytes, row: dict[str, Any]) -> bytes:
    covered = {
        "at": row["at"].astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": row["actor"],
        "action": row["action"],
        "subject": row["subject"],
        "detail": _canonical(row["detail"]),
    }
    image = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(previous + image.encode()).digest()


def rows_of(connection: Connection, subject: str) -> list[dict[str, Any]]:
    """Read what was done to a subject: ``at``, ``actor``, ``action`` and ``detail``, oldest first."""
    columns = audit_logs.c
    query = select(columns.at, columns.actor, columns.action, columns.detail)
    query = query.where(columns.subject == subject).order_by(columns.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def plain(value: Any) -> Any:
    """Make JSON values of decimals, times and tuples; a `StoreError` for what JSON can't hold."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise StoreError(f"audit detail holds the number {value}; expected a finite one")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise StoreError(f"audit detail holds a {type(value).__name__}; expected JSON values")


def _canonical(value: Any) -> Any:
    """Numbers as text that survives the database, which may return 1e300 as a whole number."""
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    number = float(value)
    if abs(number) < _EXACT_FLOAT and number.is_integer():
        return f"number {int(number)}"
    return f"number {number!r}"
