"""Walk-forwards on stored bars: kept, resumed after a crash, the same for any number of workers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, select, text

from quant_pipelines.core.errors import DataError, OptimizationError, StrategyError
from quant_pipelines.core.search_settings import OptimizationSettings
from quant_pipelines.core.series import Series
from quant_pipelines.core.settings import MarketSettings, Settings
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, from_ms
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.research.daily import daily_jobs
from quant_pipelines.research.job import JobFailure
from quant_pipelines.research.pool import optimize_many
from quant_pipelines.research.run import optimize_one, resume_job
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.records import read_folds
from quant_pipelines.store.tables import (
    folds,
    optimizer_tasks,
    record_days,
    records,
    strategy_versions,
    trials,
    verdicts,
)
from quant_pipelines.store.verdict_rows import read_verdicts, verdict_of_task
from quant_pipelines.store.views import out_of_sample_equity
from tests.forgotten import forget_records
from tests.integration.stored_market import (
    DAYS,
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

pytestmark = pytest.mark.postgres


@pytest.fixture(name="stored")
def store(engine: Engine) -> Engine:
    return store_market(engine)


def test_verdict_on_an_instrument_set_is_stored_under_its_name(stored: Engine) -> None:
    together = replace(JOB, strategy="zscore_spread", symbol="BTC/USDT:USDT+ETH/USDT:USDT")
    record = optimize_one(stored, together)
    assert record.symbol == "BTC/USDT:USDT+ETH/USDT:USDT"
    assert {(day.exposure, day.holding_return) for day in days_of(stored).values()} == {(None, None)}
    assert record.out_of_sample["execution_timeframe"] == "1m"
    assert record.out_of_sample["days"] == 3
    with transaction(stored) as connection:
        (kept,) = read_verdicts(connection)
    assert numbers(kept) == numbers(record)
    assert optimize_one(stored, together).id == record.id


def test_a_set_without_bars_of_a_symbol_is_named_and_the_others_go_on(
    stored: Engine, database_url: str
) -> None:
    with stored.begin() as connection:
        last_day = {"symbol": "ETH/USDT:USDT", "from": from_ms(END - DAY_MS)}
        connection.execute(text("delete from market.bars where symbol = :symbol and ts >= :from"), last_day)
    together = replace(JOB, strategy="zscore_spread", symbol="BTC/USDT:USDT+ETH/USDT:USDT")
    failed, found = optimize_many(database_url, [together, JOB], 1)
    assert isinstance(failed, JobFailure)
    assert failed.error.startswith("ETH/USDT:USDT 15m: folds is 0 of 3, because bars are")
    assert isinstance(found, VerdictRecord)


def test_verdict_is_stored_with_everything_behind_it(stored: Engine) -> None:
    record = optimize_one(stored, JOB)
    assert record.decision == "candidate"
    assert record.out_of_sample["days"] == 3
    assert record.out_of_sample["execution_timeframe"] == "1m"
    assert record.in_sample["own_trials"] == 16 * 4 + 8
    assert {gate.gate for gate in record.gates} == {"paper", "capital"}
    assert (count(stored, folds), count(stored, trials)) == (4, 64)
    assert count(stored, record_days) == 3
    assert (count(stored, strategy_versions), count(stored, verdicts)) == (1, 1)
    assert record.task_id is not None
    with stored.connect() as connection:
        equity = out_of_sample_equity(connection, [record.task_id])[record.task_id]
    assert equity[-1] == pytest.approx(1 + record.out_of_sample["total_return"], rel=1e-12)


def test_days_are_stored_with_what_was_held_and_what_holding_earned(stored: Engine) -> None:
    record = optimize_one(stored, JOB)
    days = [day for _, day in sorted(days_of(stored).items())]
    minutes = market().close[-3 * 1440 :].reshape(3, 1440)
    begins = np.concatenate([[market().open[-3 * 1440]], minutes[:-1, -1]])
    assert [day.holding_return for day in days] == pytest.approx(minutes[:, -1] / begins - 1.0, rel=1e-9)
    assert all(0.0 < abs(day.exposure) < 1.0 for day in days)
    with transaction(stored) as connection:
        (task,) = connection.execute(select(optimizer_tasks.c.id)).scalars()
        kept = [result.test for _, result in sorted(read_folds(connection, task).items())]
    assert [*np.concatenate([test.exposure for test in kept])] == [day.exposure for day in days]
    assert len(record.daily_returns) == 3


def test_finished_job_is_not_run_again(stored: Engine) -> None:
    first = optimize_one(stored, JOB)
    assert optimize_one(stored, replace(JOB, trigger="operator")) == first
    assert count(stored, verdicts) == 1


def test_interrupted_job_goes_on_behind_the_last_fold_and_ends_the_same(stored: Engine) -> None:
    whole = optimize_one(stored, JOB)
    assert whole.task_id is not None
    kept = {"kept": [END // DAY_MS - 3, END // DAY_MS - 2]}
    with stored.begin() as connection:  # as a crash after two folds would leave it
        connection.execute(text("delete from research.verdicts"))
        connection.execute(text("alter table research.record_days disable trigger user"))
        connection.execute(text("delete from research.record_days where fold != all(:kept)"), kept)
        connection.execute(text("delete from research.folds where fold != all(:kept)"), kept)
        connection.execute(text("delete from research.trials where fold != all(:kept)"), kept)
        connection.execute(text("update research.optimizer_tasks set status = 'running', finished_at = null"))
        connection.execute(text("create table kept as select *, xmin as writer from research.folds"))
    resumed = optimize_one(stored, resume_job(stored, whole.task_id))
    assert numbers(resumed) == numbers(whole)
    with stored.connect() as connection:
        untouched = connection.execute(
            text(
                "select count(*) from research.folds f join kept using (record_id, fold)"
                " where f.xmin = writer"
            )
        ).scalar_one()
    assert untouched == 2


def test_any_number_of_workers_gives_the_same_verdicts(
    stored: Engine, database_url: str, tmp_path: Path
) -> None:
    """The workers read through column files, which they make at the same time."""
    jobs = [JOB, replace(JOB, timeframe="1m"), replace(JOB, symbol="ETH/USDT:USDT")]
    alone = [numbers(optimize_one(stored, job)) for job in reversed(jobs)][::-1]
    forget_records(stored)
    todo = [*jobs, replace(JOB, strategy="ema_cros")]
    outcomes = optimize_many(database_url, todo, workers=2, columns=tmp_path)
    assert [numbers(one) for one in outcomes[:3] if isinstance(one, VerdictRecord)] == alone
    failure = outcomes[3]
    assert isinstance(failure, JobFailure)
    assert "did you mean 'ema_cross'?" in failure.error
    assert len(list(tmp_path.glob("*.columns"))) == 4
    assert len(list(tmp_path.iterdir())) == 4


HOARD = """
import numpy as np
from quant_pipelines.sdk import Array, Bars, Int, Strategy


class Hoard(Strategy):
    window = Int(20, low=5, high=50)

    def target(self, bars: Bars) -> Array:
        if not bars.symbol.startswith("TRIAL"):
            np.ones((100_000, 100_000))
        return np.sign(np.diff(bars.close, prepend=bars.close[:1]))
"""


def test_memory_without_end_fails_its_own_search_alone(
    stored: Engine, database_url: str, tmp_path: Path
) -> None:
    """The trial can't see it: the strategy behaves on the trial's bars."""
    (tmp_path / "hoard.py").write_text(HOARD)
    jobs = [replace(JOB, strategy=str(tmp_path / "hoard.py")), JOB]
    hoard, other = optimize_many(database_url, jobs, workers=1)
    assert isinstance(hoard, JobFailure)
    assert "MemoryError" in hoard.error or "Unable to allocate" in hoard.error
    assert isinstance(other, VerdictRecord)


def test_earlier_trials_on_overlapping_data_count(stored: Engine) -> None:
    first = optimize_one(stored, JOB)
    second = optimize_one(stored, replace(JOB, seed=2))
    assert second.in_sample["trials"] == 2 * first.in_sample["own_trials"]


def test_failed_job_keeps_its_reason_and_may_be_run_again(stored: Engine) -> None:
    broken = replace(JOB, objective="sharp")
    with pytest.raises(OptimizationError, match="did you mean 'sharpe'"):
        optimize_one(stored, broken)
    with stored.connect() as connection:
        row = connection.execute(select(optimizer_tasks.c.status, optimizer_tasks.c.error)).one()
    assert row.status == "failed"
    assert "did you mean 'sharpe'" in row.error


def test_second_process_at_the_same_task_is_refused(stored: Engine) -> None:
    record = optimize_one(stored, JOB)
    with stored.connect() as connection:
        key = connection.execute(select(records.c.record_key)).scalar_one()
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": int(key[:15], 16)})
        with pytest.raises(OptimizationError, match="being worked on by another process"):
            optimize_one(stored, JOB)
        connection.execute(text("select pg_advisory_unlock_all()"))
    assert optimize_one(stored, JOB) == record


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (
            {"window_end_ms": END + 5 * DAY_MS},
            DataError,
            "folds is 0 of 3, .* need 672 from 2025-06-08 00:00",
        ),
        ({"symbol": "SOL/USDT:USDT"}, DataError, "bars are none"),
        ({"strategy": "no_such_thing"}, StrategyError, "unknown strategy"),
        ({"window_end_ms": None, "symbol": "SOL/USDT:USDT"}, DataError, "no 15m bars of SOL"),
        ({"archive": "nowhere"}, DataError, "archive nowhere has no bars"),
    ],
)
def test_job_that_cannot_run_says_why(
    stored: Engine, change: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        optimize_one(stored, replace(JOB, **change))


def block(engine: Engine, timeframe: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into market.data_findings"
                " (exchange, symbol, timeframe, day, check_name, severity, count, detail, found_at) values"
                " ('binanceusdm', 'BTC/USDT:USDT', :timeframe, '2025-06-07', 'gaps', 'block', 3, '{}', now())"
            ),
            {"timeframe": timeframe},
        )


BLOCKED = "1 findings block the window: 3 x gaps in {} bars of BTC/USDT:USDT on 2025-06-07; expected none"


def test_nothing_is_optimized_on_a_blocked_day(stored: Engine) -> None:
    block(stored, JOB.timeframe)
    with pytest.raises(DataError, match=BLOCKED.format(JOB.timeframe)):
        optimize_one(stored, JOB)


def test_blocked_minutes_block_only_what_executes_on_them(stored: Engine) -> None:
    block(stored, "1m")
    with pytest.raises(DataError, match=BLOCKED.format("1m")):
        optimize_one(stored, JOB)
    with stored.begin() as connection:
        connection.execute(text("delete from market.bars where timeframe = '1m'"))
    assert optimize_one(stored, JOB).out_of_sample["execution_timeframe"] == "15m"


def test_blocked_bars_of_another_timeframe_are_no_hindrance(stored: Engine) -> None:
    block(stored, "4h")
    gate = next(gate for gate in optimize_one(stored, JOB).gates if gate.name == "blocking_findings")
    assert gate.passed


def test_day_has_one_job_for_each_strategy_symbol_and_timeframe(engine: Engine) -> None:
    settings = Settings(
        market=MarketSettings(whitelist=("ETH/USDT:USDT", "BTC/USDT:USDT")),
        optimization=OptimizationSettings(timeframes=("1m", "1h")),
    )
    jobs = daily_jobs(settings, engine, END + 5 * MINUTE_MS)
    assert len({(job.strategy, job.symbol, job.timeframe) for job in jobs}) == len(jobs) == 8
    assert {job.window_end_ms for job in jobs} == {END}
    assert {job.windows.train_days for job in jobs if job.timeframe == "1m"} == {10}
    assert daily_jobs(settings, engine, END + 23 * 60 * MINUTE_MS) == jobs


def test_day_asked_again_gives_the_same_tasks(stored: Engine) -> None:
    settings = Settings(
        market=MarketSettings(whitelist=(JOB.symbol,)),
        optimization=OptimizationSettings(
            strategies=("ema_cross",),
            timeframes=("15m",),
            trials=4,
            overfit_points=4,
            overfit_blocks=2,
            minute_windows=replace(WINDOWS, folds=9),
        ),
    )
    runs = []
    for at_ms in (END + 10 * MINUTE_MS, END + 23 * 60 * MINUTE_MS):
        (job,) = daily_jobs(settings, stored, at_ms)
        assert (job.folds, job.windows.folds) == (None, 9)
        runs.append(optimize_one(stored, job))
    assert runs[0] == runs[1]
    assert (count(stored, optimizer_tasks), count(stored, verdicts)) == (1, 1)


def test_short_history_gets_the_newest_folds_and_the_verdict_says_so(stored: Engine) -> None:
    record = optimize_one(stored, replace(JOB, windows=replace(WINDOWS, folds=9)))
    evidence = record.out_of_sample
    assert (evidence["folds"], evidence["configured_folds"], evidence["days"]) == (3, 9, 3)
    assert (record.window_start_ms, record.window_end_ms) == (END - 7 * DAY_MS, END)
    with stored.connect() as connection:
        assert verdict_of_task(connection, record.task_id or 0).out_of_sample == evidence
        row = connection.execute(select(optimizer_tasks)).one()
    assert (row.settings["job"]["folds"], row.settings["job"]["windows"]["folds"]) == (3, 9)


def test_longer_history_is_another_task_and_a_stored_one_resumes_as_it_was(stored: Engine) -> None:
    job = replace(JOB, windows=replace(WINDOWS, folds=4))
    short = optimize_one(stored, job)
    older = market(9, start=END - 2 * DAYS * DAY_MS)
    upsert_bars(stored, Series(JOB.exchange, JOB.symbol, "15m"), rolled_up(older, 15))
    long = optimize_one(stored, job)
    assert (short.out_of_sample["folds"], long.out_of_sample["folds"]) == (3, 4)
    assert short.task_id is not None
    assert short.task_id != long.task_id
    assert optimize_one(stored, resume_job(stored, short.task_id)) == short


def test_hours_without_minutes_of_the_whole_window_execute_themselves(stored: Engine) -> None:
    older = market(9, start=END - 2 * DAYS * DAY_MS)
    upsert_bars(stored, Series(JOB.exchange, JOB.symbol, "15m"), rolled_up(older, 15))
    record = optimize_one(stored, replace(JOB, windows=replace(WINDOWS, folds=6)))
    assert record.out_of_sample["folds"] == 6
    assert record.out_of_sample["execution_timeframe"] == "15m"


def test_history_for_too_few_folds_fails_with_one_sentence(stored: Engine) -> None:
    job = replace(JOB, windows=replace(WINDOWS, folds=9, min_folds=4))
    sentence = "BTC/USDT:USDT 15m: folds is 3 of 9, because bars are 672 from .*; expected 4 or more"
    with pytest.raises(DataError, match=sentence):
        optimize_one(stored, job)


# Two folds of two days: the first is finished a day before the end, the second has one day then.
