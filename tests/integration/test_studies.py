"""Combinatorial studies are kept and shown, and nothing that decides ever meets them."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.research.job import JobFailure, Studied
from quant_pipelines.research.pool import optimize_many
from quant_pipelines.research.run import optimize_one
from quant_pipelines.research.study import study_one
from quant_pipelines.store.capital import all_records
from quant_pipelines.store.engine import transaction
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
