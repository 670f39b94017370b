"""A route that lets in whoever may: credentials first (401), then the role and the form (403), then the body.

A route names its role by ``needs``; one that names none is for viewers.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final, Literal, TypeAlias

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from quant_pipelines.gateway.body_limit import limited
from quant_pipelines.gateway.cookies import CSRF_FIELD, CSRF_HEADER, is_csrf
from quant_pipelines.gateway.people import Person, find_person
from quant_pipelines.gateway.problems import Problem, Refused
from quant_pipelines.gateway.services import Services, services_of
from quant_pipelines.store.tables.ops import Role

Least: TypeAlias = Role | Literal["public"]
"""The least role that may ask; ``public`` asks for no login."""
PUBLIC: Final = "public"
_ROLE = "x-role"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM = "application/x-www-form-urlencoded"
_BURST_SECONDS = 6
_Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
_SENTENCES: Final = {
    401: "No login, or one that does not count",
    403: "The role does not suffice, or the form was not made for this login",
    404: "There is no such thing",
    409: "Refused as things stand, or somebody else has acted since the form was shown",
    413: "The body is too large",
    422: "A value is malformed",
    429: "Too many requests, or too many codes tried",
    503: "The database or Dagster is away",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Answers of a route beside the good one, for its description."""
    return {status: {"model": Problem, "description": _SENTENCES[status]} for status in statuses}


def needs(least: Least) -> dict[str, Any]:
    """Declare what a route says of who may ask: its ``openapi_extra``."""
    if least == PUBLIC:
        return {_ROLE: least, "security": []}
    return {_ROLE: least, "security": [{"session": []}, {"bearer": []}]}


def least_of(route: APIRoute) -> Least:
    """Who may ask a route."""
    least: Least = (route.openapi_extra or {}).get(_ROLE, "viewer")
    return least


class GuardedRoute(APIRoute):
    """Route that proves who asks before it reads a body."""

    def get_route_handler(self) -> _Handler:
        """Put the route's handler behind its guard."""
        handle, least = super().get_route_handler(), least_of(self)

        async def guarded(request: Request) -> Response:
            services = services_of(request)
            require_pace(services, f"address {client_of(request)}")
            if least != PUBLIC:
                request.state.person = await run_in_threadpool(entitled, services, request, least)
                require_pace(services, f"login {request.state.person.login_id}")
            bounded = limited(request)
            if least != PUBLIC:
                await _require_form(bounded, bounded.state.person)
            return await handle(bounded)

        return guarded


def guarded_router(tag: str, prefix: str = "") -> APIRouter:
    """Router whose routes are guarded; include it in the application."""
    shared = problems(401, 403, 422, 429, 503)
    return APIRouter(prefix=prefix, tags=[tag], route_class=GuardedRoute, responses=shared)


def entitled(services: Services, request: Request, least: Role) -> Person:
    """Prove who asks, and that the role suffices."""
    person = find_person(services, request)
    if person is None:
        raise Refused(401, "no login that counts; expected a session cookie or a bearer token")
    if not person.may(least):
        raise Refused(403, f"{person.operator} is {person.role}; expected {least} or more")
    return person


def person_of(request: Request) -> Person:
    """Who asks; a dependency of guarded routes."""
    person: Person = request.state.person
    return person


def require_pace(services: Services, caller: str) -> None:
    """Refuse a caller who asks too often."""
    rate = services.rules.requests_per_minute
    wait = services.pace.wait_of(caller, rate, rate * _BURST_SECONDS / 60)
    if wait:
        raise Refused(
            429,
            f"more than {rate} requests a minute; expected a pause of {int(wait) + 1} seconds",
            {"Retry-After": str(int(wait) + 1)},
        )


def client_of(connection: HTTPConnection) -> str:
    """Address of the caller."""
    return connection.client.host if connection.client else "unknown"


async def _require_form(request: Request, person: Person) -> None:
    """Refuse a change that a page of somebody else had the browser ask for; programs have no such pages."""
    if request.method in _SAFE or person.kind == "program":
        return
    given = request.headers.get(CSRF_HEADER, "")
    if not given and request.headers.get("content-type", "").startswith(_FORM):
        given = str((await request.form()).get(CSRF_FIELD, ""))
    if not is_csrf(person.token, given):
        what = "another" if given else "no"
        raise Refused(403, f"{what} {CSRF_HEADER}; expected the one of this login: read the page again")


Asking: TypeAlias = Annotated[Person, Depends(person_of)]
Used: TypeAlias = Annotated[Services, Depends(services_of)]
