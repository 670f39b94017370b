"""Limits with who answers for them, what is halted, what was told, and what waits for a second person."""

from collections.abc import Mapping
from typing import Any

from quant_pipelines.core.stages import LADDER
from quant_pipelines.gateway import reading_routes
from quant_pipelines.gateway.console import stops
from quant_pipelines.gateway.console.books import heads_of
from quant_pipelines.gateway.reading_routes import reading
from quant_pipelines.gateway.services import Services
from quant_pipelines.operations.outages import RUNNER
from quant_pipelines.store.alert_deliveries import read_alerts

_MOST = 50


def read_risk(services: Services, _: Mapping[str, str]) -> dict[str, Any]:
    """Read what the risk center shows."""
    halts = reading_routes.breakers(services)
    deployed = reading_routes.deployments(services)
    alive = {row.service: row for row in reading_routes.services_alive(services).rows}
    with reading(services) as read:
        alerts = read_alerts(read.connection, limit=_MOST, only_open=False)
    traded = [row for row in deployed.rows if row.stage in LADDER]
    halted = {halt.source for halt in halts.rows}
    return {
        "as_of": halts.as_of,
        "heads": heads_of(deployed.rows),
        "row_version": halts.row_version,
        "halts": halts.rows,
        "scopes": sorted(halted),
        "limits": reading_routes.limits(services).rows,
        "approvals": reading_routes.approvals(services, limit=_MOST).rows,
        "alerts": alerts,
        "runner": alive.get(RUNNER),
        "services": list(alive.values()),
        "traded": traded,
        "stop_kinds": stops.kinds_used(traded),
        "standing_stops": stops.standing(reading_routes.positions(services).rows),
    }
