"""Log in and out with a browser."""

from typing import Annotated

from fastapi import Form, Request, Response
from starlette.concurrency import run_in_threadpool

from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.errors import QuantError
from quant_pipelines.gateway import people
from quant_pipelines.gateway.console.rendering import html_page
from quant_pipelines.gateway.console.route import TITLES, last_known_of, redirect
from quant_pipelines.gateway.cookies import give_cookie
from quant_pipelines.gateway.login_routes import require_login_pace
from quant_pipelines.gateway.problems import sentence_of, status_of
from quant_pipelines.gateway.services import services_of
from quant_pipelines.store import logins
from quant_pipelines.store.engine import transaction


def show_login(request: Request) -> Response:
    """Page to log in."""
    return html_page(request, "login.html", _values("", ""))


def log_in(
    request: Request,
    operator: Annotated[str, Form(max_length=80)] = "",
    code: Annotated[str, Form(max_length=20)] = "",
    to: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Prove a name by its code, and go to where the browser was."""
    services = services_of(request)
    require_login_pace(request, services)
    is_here = people.is_from_here(services, request)
    try:
        opened = people.log_in(services, operator.strip(), code.strip(), is_here=is_here)
    except QuantError as error:
        values = _values(sentence_of(error), to) | {"operator": operator}
        return html_page(request, "login.html", values, status_of(error))
    answer = redirect(_own(request, to))
    give_cookie(answer, request, services.rules.root_path, opened.token, services.rules.session_minutes * 60)
    return answer


async def log_out(request: Request) -> Response:
    """End this login, and forget what it saw."""
    services, person = services_of(request), request.state.person

    def end() -> None:
        with transaction(services.engine) as connection:
            logins.end_login(connection, person.login_id, clock_time(services.clock))

    await run_in_threadpool(end)
    last_known_of(request).forget(person)
    answer = redirect(request.url_for("console_login").path)
    give_cookie(answer, request, services.rules.root_path, "", 0)
    return answer


def _values(sentence: str, to: str) -> dict[str, str]:
    return {"title": TITLES[401], "sentence": sentence, "to": to, "operator": ""}


def _own(request: Request, to: str) -> str:
    """Return a page of this console; anything else is no place to go to."""
    home = request.url_for("console_overview").path
    is_own = to == home or to.startswith((f"{home}/", f"{home}?"))
    return to if is_own and "\\" not in to and "//" not in to else home
