"""The operators' verbs as scripts use them: documents, exit codes, one sentence for what is refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import MINUTE_MS, day_start_ms
from quant_pipelines.operations import halts
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store.bars import upsert_bars

pytestmark = pytest.mark.postgres
Quant = Callable[..., tuple[int, Any, str]]
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
SIGNED = ("--operator", "ann", "--reason", "because it looks right")


def test_candidate_is_approved_and_another_rejected(quant: Quant, world: Any) -> None:
    first, second = world.verdict(), world.verdict(ETH)
    code, receipt, _ = quant("approve", first, *SIGNED)
    assert (code, receipt["action"], receipt["subject"]) == (0, "candidate.approved", f"verdict:{first}")
    assert quant("reject", second, *SIGNED)[0] == 0
    code, document, err = quant("reject", second, *SIGNED)
    assert (code, document) == (1, None)
    assert err == f"quant: verdict {second} is rejected already; expected a candidate\n"


def test_coin_is_approved_by_its_symbol(quant: Quant, world: Any) -> None:
    world.market()
    assert quant("approve", ETH, *SIGNED)[1]["action"] == "coin.approved"


def test_ladder_is_climbed_by_two_people(quant: Quant, world: Any) -> None:
    yesterday = utc_now().date() - timedelta(days=1)
    deployment_id = world.deployment(stage="shadow", first_look=yesterday)
    assert quant("promote", deployment_id, "canary", *SIGNED)[1]["action"] == "deployment.proposed"
    assert quant("promote", deployment_id, "canary", *SIGNED)[0] == 1
    bob = ("--operator", "bob", "--reason", "agreed")
    receipt = quant("promote", f"deployment:{deployment_id}", "canary", *bob)[1]
    assert receipt["action"] == "deployment.promoted"
    assert quant("rollback", receipt["subject"], *SIGNED)[0] == 0
    assert (world.stage(deployment_id), world.stage(deployment_id + 1)) == ("retired", "rolled_back")


def test_disabled_deployment_can_be_retired(quant: Quant, world: Any) -> None:
    deployment_id = world.deployment()
    assert quant("disable", deployment_id, *SIGNED)[0] == 0
    assert quant("disable", deployment_id, "--retire", *SIGNED)[0] == 0
    assert world.stage(deployment_id) == "retired"


def test_limit_and_halt_are_seen_in_the_runners_status(quant: Quant) -> None:
    assert quant("limit", "account", "max_leverage", 1.5, *SIGNED)[0] == 0
    assert quant("runner", "halt", *SIGNED)[0] == 0
    status = quant("runner", "status")[1]
    assert (status["state"], status["limits"]["account"]["max_leverage"]) == ("away", 1.5)
    assert [halt["source"] for halt in status["halts"]] == ["account"]
    assert quant("runner", "resume", *SIGNED)[0] == 0
    assert quant("runner", "status")[1]["halts"] == []


def test_flattening_is_an_audited_verb(quant: Quant, world: Any) -> None:
    deployment_id = world.deployment()
    code, receipt, _ = quant("runner", "flatten", deployment_id, *SIGNED)
    assert (code, receipt["action"]) == (0, "runner.flattened")
    assert receipt["subject"] == f"deployment:{deployment_id}"
    assert quant("runner", "flatten", "99", *SIGNED)[0] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("approve", "999", *SIGNED),
        ("approve", "nonsense", *SIGNED),
        ("reject", "999", *SIGNED),
        ("promote", "999", "canary", *SIGNED),
        ("rollback", "999", *SIGNED),
        ("disable", "999", *SIGNED),
        ("limit", "account", "max_leverag", "1", *SIGNED),
        ("limit", "account", "max_leverage", "0", *SIGNED),
        ("limit", "account", "max_leverage", "nan", *SIGNED),
        ("limit", "999", "max_leverage", "1", *SIGNED),
        ("limit", "account", "max_leverage", "1", "--operator", "ann", "--reason", " "),
        ("runner", "halt", "999", *SIGNED),
        ("runner", "flatten", "999", *SIGNED),
        ("runner", "resume", *SIGNED),
        ("runner", "resume", "account:999", *SIGNED),
        ("kill", "--direct", "krakn", *SIGNED),
        ("kill", "--direct", "--reason", ""),
        ("users", "add", "ann", *SIGNED),
        ("users", "add", "ann", "--role", "adminn", *SIGNED),
        ("users", "reset", "nobody", *SIGNED),
        ("alerts", "ack", "999", *SIGNED),
        ("keys", "remove", *SIGNED),
    ],
    ids=" ".join,
)
def test_what_is_refused_ends_with_1_and_one_sentence(quant: Quant, arguments: tuple[str, ...]) -> None:
    code, document, err = quant(*arguments)
    assert (code, document) == (1, None)
    assert err.startswith("quant: ")
    assert err.count("\n") == 1


def test_halt_with_an_empty_reason_is_refused(quant: Quant) -> None:
    code, _, err = quant("runner", "halt", "--reason", " ")
    assert code == 1
    assert "reason has 0 characters" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("promote", "3", "moon", *SIGNED),
        ("limit", "everything", "max_leverage", "1", *SIGNED),
        ("limit", "account", "max_leverage", "much", *SIGNED),
        ("disable", "three", *SIGNED),
        ("approve", "3"),
        ("explain", "BTC/USDT:USDT@yesterday"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: quant" in capsys.readouterr().err


def test_explain_answers_why_there_was_no_trade(quant: Quant, world: Any) -> None:
    world.market()
    deployment_id = world.deployment()
    code, document, _ = quant("explain", f"{BTC}@2025-06-10T00:05")
    assert code == 0
    assert document["deployments"][0]["deployment"]["id"] == deployment_id
    assert "no bar was booked then" in document["deployments"][0]["answer"]
    assert quant("explain", "q1-1-a-t")[0] == 1


def test_tampered_audit_row_is_named(quant: Quant, world: Any, ann: Signature) -> None:
    for scope in ("account",):
        halts.halt(world.engine, ann, scope=scope, clock=world.clock)
        halts.resume(world.engine, ann, scope=scope, clock=world.clock)
    assert quant("audit", "verify")[:2] == (
        0,
        {"whole": True, "rows": 2, "broken_id": None, "reason": "", "anchors": 0},
    )
    assert [row["action"] for row in quant("audit", "export")[1]["rows"]] == [
        "runner.halted",
        "runner.resumed",
    ]
    (first, _) = world.audit()
    with world.engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        connection.execute(text("update ops.audit_logs set actor = 'eve' where id = :id"), {"id": first.id})
    code, report, err = quant("audit", "verify")
    assert (code, report["broken_id"]) == (1, first.id)
    assert f"audit row {first.id} was tampered with" in err


def test_coverage_counts_what_is_missing_and_check_finds_the_gap(quant: Quant, world: Any) -> None:
    world.market()
    start = day_start_ms("2025-06-01")
    minutes = np.array([at for at in range(2 * 1440) if not 100 <= at < 400])
    price = 100.0 + np.sin(minutes / 50.0)
    ones = np.ones(minutes.size)
    rows = BarRows(
        start + minutes * MINUTE_MS, price, price, price, price, ones, ones, np.ones(minutes.size, dtype=int)
    )
    upsert_bars(world.engine, Series("binanceusdm", BTC, "1m"), rows)
    (row,) = quant("data", "coverage")[1]["bars"]
    assert (row["symbol"], row["bars"], row["missing"]) == (BTC, 2580, 300)
    code, report, _ = quant("data", "check", BTC)
    assert (code, report["bars"]) == (1, 2580)
    assert [finding["check_name"] for finding in report["findings"]] == ["gaps"]
    assert quant("data", "check", "BTC/USDT")[0] == 1


def test_migrate_again_changes_nothing(quant: Quant) -> None:
    first, second = quant("db", "migrate"), quant("db", "migrate")
    assert first[0] == 0
    assert first == second
