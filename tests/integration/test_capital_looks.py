"""Looks in the database: taken once a week, never changed, the same when they are replayed."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.ids import digest_of
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms, from_ms
from quant_pipelines.optimize.decision import NOT_LOOKED_AT
from quant_pipelines.research.capital import LookAnswer, take_due_look
from quant_pipelines.store.capital import current_records, newest_look, read_record_days, read_year
from quant_pipelines.store.capital_evidence import newest_evidence
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.research import open_task, sole_worker
from quant_pipelines.store.tables import capital_looks, capital_results, record_days

pytestmark = pytest.mark.postgres

EXCHANGE = "binanceusdm"
FIRST = date(2024, 7, 1)
DEC_23, DEC_31, JAN_7 = date(2025, 12, 23), date(2025, 12, 31), date(2026, 1, 7)


def begin(
    engine: Engine, strategy: str, symbol: str, *, version: str = "a", archive: str | None = None
) -> int:
    """Record of a search that ran once."""
    text_of = {"strategy": strategy, "description": "", "content_hash": version, "kernel_digest": "k"}
    unit = {"strategy": strategy, "exchange": EXCHANGE, "symbol": symbol, "timeframe": "1h"}
    key = digest_of(unit | {"version": version, "archive": archive})
    task = {"searcher": "ga", "objective": "sharpe", "seed": 1, "trigger": "daily"}
    window = {
        "window_start": from_ms(day_start_ms("2024-01-01")),
        "window_end": from_ms(day_start_ms("2025-01-01")),
    }
    keys = {"task_key": key, "record_key": key, "settings": {"job": {"archive": archive}}}
    version_row = text_of | {"source": "", "parameters": {}}
    return open_task(engine, version_row, unit | task | window | keys).record_id


def grow(engine: Engine, record_id: int, until: date, *, edge: float = 0.0, held: bool = True) -> None:
    """Days of a volatility of 2 % with a yearly Sharpe ratio, the same whenever they are added."""
    n_days = (until - FIRST).days + 1
    chance = np.random.default_rng(record_id)
    days = 0.02 * (chance.standard_normal(1500)[:n_days] + edge / np.sqrt(365))
    rows = [
        {"record_id": record_id, "day": FIRST + timedelta(days=at), "fold": 0, "trades": [], "cover": []}
        | {"daily_return": float(value), "is_warm": True, "computed_at": from_ms(0)}
        | ({"exposure": 0.0, "holding_return": 0.01} if held else {})
        for at, value in enumerate(days)
    ]
    with transaction(engine) as connection:
        stored = connection.execute(
            select(func.max(record_days.c.day)).where(record_days.c.record_id == record_id)
        )
        last = stored.scalar_one()
        connection.execute(insert(record_days), [row for row in rows if last is None or row["day"] > last])


def look(engine: Engine, yesterday: date) -> LookAnswer:
    now = day_start_ms(yesterday.isoformat()) + DAY_MS + 6 * HOUR_MS
    return take_due_look(engine, EXCHANGE, lambda: now)


def evidence(engine: Engine, record_id: int) -> Any:
    with transaction(engine) as connection:
        return newest_evidence(connection, record_id)


def rows(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        looks = connection.execute(select(capital_looks).order_by(capital_looks.c.id)).all()
        results = connection.execute(select(capital_results).order_by(*capital_results.c[:2])).all()
    return [tuple(row) for row in (*looks, *results)]


@pytest.fixture(name="family")
def begin_family(engine: Engine) -> Sequence[int]:
    """Two strategies on two symbols; the first has an edge that nobody overlooks."""
    ids = [begin(engine, name, symbol) for name in ("ema_cross", "rsi") for symbol in ("BTC", "ETH")]
    for at, record_id in enumerate(ids):
        grow(engine, record_id, DEC_23, edge=8.0 if at < 2 else 0.0, held=at != 3)
    return ids


def test_a_look_decides_on_every_record_and_is_taken_once(engine: Engine, family: Sequence[int]) -> None:
    assert evidence(engine, family[0]) is NOT_LOOKED_AT
    answer = look(engine, DEC_23)
    assert answer.is_taken, answer.told
    found = [evidence(engine, one) for one in family]
    assert [one.decision for one in found[:2]] == ["passed", "passed"]
    assert [(one.decided_by, one.decision == "passed") for one in found[2:]] == [("pool", False)] * 2
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
    assert [seating.look_day for seating in year.seatings] == [DEC_23, DEC_31]
    assert year.seatings[0].seats == year.seatings[1].seats
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
        assert len(read_year(connection, EXCHANGE, 2026).seatings) == 1


def test_another_version_and_an_archive_are_no_part_of_the_family(
    engine: Engine, family: Sequence[int]
) -> None:
    newer = begin(engine, "rsi", "BTC", version="b")
    foreign = begin(engine, "rsi", "SOL", archive="/data")
    for one in (newer, foreign):
        grow(engine, one, DEC_23)
    look(engine, DEC_23)
    asked = {one: evidence(engine, one) is not NOT_LOOKED_AT for one in (*family, newer, foreign)}
    assert asked == {
        family[0]: True,
        family[1]: True,
        family[2]: False,
        family[3]: True,
        newer: True,
        foreign: False,
    }


def test_nothing_is_looked_at_before_a_record_is_long_enough(engine: Engine) -> None:
    assert look(engine, DEC_23).told == "no record has 60 days that reach 2025-12-23; the look waits for one"
    assert rows(engine) == []


def test_the_command_shows_the_newest_look(
    engine: Engine,
    family: Sequence[int],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
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
    young = begin(engine, "turtle", "BTC")
    chance = np.random.default_rng(1)
    common = {"record_id": young, "fold": 0, "trades": [], "cover": [], "is_warm": True}
    with transaction(engine) as connection:
        for ago in range(30):
            row = {"day": DEC_23 - timedelta(days=ago), "daily_return": float(chance.normal(0.0, 0.02))}
            connection.execute(insert(record_days).values(common | row | {"computed_at": from_ms(0)}))
    look(engine, DEC_23)
    assert evidence(engine, young).fewest_more_days == 40  # a pool begins with the eleventh day
    assert main(["capital"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "turtle" in line]
    assert "at least 40" in line


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
        (seating,) = read_year(connection, EXCHANGE, 2025).seatings
    assert seating.seats[0].first_day == FIRST + timedelta(days=101)


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
        kept = read_record_days(connection, current_records(connection, EXCHANGE), DEC_31)
        seats = read_year(connection, EXCHANGE, 2025).seatings[0].seats
        seen = read_record_days(connection, current_records(connection, EXCHANGE), DEC_31, seats)
    assert kept[family[0]].first_day == DEC_23 + timedelta(days=3)
    assert (seen[family[0]].first_day, seen[family[0]].last_day) == (FIRST, DEC_23 + timedelta(days=1))


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


def test_a_look_of_a_year_that_is_over_is_refused_by_name(engine: Engine, family: Sequence[int]) -> None:
    for one in family:
        grow(engine, one, JAN_7)
    assert look(engine, JAN_7).is_taken
    before = rows(engine)
    assert look(engine, DEC_31) == LookAnswer(
        DEC_31,
        False,
        "the look of 2025-12-31 is older than the newest one, of 2026-01-07; looks are taken in order, and it "
        "is left out",
    )
    assert rows(engine) == before


def test_no_statement_adds_a_look_before_the_newest(engine: Engine, family: Sequence[int]) -> None:
    look(engine, DEC_23)
    older = (
        "insert into research.capital_looks (exchange, year, look_day, first_day, n_days, terms, "
        "family_size, pools, block, symbol_block, alpha_spent, spa_p, created_at) select exchange, year, look_day - 7, "
        "first_day, n_days - 7, terms, 1, 1, 1, 1, 0, 1, created_at from research.capital_looks"
    )
    told = "the look of 2025-12-16 is older than the newest one, of 2025-12-23"
    with pytest.raises(DBAPIError, match=told), engine.begin() as connection:
        connection.execute(text(older))
