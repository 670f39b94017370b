"""What people ask for by the API is what they could ask for anywhere: carried out, signed, refused."""

from typing import Any

import pytest
from sqlalchemy import select

from quant_pipelines.store import audit
from quant_pipelines.store.heartbeats import standing_halts
from quant_pipelines.store.tables import audit_logs

pytestmark = pytest.mark.postgres


def rows(gate: Any, action: str) -> list[Any]:
    with gate.engine.connect() as connection:
        return list(connection.execute(select(audit_logs).where(audit_logs.c.action == action)).mappings())


def test_a_halt_is_carried_out_at_once_and_signed_by_whoever_is_logged_in(staffed: Any) -> None:
    client = staffed.logged_in("operator")
    answer = client.post("/api/v1/runner/halt", json={"reason": "the feed is late"})
    assert answer.status_code == 200, answer.text
    (row,) = rows(staffed, "runner.halted")
    assert answer.json() == {
        "action": "runner.halted",
        "subject": "account",
        "summary": "account is halted",
        "audit_id": row["id"],
    }
    assert (row["actor"], row["detail"]["reason"]) == ("operator", "the feed is late")
    with staffed.engine.connect() as connection:
        (halt,) = standing_halts(connection)
    assert halt["detail"]["operator"] == "operator"
    assert client.get("/api/v1/runner").json()["halts"][0]["source"] == "account"
    assert client.get("/api/v1/breakers").json()["rows"][0]["id"] == halt["id"]


def test_what_is_refused_leaves_nothing_behind(staffed: Any, problem: Any) -> None:
    client = staffed.logged_in("approver")
    halted = {"reason": "x", "scope": "deployment:7"}
    assert problem(client.post("/api/v1/runner/halt", json=halted), 404).startswith("deployment:7 does not")
    assert "not halted" in problem(client.post("/api/v1/runner/resume", json={"reason": "x"}), 409)
    assert "characters" in problem(client.post("/api/v1/runner/halt", json={"reason": " "}), 422)
    for limit in ({"limit": "max_size", "value": 1}, {"limit": "max_leverage", "value": "NaN"}, {}):
        problem(client.post("/api/v1/risk/limits", json={"reason": "x", **limit}), 422)
    problem(client.post("/api/v1/hotlist/approve", json={"reason": "x", "symbol": "BTC\x00"}), 422)
    assert [rows(staffed, one) for one in ("runner.halted", "runner.resumed")] == [[], []]


def test_to_loosen_a_limit_takes_two_people_here_too(staffed: Any) -> None:
    staffed.add("bob", "approver")
    limit = {"reason": "x", "limit": "max_leverage", "value": 1.0}
    first, second = staffed.logged_in("approver"), staffed.logged_in("bob")
    assert first.post("/api/v1/risk/limits", json=limit).json()["action"] == "limit.set"
    loosened = first.post("/api/v1/risk/limits", json=limit | {"value": 2.0}).json()
    assert loosened["action"] == "limit.proposed", loosened
    (waiting,) = second.get("/api/v1/approvals").json()["rows"]
    assert (waiting["proposer"], waiting["decision"]) == ("approver", "open")
    assert second.post("/api/v1/risk/limits", json=limit | {"value": 2.0}).json()["action"] == "limit.set"
    (shown,) = first.get("/api/v1/limits").json()["rows"]
    assert (shown["in_force"], shown["owner"], shown["approved_by"]) == ("2.0", "approver", "bob")


def test_a_form_that_somebody_else_overtook_is_refused_and_does_nothing(staffed: Any, problem: Any) -> None:
    first, second = staffed.logged_in("approver"), staffed.logged_in("admin")
    seen = first.get("/api/v1/breakers").json()["row_version"]
    second.post("/api/v1/runner/halt", json={"reason": "b", "row_version": seen}).raise_for_status()
    second.post("/api/v1/runner/resume", json={"reason": "c"}).raise_for_status()
    stale = {"reason": "a", "row_version": seen}
    said = problem(first.post("/api/v1/runner/halt", json=stale), 409)
    assert said.startswith("account: admin has acted meanwhile (runner.resumed, audit row ")
    assert first.get("/api/v1/breakers").json()["rows"] == []
    fresh = {"reason": "a", "row_version": first.get("/api/v1/breakers").json()["row_version"]}
    assert first.post("/api/v1/runner/halt", json=fresh).status_code == 200


def test_what_was_seen_binds_each_subject_once_and_only_its_block(engine: Any) -> None:
    with engine.begin() as connection:
        audit.append(connection, "ann", "a", "x", {})
        with audit.as_seen(audit.newest_id(connection)):
            audit.append(connection, "ann", "a", "x", {})
            audit.append(connection, "ann", "a", "x", {})
        audit.append(connection, "ann", "a", "x", {})
        assert len(connection.execute(select(audit_logs)).all()) == 4


def test_a_job_is_audited_before_it_is_started_and_answered_by_its_run(staffed: Any) -> None:
    client = staffed.logged_in("operator")
    asked = {"reason": "another objective", "strategies": ["ema_cross"], "objective": "sortino"}
    answer = client.post("/api/v1/optimizer/run", json=asked)
    assert answer.status_code == 202, answer.text
    (row,) = rows(staffed, "job.asked")
    assert answer.json() == {"run_id": "run-1", "job": "focused_optimization", "audit_id": row["id"]}
    ((job, config, tags),) = staffed.runs.asked
    assert (job, tags["quant/audit_row"]) == ("focused_optimization", str(row["id"]))
    given = config["ops"]["walk_forward"]["config"]
    wanted = (["ema_cross"], "sortino", "another objective")
    assert (given["strategies"], given["objective"], given["reason"]) == wanted


def test_while_dagster_is_away_a_job_is_503_and_the_log_says_so(staffed: Any, problem: Any) -> None:
    staffed.runs.is_away = True
    client = staffed.logged_in("operator")
    problem(client.post("/api/v1/optimizer/run", json={"reason": "x"}), 503)
    assert len(rows(staffed, "job.asked")) == len(rows(staffed, "job.not_started")) == 1


def test_where_dagster_may_have_started_a_run_the_log_does_not_say_that_it_has_not(
    staffed: Any, problem: Any
) -> None:
    staffed.runs.is_unknown = True
    told = problem(staffed.logged_in("operator").post("/api/v1/optimizer/run", json={"reason": "x"}), 503)
    assert len(rows(staffed, "job.unknown")) == 1
    assert rows(staffed, "job.not_started") == []
    assert f"'quant/audit_row': '{rows(staffed, 'job.asked')[0]['id']}'" in told


def test_a_code_that_is_given_is_used_up(staffed: Any, problem: Any) -> None:
    client = staffed.logged_in("operator")
    staffed.wait()
    halt = {"reason": "x", "code": staffed.code("operator")}
    assert client.post("/api/v1/runner/halt", json=halt).status_code == 200
    assert "used already" in problem(client.post("/api/v1/runner/halt", json=halt), 401)
