"""``quant research``: what is stored is listed, shown, compared, replayed and gone back to."""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, text

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.series import Series
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.lifecycle import screen_candidates
from quant_pipelines.optimize.evidence import Freshness
from quant_pipelines.optimize.gates import PAPER, Gate
from quant_pipelines.optimize.paired import paired_difference
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.research.run import optimize_one
from quant_pipelines.sdk.scaffold import scaffold
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.verdict_rows import read_verdict
from quant_pipelines.store.views import newest_verdicts
from tests.integration.stored_market import END, JOB, market, rolled_up

FRESH = Freshness(from_ms(END).date(), 21)
pytestmark = pytest.mark.postgres
Quant = Callable[..., tuple[int, Any, str]]
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
ROOT = Path(__file__).resolve().parents[2]
SIGNED = ("--operator", "ann", "--reason", "the newer one trades too much")


@pytest.fixture
def quant(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capfd: pytest.CaptureFixture[str]
) -> Quant:
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, Any, str]:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, json.loads(out) if out.startswith("{") else out, err

    return run


@pytest.fixture
def walked(engine: Engine) -> tuple[VerdictRecord, VerdictRecord]:
    """Walk-forward of a day before, and of now, of one unit: two records, as the trials differ."""
    for number, symbol in enumerate((BTC, ETH)):
        rows = market(5 + number)
        upsert_bars(engine, Series(JOB.exchange, symbol, "1m"), rows)
        upsert_bars(engine, Series(JOB.exchange, symbol, "15m"), rolled_up(rows, 15))
    earlier = optimize_one(engine, replace(JOB, trials=8))
    return earlier, optimize_one(engine, JOB)


def test_walk_forwards_are_listed_newest_first(quant: Quant, walked: Any, engine: Engine) -> None:
    other = optimize_one(engine, replace(JOB, symbol=ETH, trials=8))
    code, document, _ = quant("research", "list", "--json")
    rows = document["walk_forwards"]
    assert code == 0
    assert [row["verdict_id"] for row in rows] == [other.id, walked[1].id, walked[0].id]
    assert rows[1]["trials"] == walked[1].in_sample["trials"]
    assert (rows[1]["status"], rows[1]["decision"], rows[1]["days"]) == ("done", "candidate", 3)
    (only,) = quant("research", "list", "--json", "--symbol", ETH)[1]["walk_forwards"]
    assert only["verdict_id"] == other.id
    assert quant("research", "list", "--json", "--strategy", "macd")[1] == {"walk_forwards": []}
    assert len(quant("research", "list", "--json", "--limit", 1)[1]["walk_forwards"]) == 1
    assert "candidate, capital undecided (not_looked_at)" in quant("research", "list")[1]


def test_one_is_shown_with_every_trial_and_its_drift(quant: Quant, walked: Any) -> None:
    record = walked[1]
    code, document, _ = quant("research", "show", record.id, "--json")
    assert code == 0
    assert document["verdict_id"] == record.id
    assert len(document["trials"]) == 16 * 4
    assert [fold["trials"] for fold in document["folds"]] == [16] * 4
    assert [fold["days"] for fold in document["folds"]] == [1, 1, 1, 0]
    assert document["folds"][-1]["parameters"] == record.parameters
    drift = {row["parameter"]: row["values"] for row in document["drift"]}
    assert [values[-1] for values in drift.values()] == [record.parameters[name] for name in drift]
    assert "drift of the parameters" in quant("research", "show", record.id)[1]


def test_two_are_compared_on_the_days_that_both_have(quant: Quant, engine: Engine, walked: Any) -> None:
    first, second = walked
    code, _, err = quant("research", "compare", first.id, second.id)
    assert (code, err) == (
        1,
        "quant: the records have 3 and 3 days; expected the same 8 or more\n",
    )
    days = np.random.default_rng(2).normal(0.0, 0.02, 40)
    for record, gain in ((first, 0.0), (second, 0.002)):
        add_days(engine, record, days + gain)
    document = quant("research", "compare", first.id, second.id, "--json")[1]
    ours = np.array([*first.daily_returns[::-1], *days])
    theirs = np.array([*second.daily_returns[::-1], *(days + 0.002)])
    assert document["difference"]["days"] == 43
    assert document["difference"]["difference"] == pytest.approx((ours - theirs).mean() * 365)
    assert (
        document["difference"]["low"] < document["difference"]["difference"] < document["difference"]["high"]
    )
    assert document["difference"]["is_told"]
    assert f"verdict {second.id} earned more than verdict {first.id}" in document["answer"]
    again = quant("research", "compare", second.id, first.id, "--json")[1]["difference"]
    assert again["low"] == pytest.approx(-document["difference"]["high"])


def add_days(engine: Engine, record: VerdictRecord, returns: np.ndarray) -> None:
    """Days of its record before those that it has."""
    first = END // DAY_MS - 3 - returns.size
    add = text(
        "insert into research.record_days "
        "(record_id, day, fold, daily_return, is_warm, cover, trades, computed_at) "
        "select record_id, date '1970-01-01' + :day, 0, :value, true, '{}', '[]', now() "
        "from research.optimizer_tasks where id = :task"
    )
    with engine.begin() as connection:
        rows = [
            {"day": int(first + at), "value": float(value), "task": record.task_id}
            for at, value in enumerate(returns)
        ]
        connection.execute(add, rows)


def test_every_stored_trial_is_replayed_to_the_same_numbers(quant: Quant, walked: Any) -> None:
    code, document, err = quant("research", "replay", walked[1].id, "--json")
    assert (code, err) == (0, "")
    assert (document["trials"], document["differing"], document["changes"]) == (64, [], [])
    assert (document["test_windows"], document["differing_test_windows"]) == (3, [])
    fold = END // DAY_MS - 2
    assert quant("research", "replay", walked[1].id, "--fold", fold, "--trial", 3)[1] == (
        f"1 trials of verdict {walked[1].id} were run again: 0 differ\n"
    )


def test_revised_bars_are_named_and_both_numbers_are_told(quant: Quant, engine: Engine, walked: Any) -> None:
    rows = market(5)
    at = rows.ts >= END - 3 * DAY_MS
    close = np.where(at, rows.close * 1.01, rows.close)
    revised = replace(rows, close=close, high=np.maximum(rows.high, close))
    upsert_bars(engine, Series(JOB.exchange, BTC, "1m"), revised)
    upsert_bars(engine, Series(JOB.exchange, BTC, "15m"), rolled_up(revised, 15))
    code, document, _ = quant("research", "replay", walked[1].id, "--json")
    assert code == 1
    assert document["differing"]
    first = document["differing"][0]
    assert first["stored"] != first["now"] or first["stored_return"] != first["now_return"]
    assert f"bars of {BTC} from" in document["changes"][0]
    assert document["changes"][0].endswith("were revised since")
    tested = document["differing_test_windows"]
    assert tested
    assert tested[0]["stored_return"] != tested[0]["now_return"]


def test_test_windows_that_were_added_before_the_record_began_are_replayed_as_they_were_closed(
    quant: Quant, engine: Engine, walked: Any
) -> None:
    newest = replace(JOB, trials=4, folds=1)
    optimize_one(engine, newest)
    whole = optimize_one(engine, replace(newest, folds=3))
    code, document, _ = quant("research", "replay", whole.id, "--json")
    assert (code, document["test_windows"], document["differing_test_windows"]) == (0, 3, [])


def test_a_stored_verdict_has_its_page_again(quant: Quant, walked: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert quant("research", "show", walked[1].id, "--report", page)[0] == 0
    text_of = page.read_text()
    assert "Walk-forward of ema_cross" in text_of
    assert "buy and hold" in text_of


def test_another_kernel_is_named(quant: Quant, engine: Engine, walked: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text("update research.strategy_versions set kernel_digest = 'older'"))
    code, document, _ = quant("research", "replay", walked[1].id, "--json", "--trial", 0)
    assert code == 0
    assert document["changes"][0].endswith("now; the trials ran on older")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("replay", "{id}", "--fold", 1), "fold is 1, which optimization {task} has not; expected 20"),
        (("replay", "{id}", "--trial", 99), "trial is 99, which is not stored; expected 0 to 15"),
        (("replay", "999"), "verdict 999 does not exist; expected an id that quant research list shows"),
        (("show", "999"), "verdict 999 does not exist; expected an id that quant research list shows"),
        (("compare", "{id}", "999"), "verdict 999 does not exist; expected an id"),
    ],
)
def test_what_is_not_stored_is_refused(
    quant: Quant, walked: Any, arguments: tuple[object, ...], expected: str
) -> None:
    names = {"id": walked[1].id, "task": walked[1].task_id}
    code, _, err = quant("research", *(str(one).format(**names) for one in arguments))
    assert code == 1
    assert err.startswith(f"quant: {expected.format(**names)}")


def gates_pass(engine: Engine) -> None:
    """Let every verdict pass the paper screen."""
    gate = Gate("trades", 40.0, 30.0, True, PAPER, "closed trades")
    with engine.begin() as connection:
        update = text("update research.verdicts set gates = :gates, paper_passed = true")
        connection.execute(update, {"gates": json.dumps([gate.to_document()])})


def test_an_earlier_verdict_is_a_candidate_again_and_is_deployed(
    quant: Quant, engine: Engine, walked: Any
) -> None:
    earlier, newest = walked
    gates_pass(engine)
    with transaction(engine) as connection:
        (shown,) = newest_verdicts(connection, earlier.exchange, FRESH)
    assert shown["id"] == newest.id
    code, receipt, _ = quant("research", "rollback", earlier.id, *SIGNED, "--json")
    assert (code, receipt["action"]) == (0, "verdict.rolled_back")
    with transaction(engine) as connection:
        again, left = (read_verdict(connection, one.id) for one in walked)
        row = connection.execute(
            text("select actor, detail from ops.audit_logs order by id desc limit 1")
        ).one()
    assert again is not None
    assert left is not None
    assert (again.decision, left.decision) == ("candidate", "rejected")
    with transaction(engine) as connection:
        (shown,) = newest_verdicts(connection, earlier.exchange, FRESH)
    assert shown["id"] == earlier.id
    assert left.reasons == (f"rolled back to verdict {earlier.id} by ann: the newer one trades too much",)
    assert (row.actor, row.detail["from"], row.detail["rejected"]) == ("ann", newest.id, [newest.id])
    assert quant("research", "rollback", earlier.id, *SIGNED)[2] == (
        f"quant: verdict {earlier.id} is the newest one of its unit; expected an earlier one\n"
    )
    assert len(screen_candidates(engine, Settings(), lambda: END + DAY_MS).deployments) == 1
    with transaction(engine) as connection:
        traded = connection.execute(text("select verdict_id from trading.deployments")).scalar_one()
    assert traded == earlier.id


def test_a_person_may_admit_the_verdict_that_was_gone_back_to(
    quant: Quant, engine: Engine, walked: Any
) -> None:
    gates_pass(engine)
    assert quant("approve", walked[0].id, *SIGNED)[2].endswith("expected the newest one\n")
    assert quant("research", "rollback", walked[0].id, *SIGNED)[0] == 0
    assert quant("approve", walked[0].id, *SIGNED)[0] == 0


def test_a_unit_that_is_traded_keeps_its_parameters(quant: Quant, engine: Engine, walked: Any) -> None:
    gates_pass(engine)
    (deployment,) = screen_candidates(engine, Settings(), lambda: END + DAY_MS).deployments
    code, _, err = quant("research", "rollback", walked[0].id, *SIGNED)
    assert code == 1
    assert err.endswith(f"expected none, so disable it first (quant disable {deployment})\n")
    with transaction(engine) as connection:
        kept = read_verdict(connection, walked[0].id)
    assert kept is not None
    assert kept.decision == "rejected"


def test_a_backtest_is_stored_once_and_listed(quant: Quant, walked: Any) -> None:
    asked = ("backtest", "ema_cross", BTC, "--timeframe", "15m", "--json")
    first, again = quant(*asked)[1], quant(*asked)[1]
    other = quant(*asked, "--set", "fast=7")[1]
    assert first["backtest_id"] == again["backtest_id"] != other["backtest_id"]
    rows = quant("research", "list", "--backtests", "--json")[1]["backtests"]
    assert [row["id"] for row in rows] == [other["backtest_id"], first["backtest_id"]]
    assert rows[1]["final_equity"] == first["final_equity"]
    assert rows[0]["parameters"]["fast"] == 7
    assert quant("research", "list", "--backtests", "--json", "--symbol", ETH)[1] == {"backtests": []}
    assert "ema_cross" in quant("research", "list", "--backtests")[1]


def test_the_interval_of_no_difference_holds_zero() -> None:
    days = np.random.default_rng(5).normal(0.0, 0.01, (250, 2))
    assert not paired_difference(days[:, 0], days[:, 1]).is_told


def test_an_interrupted_one_resumes_by_its_id_though_its_file_is_gone(
    quant: Quant, engine: Engine, walked: Any, tmp_path: Any
) -> None:
    (tmp_path / "mine.py").write_text(scaffold("mine"))
    windows = "[optimization.minute_windows]\ntrain_days = 3\ntest_days = 1\npurge_hours = 4\n"
    (tmp_path / "quant.toml").write_text(windows)
    asked = ("./mine.py", BTC, "--timeframe", "15m", "--trials", 8, "--folds", 2, "--json")
    code, first, err = quant("optimize", *asked)
    assert (code, err) == (0, "")
    with engine.begin() as connection:  # as a crash before the verdict would leave it
        connection.execute(text("delete from research.verdicts where id = :id"), {"id": first["verdict_id"]})
        connection.execute(
            text("update research.optimizer_tasks set status = 'running' where id = :id"),
            {"id": first["task_id"]},
        )
    (tmp_path / "mine.py").unlink()
    (tmp_path / "quant.toml").unlink()
    code, again, err = quant("optimize", "--resume", first["task_id"], "--json")
    assert (code, err) == (0, "")
    assert again["task_id"] == first["task_id"]
    assert (again["parameters"], again["out_of_sample"]) == (first["parameters"], first["out_of_sample"])


def test_the_page_of_stored_research_runs_as_written(quant: Quant, engine: Engine, walked: Any) -> None:
    page = (ROOT / "docs" / "research.md").read_text()
    commands = re.findall(r"^    quant (research .*)$", page, re.MULTILINE)
    assert len(commands) == 7
    for record in walked:
        add_days(engine, record, np.random.default_rng(record.id).normal(0.0, 0.01, 20))
    for command in commands:
        ids = {"12": walked[0].id, "13": walked[1].id}
        is_refused = "acknowledge" in command  # no look differs here
        code, _, err = quant(*(ids.get(word, word) for word in shlex.split(command)))
        assert (code, "nothing to acknowledge" in err) == (int(is_refused), is_refused), (command, err)
