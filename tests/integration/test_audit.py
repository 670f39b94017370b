"""The chain is written under concurrency and any later change is named."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError

from quant_pipelines.core.errors import StoreError
from quant_pipelines.store import audit
from quant_pipelines.store.tables import audit_logs

pytestmark = pytest.mark.postgres

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**80), 2**80)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
DETAILS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | NUMBERS | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def append(engine: Engine, subject: str = "deployment:1", detail: dict[str, Any] | None = None) -> int:
    with engine.begin() as connection:
        return audit.append(connection, "screen", "deployment.admitted", subject, detail or {"score": 1.25})


def verify(engine: Engine) -> audit.AuditReport:
    with engine.connect() as connection:
        return audit.verify(connection)


def test_empty_log_is_whole(engine: Engine) -> None:
    assert verify(engine) == audit.AuditReport(rows=0)


def test_any_detail_that_is_written_verifies(engine: Engine) -> None:
    @settings(max_examples=60, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(DETAILS)
    def check(detail: dict[str, Any]) -> None:
        append(engine, detail=detail)

    check()
    report = verify(engine)
    assert report.broken_id is None
    assert report.rows >= 60


def test_decimals_and_times_are_kept_as_text(engine: Engine) -> None:
    append(engine, detail={"price": Decimal("0.10"), "at": datetime(2025, 1, 1, tzinfo=UTC)})
    with engine.connect() as connection:
        detail = connection.execute(select(audit_logs.c.detail)).scalar_one()
    assert detail == {"price": "0.10", "at": "2025-01-01T00:00:00+00:00"}
    assert verify(engine).broken_id is None


def test_parallel_writers_make_one_chain(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: append(engine, f"deployment:{number}"), range(40)))
    assert verify(engine) == audit.AuditReport(rows=40)


def tamper(engine: Engine, *statements: str) -> None:
    """What only the owner of the database can do: statements that no trigger sees."""
    with engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("actor = 'somebody else'", "contents"),
        ("""detail = '{"score": 9}'""", "contents"),
        ("at = at + interval '1 second'", "contents"),
    ],
)
def test_changed_row_is_named(engine: Engine, change: str, reason: str) -> None:
    ids = [append(engine) for _ in range(5)]
    tamper(engine, f"update ops.audit_logs set {change} where id = {ids[2]}")  # noqa: S608 - of this test
    report = verify(engine)
    assert (report.rows, report.broken_id) == (2, ids[2])
    assert reason in report.reason


def test_removed_row_is_named_by_its_successor(engine: Engine) -> None:
    ids = [append(engine) for _ in range(5)]
    tamper(engine, f"delete from ops.audit_logs where id = {ids[2]}")  # noqa: S608
    assert verify(engine).broken_id == ids[3]


def test_successor_that_is_joined_to_the_row_before_a_removed_one_is_named(engine: Engine) -> None:
    ids = [append(engine) for _ in range(5)]
    tamper(
        engine,
        f"delete from ops.audit_logs where id = {ids[2]}",  # noqa: S608
        "update ops.audit_logs as later set previous_hash = earlier.hash from ops.audit_logs as earlier "  # noqa: S608
        f"where later.id = {ids[3]} and earlier.id = {ids[1]}",
    )
    report = verify(engine)
    assert (report.broken_id, report.reason) == (ids[3], "its contents do not give its hash")


def test_a_hash_covers_the_hash_before_and_the_contents_as_documented(engine: Engine) -> None:
    append(engine)
    append(engine, detail={"score": 2})
    with engine.connect() as connection:
        first, second = connection.execute(select(audit_logs).order_by(audit_logs.c.id)).all()
    for row, before, score in ((first, bytes(32), "1.25"), (second, first.hash, "2")):
        contents = (
            f'{{"action":"deployment.admitted","actor":"screen","at":"{row.at:%Y-%m-%dT%H:%M:%S.%f}+00:00",'
            f'"detail":{{"score":"number {score}"}},"subject":"deployment:1"}}'
        )
        assert row.hash == hashlib.sha256(bytes(before) + contents.encode()).digest()


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("update ops.audit_logs set actor = 'ann'", "rows of the audit log never change: update is refused"),
        ("delete from ops.audit_logs", "rows of the audit log never change: delete is refused"),
        ("truncate ops.audit_logs", "rows of the audit log never change: truncate is refused"),
        ("update ops.audit_head set rows = 1", "only a new row of the audit log moves its head: update"),
        ("delete from ops.audit_head", "only a new row of the audit log moves its head: delete"),
        ("truncate ops.audit_head", "only a new row of the audit log moves its head: truncate"),
        (
            (
                "insert into ops.audit_logs (at, actor, action, subject, detail, previous_hash, hash) "
                "select at, actor, action, subject, detail, previous_hash, 'x' from ops.audit_logs limit 1"
            ),
            "names another hash than that of the row before it",
        ),
    ],
)
def test_no_statement_changes_the_log_or_its_head(engine: Engine, statement: str, refusal: str) -> None:
    for _ in range(2):
        append(engine)
    with pytest.raises(IntegrityError, match=refusal), engine.begin() as connection:
        connection.execute(text(statement))
    assert verify(engine) == audit.AuditReport(rows=2)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_detail_that_json_cannot_hold_is_refused(engine: Engine, value: Any) -> None:
    with pytest.raises(StoreError, match="audit detail holds"):
        append(engine, detail={"value": value})


@pytest.mark.parametrize("n_cut", [1, 2, 3])
def test_newest_rows_that_were_deleted_are_missed(engine: Engine, n_cut: int) -> None:
    ids = [append(engine) for _ in range(3)]
    tamper(engine, f"delete from ops.audit_logs where id > {ids[-1] - n_cut}")  # noqa: S608
    report = verify(engine)
    assert (report.rows, report.broken_id) == (3 - n_cut, ids[-1])
    assert "the newest of 3 rows that were written" in report.reason


def test_rows_that_were_cut_off_are_missed_after_the_next_row_too(engine: Engine) -> None:
    ids = [append(engine) for _ in range(3)]
    tamper(engine, f"delete from ops.audit_logs where id = {ids[-1]}")  # noqa: S608
    later = append(engine)
    assert (verify(engine).rows, verify(engine).broken_id) == (2, later)


def test_a_head_that_was_taken_out_is_missed(engine: Engine) -> None:
    append(engine)
    tamper(engine, "delete from ops.audit_head")
    assert (verify(engine).broken_id, "head of the log" in verify(engine).reason) == (0, True)
