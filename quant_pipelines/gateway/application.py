"""The application: routers, their guard, and what every connection passes before."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from quant_pipelines.gateway import login_routes, reading_routes, state_routes
from quant_pipelines.gateway.boundary import Boundary
from quant_pipelines.gateway.cookies import PLAIN
from quant_pipelines.gateway.problems import tell_problems
from quant_pipelines.gateway.route import needs
from quant_pipelines.gateway.services import Services
from quant_pipelines.gateway.streams import sockets
from quant_pipelines.gateway.streams.hub import Hub
from quant_pipelines.gateway.verb_routes import verb_router

_TITLE = "quant"
ROUTERS: tuple[APIRouter, ...] = (login_routes.ROUTER, state_routes.ROUTER, reading_routes.ROUTER)


def build_application(services: Services, more: tuple[APIRouter, ...] = ()) -> FastAPI:
    """Application on its collaborators, without what stands in front of it; see ``served``.

    Parameters
    ----------
    services
        Everything that routes work with.
    more
        Routers besides the API's own, such as a console's.
    """
    hub = Hub(services.engine, services.rules.stream_backlog)

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        yield
        await hub.close()

    application = FastAPI(
        lifespan=living,
        title=_TITLE,
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    application.state.services = services
    application.state.hub = hub
    tell_problems(application)
    for router in (*ROUTERS, verb_router(), sockets.ROUTER, *more):
        application.include_router(router)
    application.openapi = lambda: _described(application)  # type: ignore[method-assign]
    return application


def served(application: FastAPI) -> ASGIApp:
    """Application as a server calls it: proxies that are listed are believed, hosts and origins proven."""
    services: Services = application.state.services
    inner: Any = Boundary(application, services.rules)  # uvicorn types the same protocol in its own words
    outer: Any = ProxyHeadersMiddleware(inner, trusted_hosts=list(services.rules.proxies))
    return cast(ASGIApp, outer)


def _operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (one for path in schema["paths"].values() for one in path.values() if isinstance(one, dict))


def _described(application: FastAPI) -> dict[str, Any]:
    if application.openapi_schema is None:
        schema = get_openapi(title=_TITLE, version="1", routes=application.routes)
        schema.setdefault("components", {})["securitySchemes"] = {
            "session": {"type": "apiKey", "in": "cookie", "name": PLAIN},
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        }
        for operation in _operations(schema):
            operation.update(needs("viewer") | operation)
        application.openapi_schema = schema
    return application.openapi_schema
