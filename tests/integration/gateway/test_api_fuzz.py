"""The whole API against its own description: what fits it and what does not is answered as it says."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

pytestmark = pytest.mark.postgres
LOOKED_AT = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
BOUNDED = settings(
    max_examples=3,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
ENDS_LOGINS = {"/api/v1/session", "/api/v1/logins/{login_id}"}


@pytest.fixture
def fuzzed(staffed: Any) -> Any:
    """Description of a gateway, and an admin's program that asks it."""
    gate = staffed.with_rules(
        requests_per_minute=10**6, logins_per_minute=10_000, allowed_hosts=("testserver",)
    )
    person = gate.logged_in("admin")
    issued = person.post("/api/v1/tokens", json={"label": "fuzz", "role": "admin"}).json()
    application = gate.application()
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", application)
    return schema, {"Authorization": f"Bearer {issued['token']}"}


def operations(schema: Any, mode: GenerationMode) -> list[Any]:
    """Operations that can be asked in this way; what takes nothing can't be asked wrongly."""
    found = [result.ok() for result in schema.get_all_operations()]
    kept = [one for one in found if not (one.method == "delete" and one.path in ENDS_LOGINS)]
    if mode is GenerationMode.POSITIVE:
        return kept
    return [one for one in kept if list(one.iter_parameters()) or list(one.body)]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_one_that_the_description_knows(fuzzed: Any, mode: GenerationMode) -> None:
    schema, headers = fuzzed
    for operation in operations(schema, mode):

        @seed(1)
        @BOUNDED
        @given(case=operation.as_strategy(mode))
        def ask(case: Any) -> None:
            response = case.call(headers=headers)
            case.validate_response(response, checks=LOOKED_AT)

        ask()


def test_answers_of_some_requests_as_the_input_of_others_are_answered_as_described(fuzzed: Any) -> None:
    schema, headers = fuzzed
    machine: Any = schema.exclude(path=sorted(ENDS_LOGINS), method="DELETE").as_state_machine()

    class Asking(machine):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": headers}

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            case.validate_response(response, checks=LOOKED_AT)

    Asking.run(settings=settings(BOUNDED, max_examples=5, stateful_step_count=4))
