"""What the account is worth, what it earned, how far it is below its best, and what needs a look."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeAlias

from quant_pipelines.core.stages import LADDER
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.gateway import reading_routes
from quant_pipelines.gateway.console import figures
from quant_pipelines.gateway.console.freshness import age_of
from quant_pipelines.gateway.reading_models import DeploymentView, ServiceView
from quant_pipelines.gateway.reading_routes import RowReading, reading
from quant_pipelines.gateway.services import Services
from quant_pipelines.operations.health import HEALTHY, SERVICE
from quant_pipelines.operations.outages import RUNNER
from quant_pipelines.store import shown_rows
from quant_pipelines.store.alert_deliveries import read_alerts
from quant_pipelines.store.heartbeats import standing_halts

LightColor: TypeAlias = Literal["good", "watch", "bad"]
_DAYS, _ALERTS = 7, 20


class RiskLight(NamedTuple):
    """One thing to look at: its name, how it is, and why in a few words."""

    name: str
    color: LightColor
    words: str


def read_overview(services: Services, _: Mapping[str, str]) -> dict[str, Any]:
    """Read what the first page shows."""
    deployed = reading_routes.deployments(services)
    alive = {row.service: row for row in reading_routes.services_alive(services).rows}
    curves = {row.deployment_id: row.equity for row in reading_routes.equity(services, points=120).rows}
    traded = [row for row in deployed.rows if row.stage in LADDER]
    with reading(services) as read:
        curve = _curve(read)
        paid = shown_rows.capital_paid(read.connection, curve[0]["ts"]) if curve else []
        halts = standing_halts(read.connection)
        alerts = read_alerts(read.connection, limit=_ALERTS, only_open=True)
    known = [row for row in traded if row.equity is not None]
    equity = sum(row.equity or 0.0 for row in known)
    equity_at = max((row.equity_at for row in known if row.equity_at), default=None)
    shown = figures.curve_of([to_ms(row["ts"]) for row in curve], [row["equity"] for row in curve])
    flows = figures.payments(paid)
    return {
        "as_of": deployed.as_of,
        "row_version": deployed.row_version,
        "traded": traded,
        "curves": curves,
        "equity": equity if known else None,
        "equity_at": equity_at,
        "pnl": sum((row.equity or 0.0) - float(row.capital) for row in known) if known else None,
        "capital": sum(float(row.capital) for row in traded),
        "drawdown": _drawdown(shown, flows, equity, equity_at) if known else None,
        "days": _DAYS,
        "chart": figures.equity_chart(f"Equity of all books, {_DAYS} days", shown),
        "depth": figures.drawdown_chart(
            f"Below their peak without payments of capital, {_DAYS} days",
            figures.without_payments(shown, flows),
        ),
        "lights": lights(alive, halts, alerts, traded, deployed.as_of),
        "runner": alive.get(RUNNER),
        "alerts": alerts,
        "halts": halts,
    }


def lights(
    alive: Mapping[str, ServiceView],
    halts: list[dict[str, Any]],
    alerts: list[dict[str, Any]],
    traded: list[DeploymentView],
    now: datetime,
) -> list[RiskLight]:
    """Judge what needs a look; pure."""
    runner, market = alive.get(RUNNER), alive.get(SERVICE)
    state, age = "away", age_of("runner", runner.at if runner else None, now).state
    if runner is not None and age in ("fresh", "late"):
        state = runner.state if age == "fresh" else f"{runner.state}, late"
    is_well = market is not None and market.state == HEALTHY
    unknown = [row.id for row in traded if row.equity is None]
    return [
        RiskLight("Runner", "good" if state == "ACTIVE" else "bad" if state == "away" else "watch", state),
        RiskLight("Halts", "bad" if halts else "good", f"{len(halts)} stand" if halts else "none stands"),
        RiskLight("Alerts", "watch" if alerts else "good", f"{len(alerts)} open" if alerts else "none open"),
        RiskLight(
            "Market data", "good" if is_well else "watch", market.state if market else "never looked at"
        ),
        RiskLight(
            "Books",
            "watch" if unknown else "good",
            f"{len(unknown)} have no bar yet" if unknown else f"{len(traded)} are booked",
        ),
    ]


def _drawdown(
    shown: figures.BookedCurve, flows: figures.BookedCurve, equity: float, at: datetime | None
) -> float:
    """Fraction by which what books are worth now lies below their best hour, without payments."""
    last = int(shown.times[-1]) if shown.times.size else 0
    now = last if at is None else max(last, to_ms(at))
    whole = figures.curve_of([*shown.times.tolist(), now], [*shown.values.tolist(), equity])
    return figures.drawdown_of(figures.without_payments(whole, flows).values)


def _curve(read: RowReading) -> list[dict[str, Any]]:
    end = read.as_of.replace(minute=0, second=0, microsecond=0)
    rows = shown_rows.hourly_equity(read.connection, end - timedelta(days=_DAYS), end)
    # A book that came later would look like a gain: only hours with all books are comparable.
    most = max((row["n"] for row in rows), default=0)
    return [row for row in rows if row["n"] == most]
