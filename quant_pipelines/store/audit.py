"""The audit log: rows chained by hashes, so that a row that was changed or taken out later is found.

The newest hash also stands among the signs of life, so that newest rows that were cut off are missed. Whoever
may write both tables can hide that; whoever must exclude it keeps the last hash elsewhere.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, insert, select, text

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.heartbeats import Heartbeat, put_heartbeat, read_heartbeats
from quant_pipelines.store.tables import audit_logs

HEAD = "audit_log"
"""Name of the row that knows the newest hash."""
_CHAIN_LOCK = 0x41554449
_BEFORE_THE_FIRST = bytes(32)
_EXACT_FLOAT = 2**53


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
    """

    rows: int
    broken_id: int | None = None
    reason: str = ""


def has_journal(connection: Connection, action: str, journal: str) -> bool:
    """Whether an action was recorded whose detail names a journal."""
    columns = audit_logs.c
    query = select(columns.id).where(columns.action == action, columns.detail["journal"].astext == journal)
    return connection.execute(query.limit(1)).one_or_none() is not None


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
    """
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    newest = select(audit_logs.c.hash).order_by(audit_logs.c.id.desc()).limit(1)
    previous = bytes(connection.execute(newest).scalar() or _BEFORE_THE_FIRST)
    row: dict[str, Any] = {
        "at": utc_now(),
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": plain(detail),
    }
    values = {**row, "previous_hash": previous, "hash": _hash(previous, row)}
    query = insert(audit_logs).values(values).returning(audit_logs.c.id)
    row_id = int(connection.execute(query).scalar_one())
    head = {"id": row_id, "hash": values["hash"].hex()}
    put_heartbeat(connection, Heartbeat(HEAD, "newest row", row["at"], head))
    return row_id


def verify(connection: Connection) -> AuditReport:
    """Recompute the chain from the first row; the report names the first row that does not fit."""
    previous, proven = _BEFORE_THE_FIRST, 0
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
    head = read_heartbeats(connection).get(HEAD)
    if head is not None and head.detail["hash"] != previous.hex():
        reason = f"it is the newest row that was written, and the log ends after {proven} rows without it"
        return AuditReport(proven, head.detail["id"], reason)
    return AuditReport(proven)


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
