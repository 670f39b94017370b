"""Routes of the verbs: one for each row of the table that has a path, and none besides.

A verb that is a function is carried out at once; one that is a job is answered by the id of its run.
"""

from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter, Signature
from typing import Any, Final, NamedTuple

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from quant_pipelines.gateway.people import Person
from quant_pipelines.gateway.problems import Refused
from quant_pipelines.gateway.reading_models import AlertsView, RunnerView
from quant_pipelines.gateway.route import Asking, Used, guarded_router, needs, problems
from quant_pipelines.gateway.services import LaunchUnknown, Services
from quant_pipelines.gateway.verb_models import Signed, asked, body_of, in_path, path_type, query_type
from quant_pipelines.operations.job_requests import LaunchOutcome, note_outcome, note_request
from quant_pipelines.operations.verb import REQUIRED, Verb, carry_out, loaded
from quant_pipelines.operations.verbs import VERBS
from quant_pipelines.store import audit

_SIGNED: Final = frozenset(Signed.model_fields)
_COMPILING: Final = frozenset(
    f"quant_pipelines.operations.{module}"
    for module in ("candidates", "coin_exit", "rebalance", "reinstatement", "stages", "versions")
)
"""Modules that judge records or move capital by them. They compile, and are imported when they are asked."""
_VIEWS: Final[Mapping[str, Any]] = {"/api/v1/runner": RunnerView, "/api/v1/alerts": AlertsView}


class ReceiptView(BaseModel):
    """What was done."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "action": "runner.halted",
                "subject": "account",
                "summary": "account is halted",
                "audit_id": 57,
            }
        }
    )
    action: str
    subject: str
    summary: str
    audit_id: int


class RunView(BaseModel):
    """A run that was started."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "run_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
                "job": "focused_optimization",
                "audit_id": 58,
            }
        }
    )
    run_id: str
    job: str
    audit_id: int


def routed_verbs() -> Iterator[Verb]:
    """Rows of the table that have a path."""
    return (leaf for head in VERBS for leaf in head.leaves() if leaf.route)


def prepare_verbs() -> None:
    """Import what carries verbs out, but for what compiles: a halt waits for no import."""
    for verb in routed_verbs():
        if verb.function and verb.function.partition(":")[0] not in _COMPILING:
            loaded(verb.function)


def name_of(verb: Verb) -> str:
    """Name of a verb's route."""
    return verb.job or verb.route.rpartition("/")[2]


def verb_router() -> APIRouter:
    """Router with a route for each of them."""
    router = guarded_router("verbs")
    for verb in routed_verbs():
        is_read = verb.method == "GET"
        make = _reading if is_read else _acting
        view = _VIEWS[verb.route] if is_read else RunView if verb.runs_as == "job" else ReceiptView
        router.add_api_route(
            verb.route,
            make(verb),
            methods=[verb.method],
            name=name_of(verb),
            status_code=202 if verb.runs_as == "job" else 200,
            response_model=view,
            summary=f"{verb.help[:1].upper()}{verb.help[1:]}",
            description=verb.told or verb.help,
            responses={} if is_read else problems(404, 409, 413),
            openapi_extra=needs(verb.role),
        )
    return router


class VerbAsked(NamedTuple):
    """Somebody asks for a verb that changes something; ``path`` holds the fields of its path."""

    verb: Verb
    person: Person
    services: Services
    body: Signed
    path: Mapping[str, Any]

    @property
    def given(self) -> dict[str, Any]:
        """Values of the verb's own fields."""
        return dict(self.path) | _fields(self.body)


def act(asked: VerbAsked) -> dict[str, Any]:
    """Carry a verb out, or start the run that does; answers with the receipt or the run."""
    return _launched(asked) if asked.verb.runs_as == "job" else _decided(asked)


def _decided(asked: VerbAsked) -> dict[str, Any]:
    person, body = asked.person, asked.body
    given = {"operator": person.operator, "reason": body.reason, "code": body.code} | asked.given
    with audit.as_seen(body.row_version):
        receipt = carry_out(
            asked.verb,
            given,
            store=asked.services.store,
            settings=asked.services.settings,
            proven=person.signature(body.reason),
        )
    return receipt.to_document()


def _launched(asked: VerbAsked) -> dict[str, Any]:
    verb, services, given = asked.verb, asked.services, asked.given
    signature = asked.person.signature(asked.body.reason)
    with audit.as_seen(asked.body.row_version):
        audit_id = note_request(services.engine, signature, verb, given)
    config = {"ops": {verb.op: {"config": given | {"reason": asked.body.reason}}}}
    tags = {"quant/audit_row": str(audit_id), "quant/asked_by": signature.operator}
    try:
        run_id = services.runs.launch(verb.job, config, tags)
    except Refused as error:
        outcome: LaunchOutcome = "unknown" if isinstance(error, LaunchUnknown) else "not_started"
        said = {"asked_by_row": audit_id, "error": error.sentence}
        note_outcome(services.engine, signature, verb, outcome, said)
        raise
    return {"run_id": run_id, "job": verb.job, "audit_id": audit_id}


def _acting(verb: Verb) -> Callable[..., Any]:
    def acted(person: Person, services: Services, body: Signed, **path: Any) -> dict[str, Any]:
        return act(VerbAsked(verb, person, services, body, path))

    return _with_parameters(acted, verb, body=body_of(verb))


def _reading(verb: Verb) -> Callable[..., Any]:
    def read(person: Person, services: Services, **given: Any) -> Any:
        signed = {"operator": person.operator, "reason": "reads"}
        answer: Any = carry_out(verb, signed | given, store=services.store, settings=services.settings)
        return {"rows": answer} if isinstance(answer, list) else answer

    return _with_parameters(read, verb)


def _with_parameters(
    endpoint: Callable[..., Any], verb: Verb, body: type[Signed] | None = None
) -> Callable[..., Any]:
    """Name the parameters of an endpoint as FastAPI reads them."""
    kinds = {field.name: field for field in asked(verb)}
    named = in_path(verb)
    types: dict[str, Any] = {name: path_type(kinds[name]) for name in named}
    defaults: dict[str, Any] = {}
    if body is None:
        types |= {name: query_type(field) for name, field in kinds.items() if name not in named}
        defaults = {name: one.default for name, one in kinds.items() if one.default is not REQUIRED}
    else:
        types["body"] = body
    types |= {"person": Asking, "services": Used}
    parameters = [
        Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, default=defaults.get(name, Parameter.empty))
        for name, kind in types.items()
    ]
    endpoint.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return endpoint


def _fields(body: Signed) -> dict[str, Any]:
    """Values of a verb's own fields."""
    return {name: value for name, value in body.model_dump().items() if name not in _SIGNED}
