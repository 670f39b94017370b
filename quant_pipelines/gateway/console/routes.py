"""Routes of the console, by one table of its pages."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from quant_pipelines.core.bounds import ROW_ID
from quant_pipelines.gateway.console import (
    acts,
    backtests,
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
from quant_pipelines.gateway.console import verdict as verdict_page
from quant_pipelines.gateway.console.rendering import STATIC, environment, secured, static_file
from quant_pipelines.gateway.console.route import console_routes, show
from quant_pipelines.gateway.problems import Refused
from quant_pipelines.gateway.route import PUBLIC, needs
from quant_pipelines.gateway.services import Services, services_of
from quant_pipelines.gateway.verb_models import Text


class ConsolePage(NamedTuple):
    """One page of the navigation: its name, path below the console, title, and what it reads."""

    name: str
    path: str
    title: str
    read: Callable[[Services, Mapping[str, str]], dict[str, Any]]


PAGES: Final = (
    ConsolePage("overview", "", "Overview", overview.read_overview),
    ConsolePage("risk", "/risk", "Risk center", risk.read_risk),
    ConsolePage("capital", "/capital", "Capital and positions", capital.read_capital),
    ConsolePage("strategies", "/strategies", "Strategies", strategies.read_strategies),
    ConsolePage("hot_coins", "/hot-coins", "Hot coins", hot_coins.read_hot_coins),
    ConsolePage("lab", "/lab", "Lab", lab.read_lab),
    ConsolePage("audit", "/audit", "Audit and replay", history.read_audit),
)
RowNumber = Annotated[int, Path(ge=0, le=ROW_ID.high)]
RowAsked = Annotated[int, Query(ge=0, le=ROW_ID.high)]
Word = Annotated[Text, Query()]


def console_router() -> APIRouter:
    """Router with every page, form and file."""
    router = console_routes()
    environment().globals["pages"] = PAGES
    for page in PAGES:
        router.add_api_route(page.path, _shown(page), name=f"console_{page.name}")
    for path, endpoint, name in (
        ("/strategies/{deployment_id}", deployment, "console_deployment"),
        ("/versions/{strategy}", versions, "console_versions"),
        ("/verdicts/{verdict_id}", verdict, "console_verdict"),
        ("/comparison", comparison, "console_comparison"),
        ("/backtests/{backtest_id}", backtest, "console_backtest"),
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
    done, run = (request.query_params.get(name, "") for name in ("done", "run"))
    shown = run if re.fullmatch(r"[\w-]{1,64}", run) else ""
    return {"title": title, "done": done if done.isdigit() else None, "run": shown} | values


def deployment(
    request: Request, deployment_id: RowNumber, bars: Annotated[int, Query()] = strategies.CANDLES[0]
) -> Response:
    """One deployment."""
    if bars not in strategies.CANDLES:
        raise Refused(422, f"bars is {bars}; expected one of {', '.join(map(str, strategies.CANDLES))}")
    values = strategies.read_deployment(services_of(request), deployment_id, bars)
    title = f"{values['row'].strategy} on {values['row'].symbol}"
    return show(request, "deployment.html", _told(title, values, request))


def versions(
    request: Request, strategy: Annotated[Text, Path()], left: Word = "", right: Word = ""
) -> Response:
    """Texts of a strategy and their difference."""
    values = strategies.read_versions(services_of(request), strategy, left, right)
    return show(request, "versions.html", _told(f"Versions of {strategy}", values, request))


def verdict(
    request: Request, verdict_id: RowNumber, fold: Annotated[int | None, Query(ge=0, le=100_000)] = None
) -> Response:
    """One verdict with what it rests on; the sets are those of a fold, the newest by default."""
    values = verdict_page.read_verdict_page(services_of(request), verdict_id, fold)
    return show(request, "verdict.html", _told(f"Verdict {verdict_id}", values, request))


def comparison(request: Request, first: RowAsked, second: RowAsked) -> Response:
    """Two verdicts beside each other."""
    values = lab.read_comparison(services_of(request), first, second)
    return show(
        request, "comparison.html", _told(f"Verdict {first} beside verdict {second}", values, request)
    )


def backtest(request: Request, backtest_id: RowNumber) -> Response:
    """One backtest that was run on what is stored."""
    values = backtests.read_backtest(services_of(request), backtest_id)
    return show(request, "backtest.html", _told(f"Backtest {backtest_id}", values, request))


async def export(request: Request) -> Response:
    """Rows of the audit log as CSV."""
    page = await run_in_threadpool(history.read_rows, services_of(request), dict(request.query_params))
    named = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return secured(Response(history.exported(page), media_type="text/csv", headers=named))


def file(name: str) -> Response:
    """Style or script of the console."""
    if name not in STATIC:
        raise Refused(404, f"{name!r:.80} is no file of the console")
    return static_file(name)
