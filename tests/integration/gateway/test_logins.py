"""Who is let in, for how long, and by what."""

from typing import Any

import jwt
import pytest
from sqlalchemy import select

from quant_pipelines.operations import users
from quant_pipelines.operations.people import Claimant
from quant_pipelines.store.tables import logins

pytestmark = pytest.mark.postgres


def test_a_right_code_opens_a_login_and_counts_once(staffed: Any, problem: Any) -> None:
    staffed.wait()
    client, code = staffed.client(), staffed.code("approver")
    answer = client.post("/api/v1/session", json={"operator": "approver", "code": code})
    assert answer.json() | {"csrf_token": ""} == {
        "operator": "approver",
        "role": "approver",
        "is_identified": True,
        "kind": "browser",
        "csrf_token": "",
    }
    assert client.get("/api/v1/session").json() == answer.json()
    again = staffed.client().post("/api/v1/session", json={"operator": "approver", "code": code})
    assert "used already" in problem(again, 401)


def test_a_sixth_try_within_a_minute_is_refused_even_with_the_right_code(staffed: Any, problem: Any) -> None:
    staffed.wait(10)
    client = staffed.client()
    for _ in range(5):
        assert "not right" in problem(
            client.post("/api/v1/session", json={"operator": "viewer", "code": "000000"}), 401
        )
    right = {"operator": "viewer", "code": staffed.code("viewer")}
    answer = client.post("/api/v1/session", json=right)
    assert "expected a pause of" in problem(answer, 429)
    assert answer.headers["retry-after"]


@pytest.mark.parametrize("given", [{"operator": "nobody", "code": "123456"}, {"operator": "viewer"}])
def test_who_does_not_prove_a_name_is_not_let_in(staffed: Any, problem: Any, given: dict[str, str]) -> None:
    client = staffed.client()
    problem(client.post("/api/v1/session", json=given), 401)
    assert "set-cookie" not in client.post("/api/v1/session", json=given).headers


def test_before_there_are_users_a_name_is_enough_on_loopback_and_only_until_then(
    gate: Any, problem: Any
) -> None:
    client = gate.logged_in("Whoever")
    assert client.get("/api/v1/session").json()["role"] == "admin"
    gate.add("root", "admin")
    problem(client.get("/api/v1/session"), 401)


def test_before_there_are_users_nobody_is_let_in_from_elsewhere(gate: Any, problem: Any) -> None:
    client = gate.with_rules(host="0.0.0.0").client("http://0.0.0.0")
    said = problem(client.post("/api/v1/session", json={"operator": "whoever"}), 401)
    assert said == "nobody is a user yet; expected a user with a one-time code: quant users add"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "desk.example"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 proxy"},
    ],
)
def test_before_there_are_users_nobody_is_let_in_by_a_proxy_of_this_machine(
    gate: Any, problem: Any, headers: dict[str, str]
) -> None:
    client = gate.with_rules(allowed_hosts=("desk.example",)).client()
    said = problem(client.post("/api/v1/session", json={"operator": "whoever"}, headers=headers), 401)
    assert said == "nobody is a user yet; expected a user with a one-time code: quant users add"


def test_no_token_is_stored(staffed: Any) -> None:
    client = staffed.logged_in("admin")
    token = client.cookies["quant"]
    issued = client.post("/api/v1/tokens", json={"label": "export"}).json()["token"]
    number = jwt.decode(issued, options={"verify_signature": False})["jti"]
    with staffed.engine.connect() as connection:
        stored = str(connection.execute(select(logins)).all())
    assert not any(text in stored for text in (token, issued, number))


def test_a_login_ends_by_itself_when_unused_and_at_its_end(staffed: Any, problem: Any) -> None:
    gate = staffed.with_rules(session_minutes=60, idle_minutes=10)
    client = gate.logged_in("viewer")
    for _ in range(7):
        gate.wait(16)
        assert client.get("/api/v1/session").status_code == 200
    gate.wait(16)
    problem(client.get("/api/v1/session"), 401)
    idle = gate.logged_in("viewer")
    gate.wait(21)
    problem(idle.get("/api/v1/session"), 401)


def test_who_logs_out_or_is_disabled_is_out_at_once(staffed: Any, problem: Any) -> None:
    client = staffed.logged_in("operator")
    token = client.cookies["quant"]
    assert client.delete("/api/v1/session").status_code == 204
    assert "quant" not in client.cookies
    client.cookies.set("quant", token)
    problem(client.get("/api/v1/session"), 401)
    disabled = staffed.logged_in("operator")
    staffed.wait()
    users.shut_out(staffed.store, Claimant("root", "because", staffed.code("root"), "admin"), "operator")
    problem(disabled.get("/api/v1/session"), 401)


def test_no_login_of_before_counts_again_once_a_user_has_a_new_seed(staffed: Any, problem: Any) -> None:
    client = staffed.logged_in("operator")
    program = staffed.client()
    token = client.post("/api/v1/tokens", json={"label": "export"}).json()["token"]
    program.headers["Authorization"] = f"Bearer {token}"
    for change in (users.shut_out, users.reset):
        staffed.wait()
        change(staffed.store, Claimant("root", "stolen", staffed.code("root"), "admin"), "operator")
    for one in (client, program):
        problem(one.get("/api/v1/session"), 401)


def test_a_program_may_do_what_it_was_given_until_it_is_taken_back(staffed: Any, problem: Any) -> None:
    client = staffed.logged_in("admin")
    issued = client.post("/api/v1/tokens", json={"label": "export", "minutes": 5}).json()
    program = staffed.client()
    program.headers["Authorization"] = f"Bearer {issued['token']}"
    assert program.get("/api/v1/session").json()["role"] == "viewer"
    assert "no higher" not in problem(program.post("/api/v1/tokens", json={"label": "more"}), 403)
    assert client.delete(f"/api/v1/logins/{issued['login_id']}").status_code == 204
    problem(program.get("/api/v1/session"), 401)
    problem(client.delete(f"/api/v1/logins/{issued['login_id']}"), 404)


def test_an_expired_a_forged_and_a_foreign_token_are_refused(staffed: Any, problem: Any) -> None:
    client = staffed.logged_in("viewer")
    token = client.post("/api/v1/tokens", json={"label": "export", "minutes": 1}).json()["token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode(claims, "x" * 32, "HS256")
    unsigned = jwt.encode(claims, None, "none")  # type: ignore[arg-type]
    foreign = client.cookies["quant"]
    for given in (forged, unsigned, foreign, token[:-4], "x"):
        header = {"Authorization": f"Bearer {given}"}
        problem(staffed.client().get("/api/v1/session", headers=header), 401)
    header = {"Authorization": f"Bearer {token}"}
    assert staffed.client().get("/api/v1/session", headers=header).status_code == 200
    staffed.wait(3)
    problem(staffed.client().get("/api/v1/session", headers=header), 401)


def test_a_token_is_no_higher_than_its_user_and_no_longer_than_the_settings_say(
    staffed: Any, problem: Any
) -> None:
    client = staffed.logged_in("operator")
    asked = {"label": "x", "role": "approver"}
    assert "expected a token of no higher role" in problem(client.post("/api/v1/tokens", json=asked), 403)
    longer = {"label": "x", "minutes": 61}
    assert "expected at most 60" in problem(client.post("/api/v1/tokens", json=longer), 422)


@pytest.mark.parametrize(
    ("base_url", "root_path", "name"),
    [
        ("http://127.0.0.1", "", "quant"),
        ("http://127.0.0.1", "/desk", "quant"),
        ("https://127.0.0.1", "", "__Host-quant"),
        ("https://127.0.0.1", "/desk", "__Secure-quant"),
    ],
)
def test_the_cookie_is_called_after_what_a_browser_guarantees(
    gate: Any, base_url: str, root_path: str, name: str
) -> None:
    client = gate.with_rules(root_path=root_path).client(base_url)
    answer = client.post(f"{root_path}/api/v1/session", json={"operator": "whoever"})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{name}=")
    assert {"HttpOnly", "SameSite=strict", f"Path={root_path or '/'}"} <= set(cookie.split("; "))
    assert ("Secure" in cookie.split("; ")) == base_url.startswith("https")
    assert "Domain" not in cookie
    assert client.get(f"{root_path}/api/v1/session").status_code == 200
