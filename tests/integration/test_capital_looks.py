"""Looks in the database: taken once a week, never changed, the same when they are replayed."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, Table, Update, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.ids import digest_of
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms, from_ms
from quant_pipelines.optimize.decision import NOT_LOOKED_AT
from quant_pipelines.research.capital import LookAnswer, take_due_look
from quant_pipelines.store.capital import all_records, newest_look, read_record_days, read_year
from quant_pipelines.store.capital_evidence import newest_evidence
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.research import open_task, sole_worker
from quant_pipelines.store.tables import alerts, capital_looks, capital_results, record_days

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


def change(engine: Engine, table: Table, statement: Update) -> None:
    """What no statement of the program can do: a disk that lies, or a person with the owner's password."""
    with engine.begin() as connection:
        connection.execute(text(f"alter table research.{table.name} disable trigger user"))
        connection.execute(statement)
        connection.execute(text(f"alter table research.{table.name} enable trigger user"))


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
