"""Routes of the console, by one table of its pages; what is not finished is not in the navigation."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from quant_pipelines.core.bounds import ROW_ID
from quant_pipelines.gateway.console import (
    acts,
    capital,
    history,
    hot_coins,
    lab,
    login_pages,
    overview,
    pulse,
    risk,
    strategies,
)
from quant_pipelines.gateway.console.rendering import FOLDER, STATIC, environment, secured
from quant_pipelines.gateway.console.route import console_routes, show
from quant_pipelines.gateway.problems import Refused
from quant_pipelines.gateway.route import PUBLIC, needs
from quant_pipelines.gateway.services import Services, services_of
from quant_pipelines.gateway.verb_models import Text


class ConsolePage(NamedTuple):
    """One page: its name, path below the console, title, what it reads, and whether the navigation has it."""

    name: str
    path: str
    title: str
    read: Callable[[Services, Mapping[str, str]], dict[str, Any]]
    is_listed: bool = True


PAGES: Final = (
    ConsolePage("overview", "", "Overview", overview.read_overview),
    ConsolePage("risk", "/risk", "Risk center", risk.read_risk),
    ConsolePage("capital", "/capital", "Capital and positions", capital.read_capital),
    ConsolePage("strategies", "/strategies", "Strategies", strategies.read_strategies),
    ConsolePage("hot_coins", "/hot-coins", "Hot coins", hot_coins.read_hot_coins),
    ConsolePage("lab", "/lab", "Lab", lab.read_lab, is_listed=False),  # without maps of the objective yet
    ConsolePage("audit", "/audit", "Audit and replay", history.read_audit),
)
RowNumber = Annotated[int, Path(ge=0, le=ROW_ID.high)]
Word = Annotated[Text, Query()]
_YEAR_SECONDS: Final = 31_536_000


def console_router() -> APIRouter:
    """Router with every page, form and file."""
    router = console_routes()
    environment().globals["pages"] = [page for page in PAGES if page.is_listed]
    for page in PAGES:
        router.add_api_route(page.path, _shown(page), name=f"console_{page.name}")
    for path, endpoint, name in (
        ("/strategies/{deployment_id}", deployment, "console_deployment"),
        ("/versions/{strategy}", versions, "console_versions"),
        ("/verdicts/{verdict_id}", verdict, "console_verdict"),
        ("/audit/export.csv", export, "console_export"),
        ("/beat", pulse.beats, "console_beat"),
        ("/acts/{name}", acts.ask, "console_act"),
    ):
        router.add_api_route(path, endpoint, name=name)
    router.add_api_route("/acts/{name}", acts.carry, methods=["POST"], name="console_carry")
    router.add_api_route("/logout", login_pages.log_out, methods=["POST"], name="console_logout")
    public = needs(PUBLIC)
    router.add_api_route("/login", login_pages.show_login, name="console_login", openapi_extra=public)
    router.add_api_route("/login", login_pages.log_in, methods=["POST"], openapi_extra=public)
    router.add_api_route("/files/{name}", file, name="console_file", openapi_extra=public)
    return router


def _shown(page: ConsolePage) -> Callable[[Request], Response]:
    def shown(request: Request) -> Response:
        asked = {name: value for name, value in request.query_params.items() if "\x00" not in value}
        values = page.read(services_of(request), asked)
        return show(request, f"{page.name}.html", _told(page.title, values, request))

    return shown


def _told(title: str, values: dict[str, Any], request: Request) -> dict[str, Any]:
    done = request.query_params.get("done", "")
    return {"title": title, "done": done if done.isdigit() else None} | values


def deployment(request: Request, deployment_id: RowNumber) -> Response:
    """One deployment."""
    values = strategies.read_deployment(services_of(request), deployment_id)
    title = f"{values['row'].strategy} on {values['row'].symbol}"
    return show(request, "deployment.html", _told(title, values, request))


def versions(
    request: Request, strategy: Annotated[Text, Path()], left: Word = "", right: Word = ""
) -> Response:
    """Texts of a strategy and their difference."""
    values = strategies.read_versions(services_of(request), strategy, left, right)
    return show(request, "versions.html", _told(f"Versions of {strategy}", values, request))


def verdict(request: Request, verdict_id: RowNumber) -> Response:
    """One verdict with its gates."""
    values = lab.read_verdict(services_of(request), verdict_id)
    return show(request, "verdict.html", _told(f"Verdict {verdict_id}", values, request))


async def export(request: Request) -> Response:
    """Rows of the audit log as CSV."""
    page = await run_in_threadpool(history.read_rows, services_of(request), dict(request.query_params))
    named = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return secured(Response(history.exported(page), media_type="text/csv", headers=named))


def file(name: str) -> Response:
    """Style or script of the console."""
    if name not in STATIC:
        raise Refused(404, f"{name!r:.80} is no file of the console")
    kept = {"Cache-Control": f"public, max-age={_YEAR_SECONDS}, immutable"}
    return secured(Response((FOLDER / name).read_bytes(), media_type=STATIC[name], headers=kept))
