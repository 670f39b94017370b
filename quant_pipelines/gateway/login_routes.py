"""Routes of logins: opened, shown, ended; tokens of programs, given and taken back."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from quant_pipelines.core.bounds import ROW_ID
from quant_pipelines.core.clock import clock_time
from quant_pipelines.gateway import people, program_tokens
from quant_pipelines.gateway.cookies import csrf_of, give_cookie
from quant_pipelines.gateway.problems import Refused
from quant_pipelines.gateway.route import PUBLIC, Asking, Used, client_of, guarded_router, needs, problems
from quant_pipelines.store import logins
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables.ops import LoginKind, Role

ROUTER = guarded_router("logins", "/api/v1")
LoginId = Annotated[int, Path(ge=1, le=ROW_ID.high, description="row of the login")]


class LoginAsked(BaseModel):
    """Who logs in."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"operator": "ann", "code": "492039"}}
    )
    operator: str = Field(min_length=1, max_length=80, description="name of the user")
    code: str = Field(
        default="", max_length=20, description="one-time code; empty while nobody is a user yet"
    )


class LoginView(BaseModel):
    """Who is logged in."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "operator": "ann",
                "role": "approver",
                "is_identified": True,
                "kind": "browser",
                "csrf_token": "5f2a…",
            }
        }
    )
    operator: str
    role: Role
    is_identified: bool = Field(description="whether a one-time code proved the name")
    kind: LoginKind
    csrf_token: str = Field(description="to be sent as X-CSRF-Token with every change; empty for a program")


class TokenAsked(BaseModel):
    """A program that is to be let in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"label": "nightly export", "minutes": 15, "role": "viewer"}},
    )
    label: str = Field(min_length=1, max_length=80, pattern=r"^[\w][\w .,:/-]*$")
    minutes: int = Field(default=15, ge=1, le=1440, description="how long it is to last")
    role: Role = Field(default="viewer", description="most that it may do, and never more than its user")


class TokenView(BaseModel):
    """A token; it is told once."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"login_id": 7, "token": "eyJhbGciOi…", "ends_at": "2025-06-10T12:15:00Z"}
        }
    )
    login_id: int
    token: str
    ends_at: datetime


class StandingLogin(BaseModel):
    """A login of oneself that counts."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 7,
                "kind": "program",
                "role": "viewer",
                "label": "nightly export",
                "opened_at": "2025-06-10T12:00:00Z",
                "seen_at": "2025-06-10T12:01:00Z",
                "ends_at": "2025-06-10T12:15:00Z",
            }
        }
    )
    id: int
    kind: LoginKind
    role: Role
    label: str
    opened_at: datetime
    seen_at: datetime
    ends_at: datetime


@ROUTER.post("/session", openapi_extra=needs(PUBLIC), summary="Log in by name and one-time code")
def log_in(given: LoginAsked, request: Request, response: Response, services: Used) -> LoginView:
    """Open a browser's login: its cookie is set, its CSRF token is in the answer."""
    require_login_pace(request, services)
    is_here = people.is_from_here(services, request)
    opened = people.log_in(services, given.operator, given.code, is_here=is_here)
    give_cookie(
        response, request, services.rules.root_path, opened.token, services.rules.session_minutes * 60
    )
    return _view(opened.person)


@ROUTER.get("/session", summary="Who is logged in")
def show_login(person: Asking) -> LoginView:
    """Say who asks, what it may do, and the CSRF token of its forms."""
    return _view(person)


@ROUTER.delete("/session", status_code=204, openapi_extra=needs("viewer"), summary="Log out")
def log_out(person: Asking, request: Request, response: Response, services: Used) -> None:
    """End this login."""
    with transaction(services.engine) as connection:
        logins.end_login(connection, person.login_id, clock_time(services.clock))
    if person.kind == "browser":
        give_cookie(response, request, services.rules.root_path, "", 0)


@ROUTER.get("/logins", summary="Logins of oneself that count")
def list_logins(person: Asking, services: Used) -> list[StandingLogin]:
    """List one's own logins, newest first."""
    with transaction(services.engine) as connection:
        rows = logins.standing_logins(connection, person.operator, clock_time(services.clock))
    return [StandingLogin(**row) for row in rows]


@ROUTER.post("/tokens", status_code=201, openapi_extra=needs("viewer"), summary="Let a program in")
def give_token(given: TokenAsked, person: Asking, services: Used) -> TokenView:
    """Sign a short-lived token for a program; it may do no more than its user may."""
    most = services.rules.token_minutes
    if given.minutes > most:
        raise Refused(422, f"minutes {given.minutes}; expected at most {most}: see gateway.token_minutes")
    if person.kind == "program":
        raise Refused(403, "a program asks for a token; expected a browser's login")
    if not person.may(given.role):
        raise Refused(403, f"{person.operator} is {person.role}; expected a token of no higher role")
    program = program_tokens.Program(person.operator, given.role, given.label, person.is_identified)
    return TokenView(**program_tokens.issue(services, program, given.minutes)._asdict())


@ROUTER.delete(
    "/logins/{login_id}",
    status_code=204,
    openapi_extra=needs("viewer"),
    responses=problems(404),
    summary="End a login of oneself, or as an admin anybody's",
)
def end_login(login_id: LoginId, person: Asking, services: Used) -> None:
    """Take a login or a program's token back at once."""
    whose = None if person.may("admin") else person.operator
    with transaction(services.engine) as connection:
        was_ended = logins.end_login(connection, login_id, clock_time(services.clock), operator=whose)
    if not was_ended:
        raise Refused(404, f"login {login_id} does not count; expected one that GET /api/v1/logins lists")


def require_login_pace(request: Request, services: Any) -> None:
    """Refuse an address that tries to log in too often."""
    most = services.rules.logins_per_minute
    wait = services.pace.wait_of(f"logins {client_of(request)}", most, most)
    if wait:
        raise Refused(
            429,
            f"more than {most} logins a minute; expected a pause of {int(wait) + 1} seconds",
            {"Retry-After": str(int(wait) + 1)},
        )


def _view(person: people.Person) -> LoginView:
    shown = {name: getattr(person, name) for name in ("operator", "role", "is_identified", "kind")}
    return LoginView(**shown, csrf_token=csrf_of(person.token) if person.token else "")
