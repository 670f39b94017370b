"""What each book was given and should have, what is held, and the plan that can be taken back."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from quant_pipelines.core.stages import LADDER
from quant_pipelines.gateway import reading_routes
from quant_pipelines.gateway.console.books import heads_of
from quant_pipelines.gateway.reading_models import DeploymentView, PositionView
from quant_pipelines.gateway.reading_routes import RowReading, reading
from quant_pipelines.gateway.services import Services
from quant_pipelines.pnl.stress import StressedPosition, stress
from quant_pipelines.store import shown_rows
from quant_pipelines.store.allocation import PROPOSED, newest_applied, newest_plans
from quant_pipelines.store.stress_rows import daily_deviations, funding_of_a_day

_FILLS = 50


def read_capital(services: Services, asked: Mapping[str, str]) -> dict[str, Any]:
    """Read what the page of capital and positions shows; ``before`` is a place among the fills."""
    positions = reading_routes.positions(services)
    fills = reading_routes.fills(services, limit=_FILLS, before=asked.get("before"))
    deployed = reading_routes.deployments(services)
    with reading(services) as read:
        plans = newest_plans(read.connection)
        stressed = stressed_of(
            positions.rows, scales_of(plans, deployed.rows), _market(read, services, positions.rows)
        )
        applied = {plan["account_id"]: newest_applied(read.connection, plan["account_id"]) for plan in plans}
        funds = shown_rows.newest_balances(read.connection)
    values = {row.deployment_id: _value(row.quantity, row.price) for row in positions.rows}
    known = [value for value in values.values() if value is not None]
    return {
        "as_of": positions.as_of,
        "heads": heads_of(deployed.rows),
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


class StressMarket(NamedTuple):
    """By symbol: standard deviation of a day's return, and what longs paid in 24 hours, fractions."""

    deviations: Mapping[str, float]
    funding: Mapping[str, float]


def _market(read: RowReading, services: Services, held: Sequence[PositionView]) -> StressMarket:
    exchange, symbols = services.settings.exchange.id, sorted({row.symbol for row in held})
    return StressMarket(
        daily_deviations(read.connection, exchange, symbols, read.as_of),
        funding_of_a_day(read.connection, exchange, symbols, read.as_of),
    )


def stressed_of(
    held: Sequence[PositionView], scales: Mapping[int, float], market: StressMarket
) -> list[StressedPosition]:
    """Positions with what the market does to them, and what plans make of their books; pure.

    One whose price is not booked has an unknown value: as 0 it would make a loss look small.
    """
    values = [_value(row.quantity, row.price) for row in held]
    return [
        StressedPosition(
            math.nan if value is None else value,
            market.deviations.get(row.symbol, math.nan),
            market.funding.get(row.symbol, math.nan),
            scales.get(row.deployment_id, 1.0),
        )
        for row, value in zip(held, values, strict=True)
    ]


def scales_of(plans: Sequence[Mapping[str, Any]], rows: Sequence[DeploymentView]) -> dict[int, float]:
    """Equity that plans leave a book over what it has, by deployment and by leg; pure.

    Capital is what was paid in: a plan pays the difference, and the profit stays in the book. Positions are
    sized on equity. What was applied is in the books already, and a book that is worth nothing has no scale.
    """
    proposed = [row for plan in plans if plan["outcome"] == PROPOSED for row in plan["rows"]]
    given = {row["deployment_id"]: row["capital"] for row in proposed}
    scales: dict[int, float] = {}
    for row in rows:
        if row.id not in given or row.equity is None or row.equity <= 0.0:
            continue
        scale = max(0.0, 1.0 + float(given[row.id] - row.capital) / row.equity)
        # Plans name heads and positions legs, which share what their set is paid.
        scales |= dict.fromkeys((row.id, *(leg.id for leg in row.legs)), scale)
    return scales


def _value(quantity: Any, price: float | None) -> float | None:
    return None if price is None else float(quantity) * price
