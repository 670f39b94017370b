"""Searches of what can't be ranked, breaks in corners or is gone: a clear verdict on all that is known."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, select, text

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.research.library import refresh_library
from quant_pipelines.research.run import optimize_one, resume_job
from quant_pipelines.store.tables import folds, trials
from tests.integration.stored_market import END, JOB, days_of, numbers, store_market

pytestmark = pytest.mark.postgres

FOLLOWING = """
import numpy as np
from quant_pipelines.sdk import Array, Bars, Int, Strategy


class Corner(Strategy):
    window = Int(20, low=5, high=50)

    def target(self, bars: Bars) -> Array:
        if not bars.symbol.startswith("TRIAL"):  # its trial sees nothing of what follows
            {corner}
        return np.sign(np.diff(bars.close, prepend=bars.close[:1])) * self.window / 50
"""
LONG_ONES_BREAK = """if self.window > 30:
                raise ZeroDivisionError("nothing to divide by")"""
LAST_BAR = END - DAY_MS - 15 * MINUTE_MS
ONE_DAY_BREAKS = f"""if bars.ts[-1] == {LAST_BAR}:
                raise ZeroDivisionError("nothing to divide by")
            if bars.ts[-1] < {LAST_BAR - DAY_MS // 2}:
                return np.zeros(len(bars))"""


@pytest.fixture(name="stored")
def store(engine: Engine) -> Engine:
    return store_market(engine)


def job_of(folder: Path, corner: str = "pass") -> OptimizationJob:
    """Job of a file in a folder."""
    (folder / "corner.py").write_text(FOLLOWING.format(corner=corner))
    return replace(JOB, strategy=str(folder / "corner.py"))


def covers(engine: Engine) -> Iterable[np.ndarray]:
    return [np.array(day.cover) for _, day in sorted(days_of(engine).items())]


def test_trials_that_break_in_a_corner_are_kept_without_an_objective_and_are_nobodys_best(
    stored: Engine, tmp_path: Path
) -> None:
    record = optimize_one(stored, job_of(tmp_path, LONG_ONES_BREAK))
    with stored.connect() as connection:
        tried = connection.execute(select(trials.c.parameters, trials.c.objective)).all()
        best = connection.execute(select(folds.c.parameters)).scalars().all()
    assert {one.objective is None for one in tried if one.parameters["window"] > 30} == {True}
    assert {one.objective is None for one in tried if one.parameters["window"] <= 30} == {False}
    assert max(one["window"] for one in best) <= 30
    (n_broken,) = {int(np.isnan(cover).sum()) for cover in covers(stored)}
    assert 0 < n_broken < JOB.overfit_points
    assert (record.in_sample["cover_sets_broken"], record.in_sample["cover_days_broken"]) == (n_broken, 0)
    assert record.in_sample["own_trials"] == len(tried) + JOB.overfit_points


def test_a_test_window_in_which_every_set_breaks_is_told_and_the_walk_goes_on(
    stored: Engine, tmp_path: Path
) -> None:
    """Its train window has found nothing to trade, so the cover alone is traded there."""
    job = job_of(tmp_path, ONE_DAY_BREAKS)
    record = optimize_one(stored, job)
    assert record.out_of_sample["days_without_parameters"] == 2
    assert [np.isnan(cover).all() for cover in covers(stored)] == [False, True, False]
    assert (record.in_sample["cover_sets_broken"], record.in_sample["cover_days_broken"]) == (0, 1)
    assert optimize_one(stored, job) == record
    with stored.begin() as connection:  # what is read back says the same
        connection.execute(text("delete from research.verdicts"))
        connection.execute(text("update research.optimizer_tasks set status = 'running', finished_at = null"))
    assert numbers(optimize_one(stored, job)) == numbers(record)


@pytest.mark.parametrize(("value", "is_ranked"), [("np.nan", False), ("1.0", True)])
def test_an_objective_that_is_the_same_for_all_ends_in_a_verdict(
    stored: Engine, tmp_path: Path, value: str, is_ranked: bool
) -> None:
    """Nothing can be ranked by what is not a number; what is equal leaves the first set that was tried."""
    ranking = f"import numpy as np\ndef objective(returns):\n    return np.full(returns.shape[1], {value})\n"
    record = optimize_one(stored, replace(job_of(tmp_path), objective="mine.py", objective_text=ranking))
    with stored.connect() as connection:
        objectives = set(connection.execute(select(trials.c.objective)).scalars())
        found = connection.execute(select(folds.c.parameters)).scalars().all()
    assert objectives == ({1.0} if is_ranked else {None})
    assert {bool(one) for one in found} == {is_ranked}
    assert (record.decision, bool(record.parameters)) == ("candidate", is_ranked)
    assert record.out_of_sample["days_without_parameters"] == (0 if is_ranked else 3)
    assert np.isfinite(record.daily_returns).all()
    assert record.capital_passed is False


def test_a_record_whose_file_is_gone_stays_and_goes_on_by_its_id_alone(
    stored: Engine, tmp_path: Path
) -> None:
    job_of(tmp_path)
    job = replace(JOB, strategy="corner", strategies_folder=str(tmp_path))
    record = optimize_one(stored, job)
    days = days_of(stored)
    (tmp_path / "corner.py").unlink()
    refresh_library(stored, tmp_path)
    with pytest.raises(StrategyError, match=r"strategy corner: .*its file is gone from the folder"):
        optimize_one(stored, replace(job, seed=2))
    assert days_of(stored) == days
    assert record.task_id is not None
    assert resume_job(stored, record.task_id).strategy == "corner"
