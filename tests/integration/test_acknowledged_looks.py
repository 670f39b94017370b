"""Somebody goes on from looks that are not what they were: what differs counts no more."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import DBAPIError

from quant_pipelines.core.errors import ConfigurationError, OptimizationError
from quant_pipelines.operations.acknowledgement import acknowledge_looks
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.optimize.decision import NOT_LOOKED_AT
from quant_pipelines.store.capital import passed_before, read_year
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import audit_logs, capital_looks, capital_results, record_days
from tests.integration.grown_records import (
    DEC_23,
    DEC_31,
    EXCHANGE,
    JAN_7,
    begun_family,
    change,
    evidence,
    grow,
    look,
)

pytestmark = pytest.mark.postgres
ANN = Signature("ann", "a disk lied, and there is no backup of these days")


@pytest.fixture
def family(engine: Engine) -> Sequence[int]:
    """Two records with an edge that have passed, and two without."""
    ids = begun_family(engine)
    look(engine, DEC_23)
    for one in ids:
        grow(engine, one, JAN_7, edge=8.0 if one in ids[:2] else 0.0)
    return ids


def spoil(engine: Engine, record_id: int) -> None:
    days = record_days.c
    is_it = (days.record_id == record_id) & days.day.between(date(2025, 10, 1), date(2025, 10, 9))
    change(engine, record_days, update(record_days).where(is_it).values(daily_return=0.05))


def acknowledge(engine: Engine, day: date = DEC_23) -> Receipt:
    return acknowledge_looks(engine, ANN, look_day=day.isoformat(), exchange=EXCHANGE)


def spent(engine: Engine) -> list[float]:
    with engine.connect() as connection:
        query = select(capital_looks.c.alpha_spent).order_by(capital_looks.c.look_day)
        return [*connection.execute(query).scalars()]


def test_looks_go_on_and_count_only_what_nobody_has_changed(engine: Engine, family: Sequence[int]) -> None:
    spoil(engine, family[2])
    with pytest.raises(OptimizationError, match=r"acknowledges it \(quant research acknowledge 2025-12-23\)"):
        look(engine, DEC_31)
    receipt = acknowledge(engine)
    assert receipt.summary.endswith("and of 1 record neither days nor passes until then count")
    answer = look(engine, DEC_31)
    assert answer.is_taken
    assert "acknowledged that earlier looks are not what they were" in answer.told
    first, last = spent(engine)
    assert f"left of the year's error, {0.025 - first:.3g} of 0.025" in answer.told
    assert last == pytest.approx(0.025)
    # Who differs has the eight days since, its neighbor all of its own; what has passed stays.
    kept, doubted = evidence(engine, family[0]), evidence(engine, family[2])
    assert (kept.decision, kept.look_day) == ("passed", DEC_31)
    assert (doubted.decision, doubted.decided_by) == ("undecided", "too_short")
    with engine.connect() as connection:
        blocks = select(capital_looks.c.symbol_block).order_by(capital_looks.c.look_day.desc())
        block: int = connection.execute(blocks.limit(1)).scalar_one()
    assert doubted.fewest_more_days is not None
    assert 0 <= doubted.fewest_more_days + 8 - max(60, 10 * block) < block


def test_what_was_doubted_counts_neither_in_the_next_year(engine: Engine, family: Sequence[int]) -> None:
    spoil(engine, family[2])
    acknowledge(engine)
    assert look(engine, JAN_7).is_taken
    with transaction(engine) as connection:
        (first,) = read_year(connection, EXCHANGE, 2026)
    begins = {seat.record_id: seat.first_day for seat in first.seating.seats}
    assert begins[family[2]] == DEC_23 + timedelta(days=1)
    assert begins[family[0]] < DEC_23


def test_a_new_year_does_not_pass_over_a_mismatch(engine: Engine, family: Sequence[int]) -> None:
    spoil(engine, family[2])
    with pytest.raises(
        OptimizationError, match=r"^in the look of 2025-12-23 the .* is stored; no look is added"
    ):
        look(engine, JAN_7)


def test_a_pass_that_somebody_wrote_does_not_stand(engine: Engine, family: Sequence[int]) -> None:
    is_it = capital_results.c.record_id == family[2]
    written = {"decision": "passed", "passed": True, "pool_passed": True}
    change(engine, capital_results, update(capital_results).where(is_it).values(**written))
    assert evidence(engine, family[2]).decision == "passed"
    acknowledge(engine)
    assert evidence(engine, family[2]) is NOT_LOOKED_AT
    assert look(engine, DEC_31).is_taken
    assert evidence(engine, family[2]).decision != "passed"
    with transaction(engine) as connection:
        before = passed_before(connection, EXCHANGE, DEC_31)
    assert before.records == {family[0], family[1]}
    assert all("rsi" not in pool for pool in before.pools)


def test_a_lowered_error_gives_no_error_back(engine: Engine, family: Sequence[int]) -> None:
    (before,) = spent(engine)
    change(engine, capital_looks, update(capital_looks).values(alpha_spent=0.0))
    acknowledge(engine)
    assert f"{0.025 - before:.3g} of 0.025" in look(engine, DEC_31).told


def test_it_is_signed_and_stays(engine: Engine, family: Sequence[int]) -> None:
    spoil(engine, family[2])
    receipt = acknowledge(engine)
    with engine.connect() as connection:
        row: Any = connection.execute(select(audit_logs).where(audit_logs.c.id == receipt.audit_id)).one()
    assert (row.actor, row.action, row.detail["records"]) == ("ann", "look.acknowledged", [family[2]])
    with pytest.raises(DBAPIError, match="looks never change"), engine.begin() as connection:
        connection.execute(text("delete from research.acknowledged_looks"))


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (
            "2025-12-16",
            "look_day is 2025-12-16; expected 2025-12-23, the first look that differs: in the look",
        ),
        ("soon", "look_day is 'soon'; expected a day such as"),
    ],
)
def test_another_day_is_refused(engine: Engine, family: Sequence[int], day: str, told: str) -> None:
    spoil(engine, family[2])
    with pytest.raises((OptimizationError, ConfigurationError), match=told):
        acknowledge_looks(engine, ANN, look_day=day, exchange=EXCHANGE)


def test_nothing_can_be_acknowledged_where_nothing_differs(engine: Engine, family: Sequence[int]) -> None:
    with pytest.raises(OptimizationError, match="there is nothing to acknowledge"):
        acknowledge(engine)
