"""Anchors of the audit log: its end as it was seen, in a file outside of the database.

One line of JSON a UTC day, the newest of the day, and one for each time that a person accepted another log,
such as a restored backup; what was anchored before that does not count any more.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import ConfigurationError, LifecycleError
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.store import audit
from quant_pipelines.store.audit import AuditReport, Head
from quant_pipelines.store.engine import snapshot, transaction
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.outages import follow_standing

ALERT = "audit_log"
_WAY_OUT = "expected the log to go on; if a backup was restored, say so: quant audit accept --reason WHY"


class LogAnchor(NamedTuple):
    """End of the log at a time.

    Parameters
    ----------
    at
        When it was seen, ISO 8601, UTC.
    head
        What was seen.
    accepted
        Why a log that does not fit what was anchored before was accepted; empty for a common anchor.
    """

    at: str
    head: Head
    accepted: str = ""


@dataclass(frozen=True, slots=True)
class LogProof:
    """What is known of the log inside and outside of its database.

    Parameters
    ----------
    report
        Of the chain.
    anchors
        Those that count, oldest first.
    explanation
        What does not fit an anchor, in a sentence; empty when all fits.
    """

    report: AuditReport
    anchors: tuple[LogAnchor, ...]
    explanation: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the chain and every anchor fit."""
        return self.report.broken_id is None and not self.explanation


def read_anchors(file: Path) -> tuple[LogAnchor, ...]:
    """Read the anchors that count, oldest first; none without a file.

    Raises
    ------
    ConfigurationError
        If a line is none.
    """
    counting: list[LogAnchor] = []
    for number, line in enumerate(_lines(file), 1):
        try:
            told = json.loads(line)
            head = Head(int(told["rows"]), int(told["newest_id"]), str(told["hash"]))
            anchor = LogAnchor(str(told["at"]), head, str(told.get("accepted", "")))
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"line {number} of {str(file)!r} is {line[:80]!r}; expected an anchor of the audit log"
            ) from error
        counting = [anchor] if anchor.accepted else [*counting, anchor]
    return tuple(counting)


def prove(engine: Engine, file: Path) -> LogProof:
    """Recompute the chain as of one moment, and compare it with every anchor that counts."""
    anchors = read_anchors(file)
    known = {anchor.head.rows: anchor.head.hash for anchor in anchors if anchor.head.rows}
    with snapshot(engine) as connection:  # rows that come meanwhile are none that the head names
        report = audit.verify(connection, known)
    return LogProof(report, anchors, _explained(report, anchors, file) if report.broken_id is None else "")


def keep_anchor(engine: Engine, file: Path, clock: Clock) -> None:
    """Anchor the log's end where it moved on; an alert where the last anchor's row is gone, or the file."""
    now = clock_time(clock)
    try:
        fault = _kept(engine, file, now)
    except ConfigurationError as error:
        fault = str(error)
    follow_standing(engine, ALERT, [Alert("warning", ALERT, fault, now, {})] if fault else [], now)


def _kept(engine: Engine, file: Path, now: datetime) -> str:
    """Keep an anchor; what speaks against it in a sentence, empty where nothing does."""
    anchors = read_anchors(file)
    with transaction(engine) as connection:
        head = audit.read_head(connection)
        last = anchors[-1].head if anchors else None
        fits = last is None or not last.rows or audit.has_row(connection, last)
    if not fits:
        return f"the audit log lacks the row that {file} knows; look at it with: quant audit verify"
    if head is not None and head.rows and head != last:
        add_anchor(file, head, now)
    return ""


def add_anchor(file: Path, head: Head, at: datetime, accepted: str = "") -> None:
    """Write a line, in the place of the day's last one unless something was accepted.

    Raises
    ------
    ConfigurationError
        If the file can't be written.
    """
    document = {"at": at.isoformat(timespec="seconds"), **head._asdict()}
    try:
        with _alone(file.parent) as folder:
            _write(file, _with_line(_lines(file), document, accepted))
            os.fsync(folder)
    except OSError as error:
        raise ConfigurationError(f"{str(file)!r} can't be written: {error.strerror}") from error


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Let one process at a time read and write the file; the lock ends with the process."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield opened
    finally:
        os.close(opened)


def _with_line(lines: list[str], document: dict[str, Any], accepted: str) -> list[str]:
    last = json.loads(lines[-1]) if lines and not accepted else None
    if last and last["at"][:10] == document["at"][:10] and not last.get("accepted"):
        lines.pop()
    return [*lines, json.dumps(document | ({"accepted": accepted} if accepted else {}))]


def _write(file: Path, lines: list[str]) -> None:
    partial = file.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as opened:
        opened.write("\n".join(lines) + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(file)


def accept_log(engine: Engine, signature: Signature, file: Path, clock: Clock) -> Receipt:
    """Accept a log that does not fit its anchors, such as that of a restored backup.

    Raises
    ------
    LifecycleError
        If its own chain is broken, which nobody can accept, or nothing is wrong.
    """
    proof = prove(engine, file)
    if proof.report.broken_id is not None:
        raise LifecycleError(
            f"audit row {proof.report.broken_id} was tampered with: {proof.report.reason}; expected a "
            "log that is whole in itself before it is accepted"
        )
    if proof.is_whole:
        raise LifecycleError("the audit log fits every anchor; expected one that does not, to accept it")
    with transaction(engine) as connection:
        detail = {"reason": signature.reason, "found": proof.explanation}
        row = audit.append(connection, signature.operator, "audit.accepted", "audit log", detail)
        head = audit.read_head(connection)
    if head is not None:
        add_anchor(file, head, clock_time(clock), f"{signature.operator}: {signature.reason}")
    summary = (
        f"the log of {proof.report.rows} rows is what is anchored from now on; before: {proof.explanation}"
    )
    return Receipt("audit.accepted", "audit log", summary, row)


def _explained(report: AuditReport, anchors: Sequence[LogAnchor], file: Path) -> str:
    if not report.strayed:
        return ""
    by_rows = {anchor.head.rows: anchor for anchor in anchors}
    fitting = [by_rows[rows] for rows in sorted(by_rows) if rows not in report.strayed]
    since = f"its last anchor that fits is row {fitting[-1].head.rows} of {fitting[-1].at}" if fitting else ""
    last = by_rows[max(report.strayed)]
    if last.head.rows > report.rows:
        found = (
            f"the log ends after {report.rows} rows that fit each other, and {file} knows "
            f"{last.head.rows} rows as of {last.at}: this is an older state, as after restoring a backup, "
            f"or the newest {last.head.rows - report.rows} rows and the head were taken out"
        )
    else:
        found = (
            f"row {min(report.strayed)} of the log is another one than {file} knows as of "
            f"{by_rows[min(report.strayed)].at}: it was written on after an older state was restored, "
            "or anew as a whole"
        )
    return "; ".join(part for part in (found, since, _WAY_OUT) if part)


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text(encoding="utf-8").splitlines() if line]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"{str(file)!r} can't be read: {error.strerror}") from error
