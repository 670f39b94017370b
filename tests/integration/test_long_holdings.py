"""Looks at records that hold for long: it sets the block, or lets a record wait."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text, update

from quant_pipelines.core.timeframes import DAY_MS, day_start_ms
from quant_pipelines.store.capital import newest_look
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import record_days
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


@pytest.fixture
def family(engine: Engine) -> Sequence[int]:
    return begun_family(engine)


def test_the_longest_round_trip_sets_the_block(engine: Engine, family: Sequence[int]) -> None:
    trade = {"entry_time": 0, "exit_time": 9 * DAY_MS + 1}
    with engine.begin() as connection:
        connection.execute(text("alter table research.record_days disable trigger user"))
        last = (record_days.c.record_id == family[2]) & (record_days.c.day == DEC_23)
        connection.execute(update(record_days).where(last).values(trades=[trade]))
    look(engine, DEC_23)
    with transaction(engine) as connection:
        shown = newest_look(connection, EXCHANGE)
    assert shown is not None
    assert (shown["block"], shown["terms"]["longest_holding_days"]) == (10, 10)


def carried(entered: date, until: date) -> dict[str, Any]:
    """An account that goes into the day after with one position."""
    trade = {"side": 1.0, "entry_ts": day_start_ms(entered.isoformat())}
    until_ms = day_start_ms(until.isoformat()) + DAY_MS
    return {"account": {"books": [{"trade": trade, "until_ms": until_ms}]}}


def block(engine: Engine) -> tuple[int, int]:
    with transaction(engine) as connection:
        shown = newest_look(connection, EXCHANGE)
    assert shown is not None
    return shown["block"], shown["terms"]["longest_holding_days"]


def hold(engine: Engine, record_id: int, days: int, until: date) -> None:
    """Let a record hold since so many days at a day's end."""
    is_it = (record_days.c.record_id == record_id) & (record_days.c.day == until)
    held = carried(until - timedelta(days=days - 1), until)
    change(engine, record_days, update(record_days).where(is_it).values(carried=held))


def test_a_position_that_was_never_closed_counts_for_as_long_as_it_is_held(
    engine: Engine, family: Sequence[int]
) -> None:
    hold(engine, family[2], 12, DEC_23)
    look(engine, DEC_23)
    assert block(engine) == (12, 12)
    for one in family:
        grow(engine, one, DEC_31)
    hold(engine, family[2], 20, DEC_31)
    assert "its blocks hold 24 days now" in look(engine, DEC_31).told
    assert block(engine) == (24, 24)


def test_a_record_that_holds_for_too_long_waits_by_name_and_keeps_nobody(
    engine: Engine, family: Sequence[int]
) -> None:
    hold(engine, family[3], 30, DEC_23)  # of 541 days
    answer = look(engine, DEC_23)
    told = "; 1 records hold for more than a twentieth of their days and wait, such as rsi 1h ETH"
    assert answer.is_taken
    assert answer.told.endswith(told)
    assert block(engine)[1] == 1
    found = evidence(engine, family[3])
    assert (found.decision, found.decided_by, found.fewest_more_days) == ("undecided", "too_slow", 59)
    assert {evidence(engine, one).tests for one in family[:3]} == {3}
    for one in family:
        grow(engine, one, DEC_31)
    assert look(engine, DEC_31).is_taken


def test_what_has_passed_stays_passed_while_it_holds_for_long(engine: Engine, family: Sequence[int]) -> None:
    """A position of 30 of 549 days says nothing against what was decided before it was entered."""
    look(engine, DEC_23)
    assert evidence(engine, family[0]).decision == "passed"
    for one in family:
        grow(engine, one, DEC_31, edge=8.0 if one in family[:2] else 0.0)
    hold(engine, family[0], 30, DEC_31)
    told = look(engine, DEC_31).told
    now = evidence(engine, family[0])
    assert (now.decision, now.look_day) == ("passed", DEC_31)
    assert "records hold for more than a twentieth" not in told
    assert block(engine)[1] == 1  # nor does it make anybody's block long
    for one in family:
        grow(engine, one, JAN_7, edge=8.0 if one in family[:2] else 0.0)
    look(engine, JAN_7)
    assert evidence(engine, family[0]).decision == "passed"


def test_a_record_that_has_ended_and_held_for_too_long_is_told(engine: Engine, family: Sequence[int]) -> None:
    hold(engine, family[3], 30, DEC_23)
    look(engine, DEC_23)
    for one in family[:3]:
        grow(engine, one, JAN_7)
    assert look(engine, JAN_7).is_taken
    found = evidence(engine, family[3])
    assert (found.decided_by, found.fewest_more_days, found.look_day) == ("too_slow", None, JAN_7)
    assert found.last_day == DEC_23
