"""Evidence that has become stale is called so wherever a person or the ladder asks."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.clock import system_clock_ms, utc_now
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.operations.freshness import freshness
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.pages.publish import PageFolder, publish_verdicts
from quant_pipelines.research.run import optimize_one
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.views import newest_verdicts
from tests.integration.stored_market import JOB, store_market
from tests.stored_looks import look_at_task

pytestmark = pytest.mark.postgres
Quant = Callable[..., Any]
MOST = LadderSettings().evidence_max_days
AGES = pytest.mark.parametrize(
    ("age", "decision", "by"), [(MOST, "passed", "symbol"), (MOST + 1, "undecided", "stale")]
)


@pytest.fixture
def quant(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Quant:
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Any:
        capfd.readouterr()
        assert main([str(argument) for argument in arguments]) == 0
        out = capfd.readouterr().out
        return json.loads(out) if out.startswith("{") else out

    return run


@pytest.fixture
def judged(engine: Engine) -> VerdictRecord:
    """A verdict that no other gate refuses."""
    record = optimize_one(store_market(engine), JOB)
    with engine.begin() as connection:
        connection.execute(text("update research.verdicts set gates = '[]'"))
    return record


def look_of(engine: Engine, record: VerdictRecord, age_days: int) -> None:
    day = (utc_now() - timedelta(days=age_days)).date()
    with transaction(engine) as connection:
        look_at_task(connection, record.task_id or 0, first_look=day)


@AGES
def test_every_text_and_document_says_the_same(
    engine: Engine, judged: VerdictRecord, quant: Quant, age: int, decision: str, by: str
) -> None:
    look_of(engine, judged, age)
    (row,) = quant("research", "list", "--json")["walk_forwards"]
    shown = quant("research", "show", judged.id, "--json")
    again = quant("optimize", "--resume", judged.task_id, "--json")
    (looked,) = quant("capital", "--json")["look"]["records"]
    said = [row["capital"], shown["capital"], again["capital"], looked]
    assert [(one["decision"], one["decided_by"]) for one in said] == [(decision, by)] * 4
    is_passed = decision == "passed"
    assert [one["capital_passed"] for one in (row, shown, again)] == [is_passed] * 3
    (gate,) = (one for one in shown["gates"] if one["name"] == "capital_decision")
    assert gate["passed"] is is_passed
    sentence = "its evidence is stale: no look has seen it lately"
    assert (sentence in quant("research", "show", judged.id)) is not is_passed
    assert ("(stale)" in quant("research", "list")) is not is_passed


def test_a_page_is_written_again_once_it_says_too_much(
    engine: Engine, judged: VerdictRecord, tmp_path: Path
) -> None:
    look_of(engine, judged, 1)
    page = tmp_path / f"verdict-{judged.id}.html"
    for waited, decision in ((0, "passed"), (MOST, "undecided")):
        fresh = freshness(LadderSettings(), lambda waited=waited: system_clock_ms() + waited * 86_400_000)
        with transaction(engine) as connection:
            rows = newest_verdicts(connection, JOB.exchange, fresh)
        assert publish_verdicts(engine, rows, PageFolder(tmp_path, 9), fresh=fresh) == [page.name]
        assert f"capital {decision}." in page.read_text()
        assert publish_verdicts(engine, rows, PageFolder(tmp_path, 9), fresh=fresh) == []
    assert "undecided: stale" in (tmp_path / "index.html").read_text()
