"""Combinatorial studies are kept and shown, and nothing that decides ever meets them."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.optimize.combinatorial_study import SplitResult
from quant_pipelines.research.database_source import DatabaseSource
from quant_pipelines.research.job import JobFailure, OptimizationJob, Studied
from quant_pipelines.research.library import source_in_force
from quant_pipelines.research.pool import optimize_many
from quant_pipelines.research.run import optimize_one
from quant_pipelines.research.study import study_one
from quant_pipelines.sdk import StrategySource, strategies_folder
from quant_pipelines.store.capital import all_records
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.research_lists import RowFilter
from quant_pipelines.store.studies import list_studies
from quant_pipelines.store.tables import combinatorial_studies, record_days, records, verdicts
from tests.integration.stored_market import JOB, WINDOWS, count, store_market

pytestmark = pytest.mark.postgres
STUDY = replace(
    JOB,
    trials=4,
    windows=replace(WINDOWS, calendar="combinatorial", groups=3, test_groups=1, embargo_hours=0),
)


@pytest.fixture(name="stored")
def store(engine: Engine) -> Engine:
    return store_market(engine)


def test_a_study_is_stored_once_and_no_decision_meets_it(stored: Engine) -> None:
    first = study_one(stored, STUDY)
    assert study_one(stored, replace(STUDY, trigger="daily")).id == first.id
    assert first.result["figures"]["splits"] == 3
    assert first.result["figures"]["paths"] == 1
    assert first.result["figures"]["trials"] == 3 * 4
    assert len(first.result["paths"][0]) == first.result["figures"]["days"] == 7  # the history of 3 folds
    other = study_one(stored, replace(STUDY, windows=replace(STUDY.windows, test_groups=2, purge_hours=0)))
    assert (other.result["figures"]["splits"], other.result["figures"]["paths"]) == (3, 2)
    assert count(stored, combinatorial_studies) == 2
    assert [count(stored, table) for table in (records, record_days, verdicts)] == [0, 0, 0]
    with transaction(stored) as connection:
        assert all_records(connection, JOB.exchange) == []


class Stopped(Exception):
    """The machine went away."""


def interrupted(stored: Engine, job: OptimizationJob = STUDY) -> int:
    """Study that ended after its first split."""

    def stop(result: SplitResult) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        study_one(stored, job, on_split=stop)
    with transaction(stored) as connection:
        (row,) = list_studies(connection, RowFilter())
    assert (row["splits_run"], row["figures"]) == (1, None)
    return int(row["study_id"])


def test_a_study_that_was_interrupted_goes_on_where_it_was(stored: Engine) -> None:
    number = interrupted(stored)
    with stored.begin() as connection:
        connection.execute(text("update research.combinatorial_splits set trials = 1000"))
    told: list[int] = []
    finished = study_one(stored, STUDY, on_split=lambda one: told.append(one.trials))
    assert (finished.id, told) == (number, [1000, 4, 4])  # the first was not run again
    whole = study_one(None, STUDY, source=DatabaseSource(stored, JOB.exchange), strategy=in_force(stored))
    assert finished.result["paths"] == whole.result["paths"]


def in_force(stored: Engine) -> StrategySource:
    return source_in_force(stored, STUDY.strategy, strategies_folder(STUDY.strategies_folder))


def test_a_study_is_listed_shown_and_finished_by_its_number(
    stored: Engine,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    number = interrupted(stored)
    assert main(["research", "show", f"study:{number}"]) == 1
    assert f"go on with quant optimize --resume study:{number}" in capsys.readouterr().err
    assert main(["optimize", "--resume", f"study:{number}", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["study_id"] == number
    page = tmp_path / "paths.html"
    assert main(["research", "show", f"study:{number}", "--json", "--report", str(page)]) == 0
    assert json.loads(capsys.readouterr().out) == made
    assert "These paths are no record" in page.read_text()
    assert main(["research", "list", "--studies", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["studies"]
    assert [row[name] for name in ("study_id", "splits_run", "splits", "paths")] == [number, 3, 3, 1]
    assert main(["research", "show", "study:99"]) == 1
    assert "study:99 is not stored; expected an id that quant research list --studies shows" in (
        capsys.readouterr().err
    )


def test_a_combinatorial_calendar_makes_no_record(stored: Engine) -> None:
    with pytest.raises(OptimizationError, match="calendar is combinatorial, which makes no record"):
        optimize_one(stored, STUDY)


def test_workers_study_what_a_form_asks_for(stored: Engine, database_url: str) -> None:
    impossible = replace(STUDY, windows=replace(STUDY.windows, test_groups=3))
    studied, failed = optimize_many(database_url, [STUDY, impossible], 1)
    assert isinstance(studied, Studied)
    assert studied.id is not None
    assert isinstance(failed, JobFailure)
    assert failed.error == "test_groups is 3; expected 1 to 2 of 3 groups"


def test_the_command_line_tells_the_paths_and_why_they_prove_nothing(
    stored: Engine,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quant.toml").write_text("[optimization.minute_windows]\npurge_hours = 0\n")
    asked = shlex.split("optimize ema_cross BTC/USDT:USDT --timeframe 15m --trials 4 --folds 2")
    asked += shlex.split("--train-days 3 --test-days 1 --calendar combinatorial --groups 3 --test-groups 2")
    asked += ["--embargo-hours", "0", "--report", str(tmp_path / "paths.html")]
    assert main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["paths"], len(document["path_sharpes"])) == (2, 2)
    assert "capital" not in document
    assert document["proves"].startswith("These paths are no record")
    page = (tmp_path / "paths.html").read_text()
    assert "These paths are no record" in page
    assert "path 2" in page
    assert main(asked) == 0
    assert "2 paths of 3 splits" in capsys.readouterr().out
