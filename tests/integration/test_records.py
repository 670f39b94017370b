"""Records grow night by night: a computed day never changes, another procedure begins another record."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.exc import DBAPIError

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.search_settings import ConstraintSettings, OptimizationSettings, ParameterRange
from quant_pipelines.core.series import Series
from quant_pipelines.core.settings import CostSettings, GateSettings, Settings
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.lifecycle import screen_candidates
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT
from quant_pipelines.reports.walk_forward import JudgedWalk, render_walk
from quant_pipelines.research.job import make_job
from quant_pipelines.research.run import optimize_one, resume_job
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.capital import all_records, read_record_days
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.market import add_to_whitelist
from quant_pipelines.store.records import read_folds
from quant_pipelines.store.stages import StoredStage, read_stage
from quant_pipelines.store.tables import (
    folds,
    optimizer_tasks,
    record_days,
    records,
    trials,
    verdicts,
)
from quant_pipelines.store.verdict_rows import read_verdicts
from tests.forgotten import forget_records
from tests.integration.stored_market import (
    END,
    JOB,
    WINDOWS,
    count,
    days_of,
    market,
    numbers,
    rolled_up,
    store_market,
)
from tests.stored_looks import look_at_task

pytestmark = pytest.mark.postgres


@pytest.fixture(name="stored")
def store(engine: Engine) -> Engine:
    return store_market(engine)


TWO_DAYS = replace(JOB, windows=replace(WINDOWS, test_days=2, folds=2, min_folds=1))


def test_second_night_searches_nothing_and_adds_its_day(stored: Engine) -> None:
    first = optimize_one(stored, replace(TWO_DAYS, window_end_ms=END - DAY_MS))
    before, fits = days_of(stored), (count(stored, folds), count(stored, trials))
    second = optimize_one(stored, TWO_DAYS)
    after = days_of(stored)
    assert {key: after[key] for key in before} == before  # neither a value nor the row was written again
    assert len(after) == len(before) + 1
    assert second.daily_returns[: len(first.daily_returns)] == first.daily_returns
    assert len(second.daily_returns) == len(first.daily_returns) + 1
    assert (count(stored, folds), count(stored, trials)) == fits
    assert second.in_sample["trials"] == second.in_sample["own_trials"]  # its own record is no earlier one
    assert optimize_one(stored, replace(TWO_DAYS, window_end_ms=END - DAY_MS)) == first


def test_record_is_the_same_whatever_the_nights_that_wrote_it(stored: Engine) -> None:
    for before in (2, 1, 0):
        grown = optimize_one(stored, replace(TWO_DAYS, window_end_ms=END - before * DAY_MS))
    forget_records(stored)
    anew = optimize_one(stored, TWO_DAYS)
    assert len(anew.daily_returns) == 3
    assert numbers(grown) == numbers(anew)


def test_changed_bars_leave_the_days_that_were_computed(stored: Engine) -> None:
    first = optimize_one(stored, replace(TWO_DAYS, window_end_ms=END - DAY_MS))
    upsert_bars(stored, Series(JOB.exchange, JOB.symbol, "15m"), rolled_up(market(77), 15))
    second = optimize_one(stored, TWO_DAYS)
    assert second.daily_returns[: len(first.daily_returns)] == first.daily_returns


@pytest.mark.parametrize(
    "statement",
    [
        "update research.record_days set daily_return = 0.5",
        "delete from research.record_days",
        "truncate research.record_days",
    ],
)
def test_day_of_a_record_is_not_changed_by_any_statement(stored: Engine, statement: str) -> None:
    optimize_one(stored, JOB)
    before = days_of(stored)
    refusal = "days of a record never change: (update|delete|truncate) is refused"
    with pytest.raises(DBAPIError, match=refusal), stored.begin() as connection:
        connection.execute(text(statement))
    assert days_of(stored) == before


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"trials": 8},
        {"searcher": "grid"},
        {"objective": "sortino"},
        {"windows": replace(WINDOWS, purge_hours=8)},
        {"costs": CostSettings(fee_bps=9.0)},
        {"overfit_points": 16},
        {"promise": 2},
        {"space": (ParameterRange("fast", 5, 20),)},
        {"constraints": ConstraintSettings(min_capacity=1.0)},
    ],
)
def test_another_procedure_begins_a_record_of_its_own(stored: Engine, change: dict[str, Any]) -> None:
    optimize_one(stored, JOB)
    optimize_one(stored, replace(JOB, **change))
    assert (count(stored, records), count(stored, record_days)) == (2, 6)


@pytest.mark.parametrize(
    "change", [{"gates": GateSettings(capital_stress_gap=0.5)}, {"overfit_blocks": 4}, {"trigger": "daily"}]
)
def test_how_days_are_judged_begins_no_record(stored: Engine, change: dict[str, Any]) -> None:
    optimize_one(stored, JOB)
    optimize_one(stored, replace(JOB, **change))
    assert (count(stored, records), count(stored, record_days)) == (1, 3)


def test_days_count_as_unseen_from_the_first_time_that_the_text_was_seen(stored: Engine) -> None:
    first = optimize_one(
        stored, replace(JOB, window_end_ms=END - DAY_MS, windows=replace(WINDOWS, min_folds=1))
    )
    assert first.out_of_sample["days_unseen"] == 0
    with stored.begin() as connection:
        seen = {"at": from_ms(END - 2 * DAY_MS)}
        connection.execute(text("update research.strategy_versions set created_at = :at"), seen)
    second = optimize_one(stored, replace(JOB, windows=replace(WINDOWS, min_folds=1)))
    assert second.out_of_sample["days_unseen"] == 2


def test_capital_asks_the_newest_verdict_and_the_newest_look_on_the_record(stored: Engine) -> None:
    admitting = GateSettings(paper_min_trades=1, paper_min_return=-1.0, paper_min_efficiency=-1e9)
    admitting = replace(admitting, paper_min_known_funding=0.0)
    optimize_one(stored, replace(TWO_DAYS, window_end_ms=END - DAY_MS, gates=admitting))
    (deployment,) = screen_candidates(stored, Settings(), lambda: END).deployments
    assert stage_of(stored, deployment).failed_gates == ("gaps_paid_for", "days_unseen")
    second = optimize_one(stored, TWO_DAYS)
    other = optimize_one(stored, replace(TWO_DAYS, seed=5))
    for judged, failed, decision in ((other, None, "undecided"), (second, (), "passed")):
        with stored.begin() as connection:
            connection.execute(update(verdicts).where(verdicts.c.id == judged.id).values(gates=[]))
            look_at_task(connection, judged.task_id or 0)
        found = stage_of(stored, deployment)
        assert (found.failed_gates == ()) is (failed == ())
        assert found.look.decision == decision


def test_verdict_shows_the_newest_look_at_its_record(stored: Engine) -> None:
    first = optimize_one(stored, JOB)
    assert first.evidence == NOT_LOOKED_AT
    assert "capital_decision" in {gate.name for gate in first.gates if not gate.passed}
    with stored.begin() as connection:
        look_at_task(connection, first.task_id or 0)
    with transaction(stored) as connection:
        (read,) = read_verdicts(connection)
    assert (read.evidence.decision, read.evidence.tests) == ("passed", 24)
    assert read.capital[:2] == ("refused", "gaps_paid_for")  # three days earn no gap
    assert "capital_decision" in {gate.name for gate in read.gates if gate.passed}
    assert optimize_one(stored, JOB) == read  # a finished job is asked for again


def listed(engine: Engine, at_ms: int, by: str = "ops") -> None:
    with transaction(engine) as connection:
        added = {"added_at": from_ms(at_ms), "added_by": by}
        add_to_whitelist(connection, JOB.exchange, JOB.symbol, added)


@pytest.mark.parametrize(
    ("since", "by", "tested"),
    [
        (END - 2 * DAY_MS, "ops", [False, True, True]),
        (END - 2 * DAY_MS + 1, "ops", [False, False, True]),  # not a whole day
        (END, "ops", [False] * 3),
        (END, "settings", [True] * 3),  # no score has chosen it
    ],
)
def test_days_before_the_symbol_was_listed_are_marked_and_not_tested(
    stored: Engine, since: int, by: str, tested: list[bool]
) -> None:
    listed(stored, since, by)
    record = optimize_one(stored, JOB)
    assert [day.is_listed for _, day in sorted(days_of(stored).items())] == tested
    assert record.out_of_sample["days_before_listing"] == tested.count(False)
    assert record.out_of_sample["days"] == 3  # they count for the search
    with transaction(stored) as connection:
        units = all_records(connection, JOB.exchange)
        asked = read_record_days(connection, units, from_ms(END).date())
    assert [one.returns.size for one in asked.values()] == [n for n in [sum(tested)] if n]


def test_days_of_an_unlisted_symbol_are_never_tested(stored: Engine) -> None:
    with transaction(stored) as connection:
        seeded = {"added_at": from_ms(0), "added_by": "settings"}
        add_to_whitelist(connection, JOB.exchange, "ETH/USDT:USDT", seeded)
    record = optimize_one(
        stored, replace(JOB, window_end_ms=END - DAY_MS, windows=replace(WINDOWS, min_folds=1))
    )
    assert record.out_of_sample["days_before_listing"] == record.out_of_sample["days"]
    listed(stored, END - 3 * DAY_MS)
    grown = optimize_one(stored, replace(JOB, windows=replace(WINDOWS, min_folds=1)))
    assert grown.out_of_sample["days_before_listing"] == record.out_of_sample["days"]  # they stay as they are


def test_unseen_days_of_an_unlisted_symbol_count_for_nothing(stored: Engine) -> None:
    listed(stored, END - DAY_MS)
    one_day = replace(WINDOWS, min_folds=1)
    optimize_one(stored, replace(JOB, window_end_ms=END - 2 * DAY_MS, windows=one_day))
    with stored.begin() as connection:
        connection.execute(text("update research.strategy_versions set created_at = to_timestamp(0)"))
    assert optimize_one(stored, replace(JOB, windows=one_day)).out_of_sample["days_unseen"] == 1


def test_days_that_a_pause_left_out_are_told(stored: Engine) -> None:
    short = replace(JOB, windows=replace(WINDOWS, folds=1, min_folds=1))
    before = optimize_one(stored, replace(short, window_end_ms=END - 2 * DAY_MS))
    assert before.out_of_sample["days_missing"] == 0
    after = optimize_one(stored, short)
    assert (after.out_of_sample["days"], after.out_of_sample["days_missing"]) == (2, 1)
    with transaction(stored) as connection:
        folds_of = read_folds(connection, after.task_id or 0)
    page = render_walk(JudgedWalk(after, tuple(folds_of[one] for one in sorted(folds_of))))
    assert "1 missing between its days" in page


def stage_of(engine: Engine, deployment_id: int) -> StoredStage:
    with transaction(engine) as connection:
        stored = read_stage(connection, deployment_id)
    assert stored is not None
    return stored


def test_promise_is_part_of_the_procedure_and_a_fold_is_searched_alike_whoever_opens_it(
    stored: Engine,
) -> None:
    nights = replace(JOB, promise=2, windows=replace(WINDOWS, min_folds=1))
    optimize_one(stored, replace(nights, folds=1))  # by hand, before any night
    optimize_one(stored, nights)
    with stored.begin() as connection:
        tried = select(trials.c.fold, func.count()).group_by(trials.c.fold).order_by(trials.c.fold)
        by_hand = [tuple(row) for row in connection.execute(tried)]
    forget_records(stored)
    optimize_one(stored, nights)
    with stored.connect() as connection:
        assert [tuple(row) for row in connection.execute(tried)] == by_hand
    assert {n for _, n in by_hand} <= {16, 32}
    optimize_one(stored, replace(nights, promise=3))
    assert count(stored, records) == 2


def test_an_objective_of_ones_own_goes_with_its_job(stored: Engine, tmp_path: Path) -> None:
    """Its text is stored with the task: the file may change or go, and a changed text is another record."""
    mine = tmp_path / "lower_is_better.py"
    mine.write_text("def objective(returns):\n    return -returns.mean(axis=0)\n")
    asked = Settings(optimization=OptimizationSettings(objective=str(mine), trials=16))
    made = make_job(asked, JOB.strategy, JOB.symbol, JOB.timeframe)
    job = replace(JOB, objective=made.objective, objective_text=made.objective_text)
    mine.unlink()
    record = optimize_one(stored, job)
    assert record.task_id is not None
    assert resume_job(stored, record.task_id).objective_text == made.objective_text
    best = optimize_one(stored, JOB)
    assert record.in_sample["mean_daily_return"] < 0.0 < best.in_sample["mean_daily_return"]
    assert count(stored, records) == 2


def test_an_objective_that_raises_fails_its_task_with_the_reason(stored: Engine) -> None:
    broken = replace(JOB, objective="mine.py", objective_text="def objective(returns):\n    return missing\n")
    with pytest.raises(OptimizationError, match=r"objective mine\.py: NameError"):
        optimize_one(stored, broken)
    with stored.connect() as connection:
        assert connection.execute(select(optimizer_tasks.c.status)).scalar_one() == "failed"
