"""Looks in the database: taken once a week, never changed, the same when they are replayed."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.ids import digest_of
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.optimize.decision import NOT_LOOKED_AT
from quant_pipelines.research.capital import LookAnswer
from quant_pipelines.store.capital import all_records, newest_look, read_record_days, read_year
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.research import sole_worker
from quant_pipelines.store.tables import alerts, capital_looks, capital_results, record_days
from tests.integration.grown_records import (
    DEC_23,
    DEC_31,
    EXCHANGE,
    FIRST,
    JAN_7,
    begin,
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


def rows(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        looks = connection.execute(select(capital_looks).order_by(capital_looks.c.id)).all()
        results = connection.execute(select(capital_results).order_by(*capital_results.c[:2])).all()
    return [tuple(row) for row in (*looks, *results)]


def test_a_look_decides_on_every_record_and_is_taken_once(engine: Engine, family: Sequence[int]) -> None:
    assert evidence(engine, family[0]) is NOT_LOOKED_AT
    answer = look(engine, DEC_23)
    assert answer.is_taken, answer.told
    found = [evidence(engine, one) for one in family]
    assert [one.decision for one in found[:2]] == ["passed", "passed"]
    assert [(one.decided_by, one.decision == "passed") for one in found[2:]] == [("symbol", False)] * 2
    assert {(one.tests, one.look_day) for one in found} == {(4, DEC_23)}
    with transaction(engine) as connection:
        shown = newest_look(connection, EXCHANGE)
    assert shown is not None
    assert (shown["family_size"], shown["pools"], shown["n_days"]) == (4, 2, (DEC_23 - FIRST).days + 1)
    assert [row["is_beyond_tested"] for row in shown["records"]] == [True, True, True, False]
    before = rows(engine)
    again = look(engine, date(2025, 12, 30))
    assert again == LookAnswer(
        DEC_23, False, "the look of 2025-12-23 was taken already; the next one is due when 2025-12-31 is over"
    )
    assert rows(engine) == before


def test_the_next_look_adds_to_the_year_and_changes_nothing(engine: Engine, family: Sequence[int]) -> None:
    look(engine, DEC_23)
    before = rows(engine)
    for one in family:
        grow(engine, one, DEC_31)
    assert look(engine, DEC_31).is_taken
    assert [row for row in rows(engine) if row in before] == before
    with transaction(engine) as connection:
        year = read_year(connection, EXCHANGE, 2025)
    assert [one.seating.look_day for one in year] == [DEC_23, DEC_31]
    assert year[0].seating.seats == year[1].seating.seats
    assert evidence(engine, family[0]).decision == "passed"


def test_a_look_waits_for_who_is_late_and_then_goes_without(engine: Engine, family: Sequence[int]) -> None:
    look(engine, DEC_23)
    for one in family[1:]:
        grow(engine, one, DEC_31)
    waits = look(engine, DEC_31 + timedelta(days=1))
    assert not waits.is_taken
    assert waits.told == (
        "the look of 2025-12-31 waits for 1 records until 2026-01-03 is over, such as ema_cross 1h BTC"
    )
    assert look(engine, DEC_31 + timedelta(days=3)).is_taken
    assert evidence(engine, family[0]).look_day == DEC_23
    assert evidence(engine, family[1]).look_day == DEC_31


def test_a_new_year_begins_anew_and_keeps_what_passed(engine: Engine, family: Sequence[int]) -> None:
    look(engine, DEC_23)
    for one in family:
        grow(engine, one, JAN_7)
    assert look(engine, JAN_7).is_taken
    found = evidence(engine, family[0])
    assert (found.decision, found.look_day) == ("passed", JAN_7)
    with transaction(engine) as connection:
        assert len(read_year(connection, EXCHANGE, 2026)) == 1


def test_what_passed_without_its_pool_stays_passed_in_the_next_year(engine: Engine) -> None:
    own, other = begin(engine, "ema_cross", "BTC"), begin(engine, "ema_cross", "ETH")
    for record_id, edge in ((own, 8.0), (other, -9.0)):
        grow(engine, record_id, DEC_23, edge=edge)
    look(engine, DEC_23)
    with transaction(engine) as connection:
        shown = newest_look(connection, EXCHANGE)
    assert shown is not None
    assert [(row["passed"], row["pool_passed"]) for row in shown["records"]] == [
        (True, False),
        (False, False),
    ]
    for record_id in (own, other):
        grow(engine, record_id, JAN_7)
    assert look(engine, JAN_7).is_taken
    assert (evidence(engine, own).decision, evidence(engine, own).look_day) == ("passed", JAN_7)
    assert evidence(engine, other).decision != "passed"


def test_every_text_that_had_a_record_counts_and_an_archive_does_not(
    engine: Engine, family: Sequence[int]
) -> None:
    """Fifty edits between two looks are fifty candidates, and still are in the next year."""
    edits = [begin(engine, "rsi", "BTC", version=f"edit {number}") for number in range(3)]
    young, newest = (
        begin(engine, "rsi", "BTC", version="young"),
        begin(engine, "rsi", "BTC", version="newest"),
    )
    foreign = begin(engine, "rsi", "SOL", archive="/data")
    for one in edits:
        grow(engine, one, DEC_23 - timedelta(days=4))
    grow(engine, young, FIRST + timedelta(days=58))
    for one in (newest, foreign):
        grow(engine, one, DEC_23)
    assert look(engine, DEC_23).is_taken
    assert {evidence(engine, one).tests for one in (*family, *edits, newest)} == {8}
    assert {evidence(engine, one).last_day for one in edits} == {DEC_23 - timedelta(days=4)}
    assert [evidence(engine, one) for one in (young, foreign)] == [NOT_LOOKED_AT] * 2
    for one in (*family, newest):
        grow(engine, one, DEC_31)
    assert look(engine, DEC_31).is_taken  # nobody waits for a text that is not in force any more
    assert (evidence(engine, newest).tests, evidence(engine, newest).look_day) == (8, DEC_31)
    assert evidence(engine, edits[0]).look_day == DEC_23
    for one in (*family, newest):
        grow(engine, one, JAN_7)
    assert look(engine, JAN_7).is_taken
    assert {evidence(engine, one).tests for one in (*family, *edits, newest)} == {8}


def test_a_text_that_comes_back_changes_no_look_of_before(engine: Engine, family: Sequence[int]) -> None:
    older = begin(engine, "rsi", "BTC", version="older")
    begin(engine, "rsi", "BTC", version="newer")
    grow(engine, older, DEC_23 - timedelta(days=4), edge=2.0)
    look(engine, DEC_23)
    for one in (*family, older):
        grow(engine, one, DEC_31, edge=2.0 if one == older else 0.0)
    answer = look(engine, DEC_31 + timedelta(days=3))
    assert answer.is_taken, answer.told
    assert (evidence(engine, older).look_day, evidence(engine, older).last_day) == (DEC_31, None)


def test_nothing_is_looked_at_before_a_record_is_long_enough(engine: Engine) -> None:
    assert look(engine, DEC_23).told == "no record has 60 days that reach 2025-12-23; the look waits for one"
    assert rows(engine) == []
    grow(engine, begin(engine, "turtle", "BTC"), FIRST + timedelta(days=40))
    told = "no record has 60 days that reach 2024-08-04, the longest has 35; the look waits for one"
    assert look(engine, FIRST + timedelta(days=40)).told == told


def test_the_command_shows_the_newest_look(
    engine: Engine,
    family: Sequence[int],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.setenv("QUANT_LADDER__EVIDENCE_MAX_DAYS", "3650")
    assert main(["capital", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"told": None, "look": None}
    look(engine, DEC_23)
    assert main(["capital", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["look"]
    assert (shown["look_day"], shown["family_size"]) == ("2025-12-23", 4)
    assert [row["decision"] == "passed" for row in shown["records"]] == [True, True, False, False]
    assert main(["capital", "--look"]) == 0
    told, newest, *_ = capsys.readouterr().out.splitlines()
    assert told.startswith("no record has 60 days that reach ")
    assert newest.startswith("look of 2025-12-23: 4 records in 2 pools, any edge at all: p ")


def test_the_command_says_how_many_days_a_young_record_lacks(
    engine: Engine,
    family: Sequence[int],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.setenv("QUANT_LADDER__EVIDENCE_MAX_DAYS", "3650")
    young = begin(engine, "turtle", "BTC")
    chance = np.random.default_rng(1)
    common = {"record_id": young, "fold": 0, "trades": [], "cover": [], "is_warm": True}
    with transaction(engine) as connection:
        for ago in range(30):
            row = {"day": DEC_23 - timedelta(days=ago), "daily_return": float(chance.normal(0.0, 0.02))}
            connection.execute(insert(record_days).values(common | row | {"computed_at": from_ms(0)}))
    look(engine, DEC_23)
    assert evidence(engine, young).fewest_more_days == 30
    assert main(["capital"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "turtle" in line]
    assert "at least 30" in line


@pytest.mark.parametrize("table", ["capital_looks", "capital_results"])
@pytest.mark.parametrize("statement", ["update {} set critical = 0", "delete from {}", "truncate {} cascade"])
def test_a_look_is_not_changed_by_any_statement(
    engine: Engine, family: Sequence[int], table: str, statement: str
) -> None:
    look(engine, DEC_23)
    before = rows(engine)
    refusal = "looks never change: (update|delete|truncate) is refused"
    with pytest.raises(DBAPIError, match=refusal), engine.begin() as connection:
        connection.execute(text(statement.format(f"research.{table}")))
    assert rows(engine) == before


def test_a_crash_between_the_look_and_its_results_leaves_neither(
    engine: Engine, family: Sequence[int]
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("alter table research.capital_results add constraint away check (symbol <> 'ETH')")
        )
    with pytest.raises(DBAPIError):
        look(engine, DEC_23)
    assert rows(engine) == []
    with engine.begin() as connection:
        connection.execute(text("alter table research.capital_results drop constraint away"))
    assert look(engine, DEC_23).is_taken


def test_two_looks_at_once_are_one(engine: Engine, family: Sequence[int]) -> None:
    told = "^the look of 2025-12-23 is being worked on by another process; try later$"
    work = sole_worker(engine, digest_of({"capital look": EXCHANGE}))
    with work, pytest.raises(OptimizationError, match=told):
        look(engine, DEC_23)
    assert look(engine, DEC_23).is_taken


def test_days_behind_a_gap_are_the_record(engine: Engine, family: Sequence[int]) -> None:
    with engine.begin() as connection:
        connection.execute(text("alter table research.record_days disable trigger user"))
        day = FIRST + timedelta(days=100)
        connection.execute(
            record_days.delete().where(record_days.c.record_id == family[0], record_days.c.day == day)
        )
    look(engine, DEC_23)
    with transaction(engine) as connection:
        (stored,) = read_year(connection, EXCHANGE, 2025)
    assert stored.seating.seats[0].first_day == FIRST + timedelta(days=101)


def test_a_gap_that_comes_later_takes_nothing_back(engine: Engine, family: Sequence[int]) -> None:
    look(engine, DEC_23)
    before = evidence(engine, family[0])
    assert before.decision == "passed"
    for one in family:
        grow(engine, one, DEC_31)
    with engine.begin() as connection:
        connection.execute(text("alter table research.record_days disable trigger user"))
        is_it = (record_days.c.record_id == family[0]) & (record_days.c.day == DEC_23 + timedelta(days=2))
        connection.execute(record_days.delete().where(is_it))
    assert look(engine, DEC_31 + timedelta(days=3)).is_taken
    assert evidence(engine, family[0]) == before
    assert evidence(engine, family[1]).look_day == DEC_31
    with transaction(engine) as connection:
        kept = read_record_days(connection, all_records(connection, EXCHANGE), DEC_31)
        seats = read_year(connection, EXCHANGE, 2025)[0].seating.seats
        seen = read_record_days(connection, all_records(connection, EXCHANGE), DEC_31, seats)
    assert kept[family[0]].first_day == DEC_23 + timedelta(days=3)
    assert (seen[family[0]].first_day, seen[family[0]].last_day) == (FIRST, DEC_23 + timedelta(days=1))


def test_a_look_of_a_year_that_is_over_is_refused_by_name(engine: Engine, family: Sequence[int]) -> None:
    for one in family:
        grow(engine, one, JAN_7)
    assert look(engine, JAN_7).is_taken
    before = rows(engine)
    assert look(engine, DEC_31) == LookAnswer(
        DEC_31,
        False,
        "the look of 2025-12-31 is older than the newest one, of 2026-01-07; looks are taken in order, "
        "and it is left out",
    )
    assert rows(engine) == before


def test_no_statement_adds_a_look_before_the_newest(engine: Engine, family: Sequence[int]) -> None:
    look(engine, DEC_23)
    older = (
        "insert into research.capital_looks (exchange, year, look_day, first_day, n_days, terms, "
        "family_size, pools, block, symbol_block, alpha_spent, spa_p, created_at) "
        "select exchange, year, look_day - 7, first_day, n_days - 7, terms, 1, 1, 1, 1, 0, 1, created_at "
        "from research.capital_looks"
    )
    told = "the look of 2025-12-16 is older than the newest one, of 2025-12-23"
    with pytest.raises(DBAPIError, match=told), engine.begin() as connection:
        connection.execute(text(older))


def test_a_look_that_is_not_what_it_was_stops_the_next_one_by_name(
    engine: Engine, family: Sequence[int]
) -> None:
    look(engine, DEC_23)
    before = rows(engine)
    for one in family:
        grow(engine, one, DEC_31)
    days = record_days.c
    is_it = (days.record_id == family[2]) & days.day.between(date(2025, 10, 1), date(2025, 10, 9))
    change(engine, record_days, update(record_days).where(is_it).values(daily_return=0.05))
    told = "^in the look of 2025-12-23 the .* when it is replayed, .* is stored; no look is added before"
    with pytest.raises(OptimizationError, match=told) as refused:
        look(engine, DEC_31)
    assert rows(engine) == before
    with engine.connect() as connection:
        (alert,) = connection.execute(select(alerts)).all()
    assert (alert.severity, alert.source) == ("critical", f"capital look:{EXCHANGE}")
    assert alert.message == str(refused.value)


@pytest.mark.parametrize("digest", ["other", None])
def test_another_decision_has_what_the_one_before_left_of_the_years_error(
    engine: Engine, family: Sequence[int], digest: str | None
) -> None:
    look(engine, DEC_23)
    found = evidence(engine, family[0])
    change(engine, capital_looks, update(capital_looks).values(decision_digest=digest))
    # Another decision may well have seen the same days differently: it is not replayed.
    change(engine, capital_results, update(capital_results).values(statistic=-1.0))
    for one in family:
        grow(engine, one, DEC_31, edge=8.0 if one in family[:2] else 0.0)
    told = look(engine, DEC_31).told
    assert "what decides is another program or library, so the looks from now on have what that of" in told
    with engine.connect() as connection:
        spent = connection.execute(
            select(capital_looks.c.alpha_spent).order_by(capital_looks.c.look_day)
        ).scalars()
        first, last = spent
    assert f"left of the year's error, {0.025 - first:.3g} of 0.025" in told
    assert last == pytest.approx(0.025)
    now = evidence(engine, family[0])
    assert (found.decision, now.decision, now.look_day) == ("passed", "passed", DEC_31)
