"""The end of the audit log is known outside of its database: what the database alone can't show is said."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from quant_pipelines.core.errors import ConfigurationError, LifecycleError
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.operations.audit_anchors import (
    LogProof,
    accept_log,
    add_anchor,
    keep_anchor,
    prove,
    read_anchors,
)
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store import audit

pytestmark = pytest.mark.postgres
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = Signature("ann", "backup of yesterday")


def write(engine: Engine, n_rows: int, subject: str = "deployment:1") -> None:
    with engine.begin() as connection:
        for _ in range(n_rows):
            audit.append(connection, "screen", "deployment.admitted", subject, {})


def anchor(engine: Engine, file: Path, *, day: int) -> None:
    keep_anchor(engine, file, lambda: to_ms(NOON + timedelta(days=day)))


def proof(engine: Engine, file: Path) -> LogProof:
    return prove(engine, file)


def go_back_to(engine: Engine, rows: int) -> None:
    """What a restored backup leaves: fewer rows, and a head that fits them."""
    with engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        kept = "(select id from ops.audit_logs order by id limit :rows)"
        connection.execute(text(f"delete from ops.audit_logs where id not in {kept}"), {"rows": rows})  # noqa: S608
        connection.execute(
            text(
                "update ops.audit_head set (rows, newest_id, hash) = "
                "(select :rows, id, hash from ops.audit_logs order by id desc limit 1)"
            ),
            {"rows": rows},
        )


def open_alerts(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(
            connection.execute(text("select source from ops.alerts where resolved_at is null")).scalars()
        )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.anchors"


def test_a_day_keeps_one_anchor_and_days_keep_theirs(engine: Engine, file: Path) -> None:
    for day in (0, 0, 1):
        write(engine, 2)
        anchor(engine, file, day=day)
    assert [one.head.rows for one in read_anchors(file)] == [4, 6]
    assert proof(engine, file).is_whole


def test_an_older_state_is_explained_as_a_restored_backup(engine: Engine, file: Path) -> None:
    write(engine, 3)
    anchor(engine, file, day=0)
    write(engine, 2)
    anchor(engine, file, day=1)
    go_back_to(engine, 4)
    found = proof(engine, file)
    assert not found.is_whole
    assert found.report == audit.AuditReport(4, strayed=(5,))
    assert "the log ends after 4 rows that fit each other" in found.explanation
    assert "knows 5 rows as of 2026-03-02T12:00:00+00:00" in found.explanation
    assert "its last anchor that fits is row 3 of 2026-03-01T12:00:00+00:00" in found.explanation
    assert "quant audit accept" in found.explanation


def test_an_older_state_is_not_anchored_over_but_alerts(engine: Engine, file: Path) -> None:
    write(engine, 3)
    anchor(engine, file, day=0)
    go_back_to(engine, 2)
    write(engine, 4, "deployment:2")
    anchor(engine, file, day=0)
    assert [one.head.rows for one in read_anchors(file)] == [3]
    assert open_alerts(engine) == ["audit_log"]
    assert "row 3 of the log is another one" in proof(engine, file).explanation


def test_what_a_person_accepted_counts_from_then_on(engine: Engine, file: Path) -> None:
    write(engine, 3)
    anchor(engine, file, day=0)
    go_back_to(engine, 2)
    receipt = accept_log(engine, ANN, file, lambda: to_ms(NOON))
    assert "the log of 2 rows" in receipt.summary
    assert [one.accepted for one in read_anchors(file)] == ["ann: backup of yesterday"]
    anchor(engine, file, day=1)
    assert (proof(engine, file).is_whole, open_alerts(engine)) == (True, [])


def test_accepting_a_log_that_fits_is_refused(engine: Engine, file: Path) -> None:
    write(engine, 1)
    with pytest.raises(LifecycleError, match="fits every anchor"):
        accept_log(engine, ANN, file, lambda: to_ms(NOON))


def test_a_line_that_is_no_anchor_is_named(file: Path) -> None:
    file.write_text('{"at": "2026-03-01", "rows": 1}\n')
    with pytest.raises(ConfigurationError, match=r"line 1 of .* expected an anchor of the audit log"):
        read_anchors(file)


def test_a_row_that_comes_while_the_log_is_proven_is_no_fault(engine: Engine, file: Path) -> None:
    write(engine, 2)
    came: list[str] = []

    def come(*told: Any) -> None:
        if "audit_head" in told[2] and not came:
            came.append(told[2])
            write(engine, 1)

    event.listen(engine, "before_cursor_execute", come)
    try:
        found = proof(engine, file)
    finally:
        event.remove(engine, "before_cursor_execute", come)
    assert (len(came), found.is_whole, found.report.reason) == (1, True, "")


def test_many_write_anchors_at_once_and_none_fails_or_is_torn(file: Path) -> None:
    def add(first: int) -> None:
        for rows in range(first, first + 60):
            add_anchor(file, audit.Head(rows, rows, "00"), NOON)

    with ThreadPoolExecutor(3) as writers:
        for done in [writers.submit(add, first) for first in (1, 100, 200)]:
            done.result()
    assert len(read_anchors(file)) == 1


def test_a_damaged_file_alerts_and_lets_the_watch_go_on(engine: Engine, file: Path) -> None:
    write(engine, 1)
    file.write_text("no anchor\n")
    anchor(engine, file, day=0)
    assert (open_alerts(engine), file.read_text()) == (["audit_log"], "no anchor\n")
    file.unlink()
    anchor(engine, file, day=0)
    assert (open_alerts(engine), len(read_anchors(file))) == ([], 1)
