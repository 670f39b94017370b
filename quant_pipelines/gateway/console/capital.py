"""What each book was given and should have, what is held, and the plan that can be taken back."""

from collections.abc import Mapping
from typing import Any

from quant_pipelines.gateway import reading_routes
from quant_pipelines.gateway.reading_routes import reading
from quant_pipelines.gateway.services import Services
from quant_pipelines.store import shown_rows
from quant_pipelines.store.allocation import newest_applied, newest_plans

_FILLS = 50


def read_capital(services: Services, asked: Mapping[str, str]) -> dict[str, Any]:
    """Read what the page of capital and positions shows; ``before`` is a place among the fills."""
    positions = reading_routes.positions(services)
    fills = reading_routes.fills(services, limit=_FILLS, before=asked.get("before"))
    with reading(services) as read:
        plans = newest_plans(read.connection)
        applied = {plan["account_id"]: newest_applied(read.connection, plan["account_id"]) for plan in plans}
        funds = shown_rows.newest_balances(read.connection)
    values = {row.deployment_id: _value(row.quantity, row.price) for row in positions.rows}
    known = [value for value in values.values() if value is not None]
    return {
        "as_of": positions.as_of,
        "row_version": positions.row_version,
        "positions": positions.rows,
        "values": values,
        "gross": sum(abs(value) for value in known),
        "net": sum(known),
        "plans": plans,
        "undoable": [plan for plan in applied.values() if plan is not None],
        "funds": funds,
        "fills": fills.rows,
        "next": fills.next,
    }


def _value(quantity: Any, price: float | None) -> float | None:
    return None if price is None else float(quantity) * price
