"""From an empty home to a paper fill, through the ordinary assets.

Facts only: never prices, never which symbol won. All end-to-end tests run in order on one stack: this file,
what the daemon does by itself (reactions), a second start.
"""

import json
import urllib.request
from typing import Any
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from quant_pipelines.store import audit
from quant_pipelines.store.engine import connected, transaction

pytestmark = [pytest.mark.end_to_end, pytest.mark.postgres, pytest.mark.timeout(900)]


def test_ui_answers(stack: Any) -> None:
    def answers() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{stack.port}/server_info", timeout=5) as response:
            return bool(response.status == 200)

    assert stack.wait_for("answer of the UI", answers, 120)


def test_strategy_is_deployed_by_the_paper_screen(stack: Any) -> None:
    stack.wait_for("deployment", lambda: stack.rows("select 1 from trading.deployments limit 1"), 480)
    unproven = stack.rows(
        "select d.id from trading.deployments d join research.verdicts v on v.id = d.verdict_id "
        "where not (v.paper_passed and v.decision = 'admitted' and d.stage = 'paper')"
    )
    assert unproven == []


def test_every_walk_forward_has_a_verdict_and_the_rejected_ones_say_why(stack: Any) -> None:
    tasks, verdicts = stack.rows(
        "select (select count(*) from research.optimizer_tasks), (select count(*) from research.verdicts)"
    )[0]
    assert tasks == verdicts == 8
    rejected = stack.rows("select reasons from research.verdicts where decision = 'rejected'")
    assert rejected
    assert all(reasons for (reasons,) in rejected)


def test_paper_fill_follows_its_decision(stack: Any) -> None:
    stack.wait_for("paper fill", lambda: stack.rows("select 1 from trading.fills limit 1"), 240)
    without_decision = stack.rows(
        "select f.trade_id from trading.fills f "
        "left join trading.intents i using (client_order_id) "
        "left join trading.signals s on s.deployment_id = i.deployment_id and s.bar_close = i.bar_close "
        "where f.client_order_id is not null "
        "and (i.committed_at is null or s.decided_at is null "
        "or i.committed_at > f.booked_at or i.bar_close > f.ts)"
    )
    assert without_decision == []


def test_fills_sum_to_the_position(stack: Any) -> None:
    difference = (
        "select p.deployment_id from trading.positions p left join ("
        "select deployment_id, sum(case side when 'buy' then quantity else -quantity end) as quantity "
        "from trading.fills group by 1) f using (deployment_id) where p.quantity <> coalesce(f.quantity, 0)"
    )
    assert stack.rows(difference) == []


def test_hot_list_and_health_are_there(stack: Any) -> None:
    assert stack.rows("select count(distinct symbol) from market.hotlist") == [(5,)]
    services = {name for (name,) in stack.rows("select service from ops.heartbeats")}
    assert "live_runner" in services


def test_audit_chain_holds(stack: Any) -> None:
    with connected(stack.url()) as engine, transaction(engine) as connection:
        report = audit.verify(connection)
    assert report.broken_id is None
    assert report.rows > 0


def test_status_tells_what_runs(stack: Any) -> None:
    status = stack.status()
    assert {service["state"] for service in status["services"]} <= {"running", "done"}
    assert status["deployments"]
    assert status["fills"] >= 1
    assert status["trading_state"] == "ACTIVE"


def test_gateway_shows_what_is_traded_to_whoever_is_at_the_machine(stack: Any) -> None:
    (address,) = [row["address"] for row in stack.status()["services"] if row["name"] == "gateway"]
    opener = build_opener(HTTPCookieProcessor())
    body = json.dumps({"operator": "ann"}).encode()
    login = Request(f"{address}/api/v1/session", body, {"content-type": "application/json"})  # noqa: S310
    opener.open(login).close()
    with opener.open(f"{address}/api/v1/deployments") as answer:
        shown = json.load(answer)
    assert {row["id"] for row in shown["rows"]} >= {row["id"] for row in stack.status()["deployments"]}


def test_status_names_the_newest_runs(stack: Any) -> None:
    status = stack.status()
    newest = [run["job"] for run in status["last_runs"]]
    assert "first_start" in newest or len(newest) == 5  # a slow start has newer runs than the first one
