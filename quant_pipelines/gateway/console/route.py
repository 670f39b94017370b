"""A route of the console: guarded as the API's are, and what is refused is told as a page.

Without a login the login page is the answer; while the database is away a page shows what this login saw.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from quant_pipelines.core.errors import QuantError, StoreError
from quant_pipelines.gateway.console.last_known import LastKnown, SeenPage
from quant_pipelines.gateway.console.rendering import html_page, secured
from quant_pipelines.gateway.problems import Refused, fault_of, request_id_of, sentence_of, status_of
from quant_pipelines.gateway.route import GuardedRoute
from quant_pipelines.gateway.services import services_of

_Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
TITLES: Final = {
    401: "Log in",
    403: "Not allowed",
    404: "Not found",
    409: "Not done",
    413: "Too large",
    422: "Malformed",
    429: "Too many requests",
    503: "Away",
}
AWAY: Final = "the database does not answer: what you see is what was known last"


class ConsoleRoute(GuardedRoute):
    """Route that answers with pages, whatever happens."""

    def get_route_handler(self) -> _Handler:
        """Put pages in front of what the guard and the handler refuse."""
        handle = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                return await handle(request)
            except StoreError as error:
                seen = _seen(request)
                return seen or told(request, 503, sentence_of(error))
            except Refused as error:
                return told(request, error.code, error.sentence)
            except QuantError as error:
                return told(request, status_of(error), sentence_of(error))
            except RequestValidationError as error:
                return told(request, 422, fault_of(error))
            except HTTPException as error:
                return told(request, error.status_code, str(error.detail))

        return shown


def console_routes() -> APIRouter:
    """Router whose routes answer with pages."""
    return APIRouter(prefix="/console", route_class=ConsoleRoute, include_in_schema=False)


def told(request: Request, status_code: int, sentence: str) -> Response:
    """Page that says why something was not done; without a login the one to log in."""
    if status_code == 401:
        query = f"?{request.url.query}" if request.url.query else ""
        to = f"{request.url.path}{query}" if request.method == "GET" else ""
        values = {"title": TITLES[401], "sentence": "", "to": to, "operator": ""}
        return html_page(request, "login.html", values, 401)
    said: dict[str, Any] = {
        "title": TITLES.get(status_code, "Not done"),
        "sentence": sentence,
        "status": status_code,
        "request_id": request_id_of(request),
    }
    return html_page(request, "problem.html", said, status_code)


def show(request: Request, template: str, values: dict[str, Any]) -> Response:
    """Answer with a page of what was just read, and remember it."""
    services = services_of(request)
    last_known_of(request).keep(services, request, SeenPage(request.state.person, template, values))
    return html_page(request, template, values)


def last_known_of(request: Request) -> LastKnown:
    """Pages that this application has shown."""
    state = request.app.state
    if not hasattr(state, "last_known"):
        state.last_known = LastKnown()
    known: LastKnown = state.last_known
    return known


def redirect(to: str) -> Response:
    """Answer a form that was carried out: the browser reads another page."""
    return secured(RedirectResponse(to, 303))


def _seen(request: Request) -> Response | None:
    seen = last_known_of(request).find(services_of(request), request) if request.method == "GET" else None
    if seen is None:
        return None
    request.state.person = seen.person
    return html_page(request, seen.template, seen.values | {"banner": AWAY}, 503)
