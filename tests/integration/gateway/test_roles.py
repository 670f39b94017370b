"""Every route and every role, by the roles that the description of the routes carries."""

import re
from typing import Any

import pytest

from quant_pipelines.gateway.verb_routes import routed_verbs

pytestmark = pytest.mark.postgres
ROLES = ("viewer", "operator", "approver", "admin")
DESCRIPTION = "/api/v1/openapi.json"


def operations(description: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Method, path and least role; what ends a login comes last."""
    found = [
        (method, path, told["x-role"])
        for path, methods in description["paths"].items()
        for method, told in methods.items()
    ]
    return sorted(found, key=lambda one: one[:2] == ("delete", "/api/v1/session"))


def ask(client: Any, method: str, path: str) -> int:
    """Status of a request whose body is not what is expected, so that nothing is done."""
    place = re.sub(r"{\w+}", "987654321", path)
    body = {} if method in ("get", "delete") else {"content": b"{}"}
    return int(client.request(method, place, **body).status_code)


def test_every_route_lets_in_its_role_and_those_above_and_nobody_else(staffed: Any) -> None:
    described = operations(staffed.client().get(DESCRIPTION).json())
    assert len(described) > 40
    callers = {}
    for role in ROLES:
        person = staffed.logged_in(role)
        issued = person.post("/api/v1/tokens", json={"label": "matrix", "role": role}).json()
        callers[role] = staffed.client()
        callers[role].headers["Authorization"] = f"Bearer {issued['token']}"
    wrong = []
    for method, path, least in described:
        anonymous = ask(staffed.client(), method, path)
        if (anonymous == 401) != (least != "public"):
            wrong.append((method, path, "nobody", anonymous))
        for role, client in callers.items():
            is_enough = least == "public" or ROLES.index(role) >= ROLES.index(least)
            status = ask(client, method, path)
            if status not in ({200, 204, 404, 422} if is_enough else {403}):
                wrong.append((method, path, role, status))
    assert wrong == []


def test_the_description_carries_the_roles_of_the_table_of_verbs(gate: Any) -> None:
    described = operations(gate.client().get(DESCRIPTION).json())
    roles = {(method, path): role for method, path, role in described}
    for verb in routed_verbs():
        assert roles[verb.method.lower(), verb.route] == verb.role


def test_only_what_shows_nothing_is_public(gate: Any) -> None:
    described = operations(gate.client().get(DESCRIPTION).json())
    public = {(method, path) for method, path, role in described if role == "public"}
    assert public == {("post", "/api/v1/session"), ("get", "/api/v1/alive")}


def test_every_body_has_an_example(gate: Any) -> None:
    components = gate.client().get(DESCRIPTION).json()["components"]["schemas"]
    asked = {name: one for name, one in components.items() if name.endswith(("Asked", "Problem"))}
    assert len(asked) > 20
    assert [name for name, one in asked.items() if "example" not in one] == []
