"""What a night searches, and in which order: what its time did not reach is the next one's beginning."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.search_settings import OptimizationSettings, ParameterRange
from quant_pipelines.core.settings import MarketSettings, Settings
from quant_pipelines.core.timeframes import DAY_MS, day_start_ms, from_ms
from quant_pipelines.optimize.gates import PAPER, Gate
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.research.daily import Scope, daily_jobs, note_searched
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.library import LibraryEntry, StoredTrial, save_entries, save_trial
from quant_pipelines.store.research import open_task
from quant_pipelines.store.searched import Round, SearchUnit, window_ends
from quant_pipelines.store.tables import verdicts
from quant_pipelines.store.verdicts import save_verdict

pytestmark = pytest.mark.postgres
TODAY = day_start_ms("2025-06-10")
TOMORROW = TODAY + DAY_MS
SEARCH = OptimizationSettings(
    strategies=("ema_cross", "sma_cross"), timeframes=("1h",), set_strategies=(), trials=10
)
SETTINGS = Settings(market=MarketSettings(whitelist=("BTC/USDT:USDT", "ETH/USDT:USDT")), optimization=SEARCH)


def units(engine: Engine, now_ms: int = TODAY, settings: Settings = SETTINGS, **scope: Any) -> list[str]:
    jobs = daily_jobs(settings, engine, now_ms, scope=Scope(**scope))
    return [f"{job.strategy} {job.symbol.replace('/USDT:USDT', '')}" for job in jobs]


def test_symbols_stand_together(engine: Engine) -> None:
    assert units(engine) == ["ema_cross BTC", "sma_cross BTC", "ema_cross ETH", "sma_cross ETH"]


def test_what_was_not_reached_comes_first_tomorrow(engine: Engine) -> None:
    for job in daily_jobs(SETTINGS, engine, TODAY)[:3]:
        note_searched(engine, job)
    assert units(engine, TOMORROW) == ["sma_cross ETH", "ema_cross BTC", "sma_cross BTC", "ema_cross ETH"]


def test_a_deeper_search_has_an_order_of_its_own(engine: Engine) -> None:
    note_searched(engine, daily_jobs(SETTINGS, engine, TODAY)[0], depth=4)
    assert units(engine, TOMORROW)[0] == "ema_cross BTC"
    assert units(engine, TOMORROW, trials_factor=4)[-1] == "ema_cross BTC"


def test_a_study_of_many_paths_stands_for_no_search(engine: Engine) -> None:
    """It makes no record: what it studied would come last in a night that has not searched it."""
    job = daily_jobs(SETTINGS, engine, TODAY)[0]
    note_searched(engine, replace(job, windows=replace(job.windows, calendar="combinatorial")))
    assert units(engine, TOMORROW)[0] == "ema_cross BTC"


def test_an_older_window_leaves_the_newer_one_standing(engine: Engine) -> None:
    for job in [daily_jobs(SETTINGS, engine, day)[0] for day in (TOMORROW, TODAY)]:
        note_searched(engine, job)
    with transaction(engine) as connection:
        ends = window_ends(connection, Round("binanceusdm"))
    assert ends == {SearchUnit("ema_cross", "BTC/USDT:USDT", "1h"): from_ms(TOMORROW)}


def shelve(engine: Engine, name: str, symbols: int) -> None:
    """Put a strategy in force that trades so many symbols together."""
    now = from_ms(TODAY)
    with transaction(engine) as connection:
        save_trial(connection, StoredTrial(name, name, "k", "", True, symbols, (), 0.1, now))
        save_entries(connection, [LibraryEntry(name, name, name, "", now)])


def judge(engine: Engine, *, end_ms: int, is_good: bool = True) -> None:
    """Store a verdict of ``ema_cross`` on BTC that the paper screen has decided on."""
    record = VerdictRecord(
        *("ema_cross", "abc", "binanceusdm", "BTC/USDT:USDT", "1h", end_ms - 90 * DAY_MS, end_ms),
        parameters={"fast": 10},
        in_sample={},
        out_of_sample={},
        gates=(Gate("trades", 40.0, 30.0, is_good, PAPER, "closed trades"),),
    )
    version = {
        "strategy": "ema_cross",
        "description": "EMA cross.",
        "content_hash": "abc",
        "kernel_digest": "def",
        "source": "",
        "parameters": {},
    }
    same = ("strategy", "exchange", "symbol", "timeframe")
    task = {name: getattr(record, name) for name in same} | {
        "task_key": str(end_ms),
        "record_key": "one",
        "searcher": "ga",
        "objective": "sharpe",
        "seed": 1,
        "window_start": from_ms(record.window_start_ms),
        "window_end": from_ms(end_ms),
        "settings": {"job": {}, "rules": {}},
        "trigger": "daily",
    }
    save_verdict(engine, open_task(engine, version, task), record)
    with transaction(engine) as connection:
        connection.execute(verdicts.update().values(decision="rejected"))


def test_every_strategy_in_force_is_searched_where_it_fits(engine: Engine) -> None:
    for name, symbols in {"pairs": 2, "rsi": 1, "rotation": 0, "triple": 3}.items():
        shelve(engine, name, symbols)
    sets = replace(SEARCH, instrument_sets=("BTC/USDT:USDT+ETH/USDT:USDT",))
    settings = replace(SETTINGS, optimization=sets)
    assert len(units(engine, settings=settings)) == 4  # the first start shows a result soon
    judge(engine, end_ms=TODAY)
    searched = units(engine, settings=settings)
    assert searched[:3] == ["ema_cross BTC", "sma_cross BTC", "rsi BTC"]
    assert searched[6:] == ["pairs BTC+ETH", "rotation BTC+ETH"]
    named = replace(settings, optimization=replace(sets, breadth="named"))
    assert len(units(engine, settings=named)) == 4


def test_promise_is_the_same_for_every_unit_whatever_was_judged(engine: Engine) -> None:
    """A fold's own train window decides; a deep search has more trials for all."""
    judge(engine, end_ms=TODAY - DAY_MS)
    assert {job.promise for job in daily_jobs(SETTINGS, engine, TODAY)} == {SEARCH.promise_factor}
    assert {job.promise for job in daily_jobs(SETTINGS, engine, TODAY, scope=Scope(trials_factor=4))} == {1}


def test_a_form_chooses_searcher_objective_trials_and_calendar(engine: Engine) -> None:
    changes = {"searcher": "grid", "objective": "calmar", "trials": 7}
    windows = {"train_days": 20, "folds": 2}
    scope = Scope(trials_factor=2, changes=changes, windows=windows, constraints={"min_trades": 9})
    scope = replace(scope, space=(ParameterRange("fast", 5, 20),))
    job: OptimizationJob = daily_jobs(SETTINGS, engine, TODAY, scope=scope)[0]
    assert (job.searcher, job.objective, job.trials) == ("grid", "calmar", 14)
    assert (job.constraints.min_trades, job.constraints.max_turnover) == (9, 0.0)
    assert job.space == (ParameterRange("fast", 5, 20),)
    assert (job.windows.train_days, job.windows.test_days, job.windows.folds) == (20, 10, 2)


def test_an_objective_that_nobody_knows_is_refused_before_any_search(engine: Engine) -> None:
    with pytest.raises(OptimizationError, match="unknown objective 'sharp'; did you mean 'sharpe'"):
        units(engine, changes={"objective": "sharp"})
    with pytest.raises(OptimizationError, match=r"objective 'gone.py' can't be read: .*No such file"):
        units(engine, changes={"objective": "gone.py"})
