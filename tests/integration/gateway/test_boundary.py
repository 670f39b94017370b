"""What every request passes: names that are listed, forms of this login, bodies of a size, a pace."""

from typing import Any

import pytest
from fastapi import Request
from sqlalchemy import Engine
from starlette.testclient import TestClient

from quant_pipelines.gateway.route import guarded_router, needs
from quant_pipelines.store.engine import connect

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "a@127.0.0.1", "", "[::1", "x:y"])
def test_a_host_that_is_not_listed_is_not_answered(gate: Any, problem: Any, host: str) -> None:
    said = problem(gate.client().get("/api/v1/alive", headers={"Host": host}), 421)
    assert said.endswith("is not listed; expected a name of gateway.allowed_hosts")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost", "[::1]:80", "desk.example", "DESK.example:1"]
)
def test_a_host_that_is_listed_is_answered(gate: Any, host: str) -> None:
    client = gate.with_rules(allowed_hosts=("desk.example",)).client()
    assert client.get("/api/v1/alive", headers={"Host": host}).status_code == 200


def test_a_page_of_another_origin_changes_nothing(staffed: Any, problem: Any) -> None:
    gate = staffed.with_rules(allowed_origins=("https://desk.example",))
    client = gate.logged_in("viewer")
    foreign = {"Origin": "https://evil.example"}
    assert "is not listed" in problem(
        client.post("/api/v1/tokens", json={"label": "x"}, headers=foreign), 403
    )
    for origin in ("http://127.0.0.1", "https://desk.example"):
        own = {"Origin": origin}
        assert client.post("/api/v1/tokens", json={"label": "x"}, headers=own).status_code == 201


def test_without_a_login_nothing_else_is_said(staffed: Any, problem: Any) -> None:
    client = staffed.client()
    for body in (b"{", b"x" * 70_000, b'{"label": 3}'):
        problem(client.post("/api/v1/tokens", content=body), 401)


def test_a_form_of_another_login_is_refused_before_its_body_is_read(staffed: Any, problem: Any) -> None:
    client = staffed.logged_in("viewer")
    other = staffed.logged_in("operator").headers["X-CSRF-Token"]
    for given in ("", "x", other, "é"):
        headers = {"X-CSRF-Token": given.encode()}
        assert "expected the one of this login" in problem(
            client.post("/api/v1/tokens", content=b"{", headers=headers), 403
        )
    client.post("/api/v1/tokens", json={"label": "x"}).raise_for_status()


def test_a_body_that_is_malformed_or_too_large_is_refused(staffed: Any, problem: Any) -> None:
    client = staffed.logged_in("viewer")
    headers = {"Content-Type": "application/json"}
    for body, status in (
        (b"{", 422),
        (b"\xff", 422),
        (b'{"label": 3}', 422),
        (b"[]", 422),
        (b"", 422),
        (b" " * 70_000, 413),
    ):
        problem(client.post("/api/v1/tokens", content=body, headers=headers), status)
    said = problem(client.post("/api/v1/tokens", json={"label": "x", "minutes": "soon"}), 422)
    assert said.startswith("body.minutes 'soon': ")


def test_who_asks_too_often_is_told_when_to_ask_again(gate: Any, problem: Any) -> None:
    client = gate.with_rules(requests_per_minute=60).client()
    answers = [client.get("/api/v1/alive") for _ in range(8)]
    assert [one.status_code for one in answers] == [200] * 6 + [429] * 2
    assert answers[-1].headers["retry-after"] == "1"
    assert "expected a pause of 1 seconds" in problem(answers[-1], 429)


def test_an_unknown_path_and_a_wrong_method_are_told_in_the_one_shape(gate: Any, problem: Any) -> None:
    problem(gate.client().get("/nowhere"), 404)
    problem(gate.client().put("/api/v1/session"), 405)


def test_a_database_that_is_away_is_503_and_names_no_address(gate: Any, problem: Any) -> None:
    away: Engine = connect("postgresql://quant@127.0.0.1:9/quant")
    gate.engine = away
    for path in ("/api/v1/alive", "/api/v1/session"):
        client = gate.client()
        client.cookies.set("quant", "x")
        answer = client.get(path)
        assert "127.0.0.1" not in problem(answer, 503)
        assert answer.headers["retry-after"]
    away.dispose()


def test_only_a_proxy_that_is_listed_is_believed(gate: Any) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    listed = gate.with_rules(proxies=("testclient",))
    for one, name in ((gate, "quant="), (listed, "__Host-quant=")):
        answer = one.client().post("/api/v1/session", json={"operator": "whoever"}, headers=forwarded)
        assert answer.headers["set-cookie"].startswith(name)


@pytest.mark.parametrize("path", ["/links", "/desk/links"])
def test_links_carry_the_prefix_whether_a_proxy_cuts_it_off_or_not(gate: Any, path: str) -> None:
    router = guarded_router("links")

    @router.get("/links", openapi_extra=needs("public"))
    def links(request: Request) -> str:
        return str(request.url_for("show_login"))

    application = gate.with_rules(root_path="/desk").application(router)
    answer = TestClient(application, base_url="https://127.0.0.1").get(path)
    assert answer.json() == "https://127.0.0.1/desk/api/v1/session"


def test_a_request_keeps_its_id_and_a_malformed_one_is_replaced(gate: Any) -> None:
    client = gate.client()
    assert (
        client.get("/api/v1/alive", headers={"X-Request-ID": "a1b2c3d4"}).headers["x-request-id"]
        == "a1b2c3d4"
    )
    given = client.get("/api/v1/alive", headers={"X-Request-ID": "a b\tc"}).headers["x-request-id"]
    assert len(given) == 16
