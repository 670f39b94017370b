"""Routes that say whether this process and its database answer."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from quant_pipelines.core.clock import clock_time
from quant_pipelines.gateway.route import PUBLIC, Used, guarded_router, needs
from quant_pipelines.store.engine import require_reachable

ROUTER = guarded_router("state", "/api/v1")


class Alive(BaseModel):
    """The process and its database answer."""

    model_config = ConfigDict(json_schema_extra={"example": {"as_of": "2025-06-10T12:00:00Z"}})
    as_of: datetime


@ROUTER.get("/alive", openapi_extra=needs(PUBLIC), summary="Whether the gateway and its database answer")
def alive(services: Used) -> Alive:
    """Answer 200 with the time, or 503 while the database is away."""
    require_reachable(services.engine)
    return Alive(as_of=clock_time(services.clock))
