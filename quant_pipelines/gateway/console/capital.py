"""What each book was given and should have, what is held, and the plan that can be taken back."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from quant_pipelines.core.stages import LADDER
from quant_pipelines.gateway import reading_routes
from quant_pipelines.gateway.reading_models import PositionView
from quant_pipelines.gateway.reading_routes import RowReading, reading
from quant_pipelines.gateway.services import Services
from quant_pipelines.pnl.stress import StressedPosition, stress
from quant_pipelines.store import shown_rows
from quant_pipelines.store.allocation import newest_applied, newest_plans
from quant_pipelines.store.stress_rows import daily_deviations, funding_of_a_day

_FILLS = 50


def read_capital(services: Services, asked: Mapping[str, str]) -> dict[str, Any]:
    """Read what the page of capital and positions shows; ``before`` is a place among the fills."""
    positions = reading_routes.positions(services)
    fills = reading_routes.fills(services, limit=_FILLS, before=asked.get("before"))
    deployed = reading_routes.deployments(services)
    with reading(services) as read:
        plans = newest_plans(read.connection)
        capital = {row.id: Decimal(row.capital) for row in deployed.rows}
        stressed = _stressed(read, services, positions.rows, scales_of(plans, capital))
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
        "stress": stress(stressed),
        "equity": sum(row.equity or 0.0 for row in deployed.rows if row.stage in LADDER),
        "undoable": [plan for plan in applied.values() if plan is not None],
        "funds": funds,
        "fills": fills.rows,
        "next": fills.next,
    }


def _stressed(
    read: RowReading,
    services: Services,
    held: Sequence[PositionView],
    scales: Mapping[int, float],
) -> list[StressedPosition]:
    """Positions with what the market does to them, and what the newest plans make of their books."""
    exchange, symbols = services.settings.exchange.id, sorted({row.symbol for row in held})
    moves = daily_deviations(read.connection, exchange, symbols, read.as_of)
    paid = funding_of_a_day(read.connection, exchange, symbols, read.as_of)
    return [
        StressedPosition(
            _value(row.quantity, row.price) or 0.0,
            moves.get(row.symbol, math.nan),
            paid.get(row.symbol, math.nan),
            scales.get(row.deployment_id, 1.0),
        )
        for row in held
    ]


def scales_of(plans: Sequence[Mapping[str, Any]], capital: Mapping[int, Decimal]) -> dict[int, float]:
    """Capital that plans give over what a deployment has; 1 where a plan was carried out; pure."""
    given = {row["deployment_id"]: row["capital"] for plan in plans for row in plan["rows"]}
    return {one: float(given[one] / own) for one, own in capital.items() if own and one in given}


def _value(quantity: Any, price: float | None) -> float | None:
    return None if price is None else float(quantity) * price
