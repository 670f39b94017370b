"""The chain is written under concurrency and any later change is named."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select, text, update

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
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
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


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda row: update(audit_logs).where(row).values(actor="somebody else"), "contents"),
        (lambda row: update(audit_logs).where(row).values(detail={"score": 9}), "contents"),
        (lambda row: update(audit_logs).where(row).values(at=text("at + interval '1 second'")), "contents"),
    ],
)
def test_changed_row_is_named(engine: Engine, change: Any, reason: str) -> None:
    ids = [append(engine) for _ in range(5)]
    with engine.begin() as connection:
        connection.execute(change(audit_logs.c.id == ids[2]))
    report = verify(engine)
    assert (report.rows, report.broken_id) == (2, ids[2])
    assert reason in report.reason


def test_removed_row_is_named_by_its_successor(engine: Engine) -> None:
    ids = [append(engine) for _ in range(5)]
    with engine.begin() as connection:
        connection.execute(delete(audit_logs).where(audit_logs.c.id == ids[2]))
    assert verify(engine).broken_id == ids[3]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_detail_that_json_cannot_hold_is_refused(engine: Engine, value: Any) -> None:
    with pytest.raises(StoreError, match="audit detail holds"):
        append(engine, detail={"value": value})


@pytest.mark.parametrize("n_cut", [1, 2, 3])
def test_newest_rows_that_were_deleted_are_missed(engine: Engine, n_cut: int) -> None:
    ids = [append(engine) for _ in range(3)]
    with engine.begin() as connection:
        connection.execute(delete(audit_logs).where(audit_logs.c.id.in_(ids[-n_cut:])))
    report = verify(engine)
    assert (report.rows, report.broken_id) == (3 - n_cut, ids[-1])
    assert "the newest row that was written" in report.reason
