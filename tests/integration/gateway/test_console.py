"""Every page of the console, empty and full, for every role; and what is told when something is wrong."""

import html
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text

from quant_pipelines.gateway.console.routes import PAGES
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.shown_rows import newest_change
from quant_pipelines.store.tables import deployments
from tests.integration.gateway.console_world import HOSTILE, fill_world

pytestmark = pytest.mark.postgres
POLICY = "default-src 'self'"
BTC = "BTC/USDT:USDT"


@pytest.fixture
def gone(template_url: str) -> Callable[[Engine], AbstractContextManager[None]]:
    """Let nobody into a database for a while, and put out who is in."""

    @contextmanager
    def away(engine: Engine) -> Iterator[None]:
        name = engine.url.database
        with psycopg.connect(template_url, autocommit=True) as admin:
            admin.execute(f"alter database {name} allow_connections false".encode())
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,)
            )
            yield
            admin.execute(f"alter database {name} allow_connections true".encode())

    return away


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found.group(1)


def paths() -> Iterator[str]:
    return (f"/console{page.path}" for page in PAGES)


def rows(gate: Any, action: str) -> list[Any]:
    with gate.engine.connect() as connection:
        query = text("select * from ops.audit_logs where action = :action order by id")
        return list(connection.execute(query, {"action": action}).mappings())


def test_every_page_is_whole_when_nothing_is_stored(console: Any) -> None:
    client = console.log_in("viewer")
    for path in paths():
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        page = answer.text
        assert page.count("<h1>") == page.count("<main") == 1
        assert "As of 2025-06-10" in page
        assert answer.headers["content-security-policy"].startswith(POLICY)
        assert not re.search(r"<[^>]* style=|<style|<script(?! src)| on\w+=", page), path
        links = re.findall(r'<li><a href="(/console[^"]*)"', page)
        assert links == [f"/console{one.path}" for one in PAGES]


def test_every_page_shows_what_is_stored_and_runs_nothing_of_it(console: Any) -> None:
    world = fill_world(console.gate.engine)
    client = console.log_in("approver")
    pages = {path: client.get(path) for path in paths()}
    assert {answer.status_code for answer in pages.values()} == {200}
    told = {path: answer.text for path, answer in pages.items()}
    assert HOSTILE not in "".join(told.values())
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in told["/console"]
    assert 'class="age fresh"' in told["/console"]
    assert "Acknowledge…" in told["/console/risk"]
    assert "as the edges say" in told["/console/capital"]
    assert "4,321.50" in told["/console/capital"]
    assert "Undo plan" in told["/console/capital"]
    assert 'class="card"' in told["/console/strategies"]
    assert "Enable…" in told["/console/hot-coins"]
    assert "/console/verdicts/" in told["/console/lab"]
    assert "equal" in told["/console/audit"]
    number = world.rows(deployments)[0]["id"]
    assert "<svg" in client.get(f"/console/strategies/{number}").text
    verdict = re.search(r"/console/verdicts/\d+", told["/console/lab"])
    assert verdict
    assert "Gates" in client.get(verdict.group()).text
    assert client.get("/console/versions/ema_cross").status_code == 200
    chain = client.get("/console/audit?order=p1-1").text
    steps = re.findall(r"<li><b>([^<]*)</b>", chain)
    assert steps[-5:] == ["bar closed", "signal and risk decision", "order", "fill", "cost"]
    assert "the averages crossed" in chain


def test_without_a_login_each_page_is_the_login_page(console: Any) -> None:
    client = console.client()
    for path in (*paths(), "/console/acts/halt_runner", "/console/beat"):
        answer = client.get(path)
        assert answer.status_code == 401
        assert 'name="operator"' in answer.text
    assert field(client.get("/console/audit?order=x").text, "to") == "/console/audit?order=x"
    assert client.post("/console/acts/halt_runner", data={"reason": "x"}).status_code == 401
    assert client.get("/console/files/console.css").status_code == 200
    assert client.get("/console/files/secrets.py").status_code == 404


@pytest.mark.parametrize("to", ["https://elsewhere.example/", "//elsewhere.example", "/api/v1/fills", ""])
def test_a_login_leads_to_pages_of_the_console_alone(console: Any, to: str) -> None:
    console.gate.wait()
    form = {"operator": "viewer", "code": console.gate.code("viewer"), "to": to}
    assert console.client().post("/console/login", data=form).headers["location"] == "/console"
    wrong = console.client().post("/console/login", data=form | {"code": "000000"})
    assert wrong.status_code == 401
    assert 'role="alert"' in wrong.text


def test_a_halt_takes_two_steps_and_is_signed(console: Any) -> None:
    client = console.log_in("operator")
    assert re.search(r'id="f-strategy"[^>]* autofocus', client.get("/console/acts/backtest").text)
    asked = client.get("/console/acts/halt_runner?scope=account").text
    assert re.findall(r'id="([^"]*)"[^>]* autofocus', asked) == ["reason"]
    assert rows(console.gate, "runner.halted") == []
    form = {name: field(asked, name) for name in ("csrf_token", "row_version", "scope")}
    empty = client.post("/console/acts/halt_runner", data=form)
    assert (empty.status_code, rows(console.gate, "runner.halted")) == (422, [])
    done = client.post("/console/acts/halt_runner", data=form | {"reason": "the feed is late"})
    assert done.status_code == 303
    (row,) = rows(console.gate, "runner.halted")
    assert (row["actor"], row["detail"]["reason"]) == ("operator", "the feed is late")
    shown = client.get(done.headers["location"]).text
    assert f"it is row {row['id']} of" in shown
    assert "halted by operator: the feed is late" in shown


def test_a_form_without_its_token_or_with_too_low_a_role_does_nothing(console: Any) -> None:
    operator, viewer = console.log_in("operator"), console.log_in("viewer")
    form = {"scope": "account", "reason": "x"}
    for token in ({}, {"csrf_token": "0" * 64}):
        answer = operator.post("/console/acts/halt_runner", data=form | token)
        assert (answer.status_code, "expected the one of this login" in answer.text) == (403, True)
    token = field(viewer.get("/console").text, "csrf_token")
    for act in ("halt_runner", "set_risk_limit", "rebalance"):
        assert viewer.get(f"/console/acts/{act}").status_code == 403
        assert viewer.post(f"/console/acts/{act}", data=form | {"csrf_token": token}).status_code == 403
    assert "acts/halt_runner?scope" not in viewer.get("/console/risk").text
    assert viewer.get("/console/acts/nothing").status_code == 404
    assert viewer.get("/console/strategies/99").status_code == 404
    assert rows(console.gate, "runner.halted") == []


def test_a_form_that_somebody_overtook_says_so_and_shows_how_things_stand(console: Any) -> None:
    first, second = console.log_in("operator"), console.log_in("admin")
    old = first.get("/console/acts/halt_runner?scope=account").text
    forms = [(first, "late", old), (second, "mine", second.get("/console/acts/halt_runner").text)]
    for client, reason, page in reversed(forms):
        names = ("csrf_token", "row_version", "scope")
        form = {name: field(page, name) for name in names} | {"reason": reason}
        answer = client.post("/console/acts/halt_runner", data=form | {"scope": "account"})
    assert answer.status_code == 409
    assert "admin has acted meanwhile" in answer.text
    assert "halted by admin: mine" in answer.text
    assert field(answer.text, "reason") == "late"
    assert int(field(answer.text, "row_version")) > int(field(old, "row_version"))
    assert len(rows(console.gate, "runner.halted")) == 1


def test_a_limit_is_loosened_by_two_people_on_their_pages(console: Any) -> None:
    console.gate.add("bob", "approver")
    first, second = console.log_in("approver"), console.log_in("bob")
    act = "/console/acts/set_risk_limit"
    for value in ("1.0", "2.0"):
        token = field(first.get(act).text, "csrf_token")
        form = {"csrf_token": token, "scope": "account", "limit": "max_leverage", "value": value}
        assert first.post(act, data=form | {"reason": "calm markets"}).status_code == 303
    assert "Approve…" not in first.get("/console/risk").text
    shown = second.get("/console/risk").text
    (link,) = re.findall(r'href="([^"]*)">Approve…', shown)
    page = second.get(html.unescape(link)).text
    names = ("csrf_token", "row_version", "scope", "value")
    form = {name: field(page, name) for name in names} | {"limit": "max_leverage", "reason": "agreed"}
    assert "selected>max_leverage" in page
    assert second.post(act, data=form).status_code == 303
    row = re.search(r"<td>2</td>.*?approver.*?bob", second.get("/console/risk").text, re.DOTALL)
    assert row
    assert [one["actor"] for one in rows(console.gate, "limit.set")] == ["approver", "bob"]


def test_a_job_is_started_and_one_that_cannot_be_keeps_the_form(console: Any) -> None:
    client = console.log_in("operator")
    asked = client.get("/console/acts/focused_optimization?strategies=ema_cross").text
    form = {"csrf_token": field(asked, "csrf_token"), "strategies": "ema_cross rsi", "reason": "again"}
    assert client.post("/console/acts/focused_optimization", data=form).status_code == 303
    ((job, config, _),) = console.gate.runs.asked
    assert (job, config["ops"]["walk_forward"]["config"]["strategies"]) == (
        "focused_optimization",
        ["ema_cross", "rsi"],
    )
    console.gate.runs.is_away = True
    away = client.post("/console/acts/focused_optimization", data=form)
    assert (away.status_code, field(away.text, "strategies")) == (503, "ema_cross rsi")


def test_the_export_is_a_table_that_calculates_nothing(console: Any) -> None:
    client = console.log_in("operator")
    page = client.get("/console/acts/halt_runner?scope=account").text
    form = {name: field(page, name) for name in ("csrf_token", "scope")} | {"reason": "=1+1"}
    client.post("/console/acts/halt_runner", data=form)
    answer = client.get("/console/audit/export.csv?action=runner.halted")
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert lines[0] == "id,at,actor,action,subject,detail"
    assert len(lines) == 2
    assert not re.search(r"(^|,)[=+@]", answer.text)


def test_while_the_database_is_away_a_login_sees_what_it_saw_and_nobody_else_does(
    console: Any, gone: Any
) -> None:
    fill_world(console.gate.engine)
    viewer, other = console.log_in("viewer"), console.log_in("operator")
    before = viewer.get("/console").text
    with gone(console.gate.engine):
        answer = viewer.get("/console")
        assert answer.status_code == 503
        assert "what was known last" in answer.text
        assert re.findall(r"<td>([\d,.]+)</td>", answer.text) == re.findall(r"<td>([\d,.]+)</td>", before)
        assert "10,0" not in other.get("/console").text
        assert other.get("/console").status_code == 503
        assert viewer.get("/console/risk").status_code == 503
    assert viewer.get("/console").status_code == 200


def test_beats_name_another_change_when_something_is_stored(console: Any) -> None:
    engine = console.gate.engine
    with transaction(engine) as connection:
        before = newest_change(connection)
        assert newest_change(connection) == before
    fill_world(engine)
    with transaction(engine) as connection:
        assert newest_change(connection) != before
