"""Forms of the verbs: a page that asks once more with what stands now, then the verb, then where it shows."""

from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from quant_pipelines.core.errors import QuantError
from quant_pipelines.gateway.console.rendering import html_page
from quant_pipelines.gateway.console.route import redirect
from quant_pipelines.gateway.cookies import CSRF_FIELD
from quant_pipelines.gateway.people import Person
from quant_pipelines.gateway.problems import Refused, sentence_of, status_of
from quant_pipelines.gateway.reading_routes import reading
from quant_pipelines.gateway.services import Services, services_of
from quant_pipelines.gateway.verb_models import Signed, asked, body_of, in_path, path_type
from quant_pipelines.gateway.verb_routes import VerbAsked, act, name_of, routed_verbs
from quant_pipelines.operations.verb import REQUIRED, Field, Verb
from quant_pipelines.store import shown_rows
from quant_pipelines.store.heartbeats import standing_halts

PAGE_OF: Final[Mapping[str, str]] = {
    "halt_runner": "risk",
    "resume_runner": "risk",
    "flatten_runner": "risk",
    "acknowledge_alert": "risk",
    "set_risk_limit": "risk",
    "rebalance": "capital",
    "undo_rebalance": "capital",
    "approve_hot_coin": "hot_coins",
    "remove_hot_coin": "hot_coins",
    "set_hot_weight": "hot_coins",
    "record_coin_supply": "hot_coins",
    "focused_optimization": "lab",
    "backtest": "lab",
    "approve_candidate": "lab",
    "reject_candidate": "lab",
    "roll_back_verdict": "lab",
}
"""Page that shows what a verb did; others are shown on that of the strategies."""
GRAVE: Final = frozenset({"halt_runner", "flatten_runner", "disable_deployment", "remove_hot_coin"})
_LAST_ROWS: Final = 5
_OWN: Final = (CSRF_FIELD, "seen")


class FormField(NamedTuple):
    """One input: its name, label, kind, value, words to choose from, and whether it may be empty."""

    name: str
    label: str
    kind: str
    value: str
    words: tuple[str, ...]
    is_required: bool


class FormFault(NamedTuple):
    """Why a form was not carried out: status and sentence; 200 for one that was not sent."""

    status: int = 200
    sentence: str = ""


_NO_FAULT: Final = FormFault()


def verb_named(name: str) -> Verb:
    """Verb of a form; 404 where there is none."""
    found = [verb for verb in routed_verbs() if verb.method != "GET" and name_of(verb) == name]
    if not found:
        raise Refused(404, f"{name!r:.80} is no act; expected one that a page links")
    return found[0]


async def ask(request: Request, name: str, seen: Annotated[int | None, Query(ge=0)] = None) -> Response:
    """Form of a verb, with what stands now."""
    verb, person = verb_named(name), request.state.person
    _require_role(verb, person)
    given = dict(request.query_params)
    return await run_in_threadpool(_form, request, verb, given, seen=seen)


async def carry(request: Request, name: str) -> Response:
    """Do what a form asks, and show it; what is refused opens the form again, as things stand now."""
    verb, person = verb_named(name), request.state.person
    _require_role(verb, person)
    given = {key: str(value) for key, value in (await request.form()).items()}
    return await run_in_threadpool(_carried, request, verb, given)


def _carried(request: Request, verb: Verb, given: dict[str, str]) -> Response:
    services, person = services_of(request), request.state.person
    try:
        done = act(_asked(verb, person, services, given))
    except ValidationError as error:
        return _form(request, verb, given, fault=FormFault(422, _fault(error)))
    except Refused as error:
        return _form(request, verb, given, fault=FormFault(error.code, error.sentence))
    except QuantError as error:
        return _form(request, verb, given, fault=FormFault(status_of(error), sentence_of(error)))
    where = request.url_for(f"console_{PAGE_OF.get(name_of(verb), 'strategies')}").path
    told = {"done": done["audit_id"]} | ({"run": done["run_id"]} if "run_id" in done else {})
    return redirect(f"{where}?{urlencode(told)}")


def _asked(verb: Verb, person: Person, services: Services, given: Mapping[str, str]) -> VerbAsked:
    fields = {field.name: field for field in asked(verb)}
    values = {
        name: value.split() if name in fields and fields[name].kind == "texts" else value
        for name, value in given.items()
        if name not in _OWN and value.strip()
    }
    path = {
        name: TypeAdapter(path_type(fields[name])).validate_python(values.pop(name, ""))
        for name in in_path(verb)
    }
    body: Signed = body_of(verb).model_validate({"reason": ""} | values)
    return VerbAsked(verb, person, services, body, path)


def _form(
    request: Request,
    verb: Verb,
    given: Mapping[str, str],
    *,
    seen: int | None = None,
    fault: FormFault = _NO_FAULT,
) -> Response:
    services, status = services_of(request), fault.status
    with reading(services) as read:
        halts = standing_halts(read.connection)
        rows = shown_rows.newest_audit(read.connection, shown_rows.AuditFilter(), limit=_LAST_ROWS)
    version = read.row_version if seen is None or status == 409 else seen
    fields = [_field(one, given) for one in asked(verb)]
    values = {
        "title": name_of(verb).replace("_", " ").capitalize(),
        "told": verb.told,
        "name": name_of(verb),
        "is_grave": name_of(verb) in GRAVE,
        "is_job": verb.runs_as == "job",
        "fields": fields,
        "focus": next((one.name for one in fields if one.is_required and not one.value), "reason"),
        "reason": given.get("reason", ""),
        "row_version": version if status in (200, 409) else given.get("row_version", version),
        "sentence": fault.sentence,
        "halts": halts,
        "rows": rows,
        "back": request.url_for(f"console_{PAGE_OF.get(name_of(verb), 'strategies')}").path,
    }
    return html_page(request, "act.html", values, status)


def _field(field: Field, given: Mapping[str, str]) -> FormField:
    default = "" if field.default in (REQUIRED, None) else field.default
    shown = " ".join(default) if isinstance(default, tuple | list) else str(default)
    kind = {"number": "number", "deployment": "number", "value": "decimal", "switch": "switch"}
    return FormField(
        field.name,
        field.help,
        kind.get(field.kind, "text"),
        given.get(field.name, shown),
        field.choices.words if field.choices else (),
        field.default is REQUIRED,
    )


def _require_role(verb: Verb, person: Person) -> None:
    if not person.may(verb.role):
        raise Refused(403, f"{person.operator} is {person.role}; expected {verb.role} or above")


def _fault(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "value"
    return f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}"
