"""Group ``trading``: what is admitted to paper money, what is deployed, how it does."""

from typing import Any

import dagster as dg

from assets.rendering import plot, table
from assets.research import verdicts
from assets.resources import Platform
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.views import (
    current_deployments,
    equity_curves,
    newest_scorecards,
    newest_verdicts,
)

_TRADING: dict[str, Any] = {
    "group_name": "trading",
    "owners": ["team:quant"],
    "kinds": {"python", "postgres"},
}
_CURVE_POINTS = 1440
_ATTRIBUTED_DAYS = 30


@dg.asset(deps=[verdicts], **_TRADING)
def paper_screen(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Decide on every candidate: admit it to paper money, or reject it with reasons.

    Admission costs no money and proves nothing: it is the first out-of-sample of the parameters. The capital
    gates stand beside it.
    """
    from quant_pipelines.lifecycle import screen_candidates  # noqa: PLC0415 - keeps the code server light

    screen_candidates(platform.engine, platform.settings, platform.clock)
    with transaction(platform.engine) as connection:
        rows = newest_verdicts(connection, platform.exchange, platform.fresh)
    metadata = {
        decision: sum(row["decision"] == decision for row in rows)
        for decision in ("admitted", "rejected", "candidate")
    }
    return dg.MaterializeResult(metadata={**metadata, "decisions": table(_decision_row(row) for row in rows)})


@dg.asset(deps=[paper_screen], **_TRADING)
def deployments(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Show what the live runner is asked to trade, and what it has done so far."""
    with transaction(platform.engine) as connection:
        rows = current_deployments(connection)
    columns = (
        "id",
        "strategy",
        "symbol",
        "timeframe",
        "execution_timeframe",
        "parameters",
        "challenges",
        "stage",
        "capital",
    )
    shown = table(rows, (*columns, "fills", "position", "equity", "equity_at"))
    return dg.MaterializeResult(metadata={"deployments": len(rows), "table": shown})


@dg.asset(deps=[deployments], **_TRADING)
def scorecard(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Score each deployment by its own equity, beside what its verdict promised."""
    from quant_pipelines.lifecycle import score_deployments  # noqa: PLC0415 - keeps the code server light

    score_deployments(platform.engine, platform.settings, platform.clock)
    with transaction(platform.engine) as connection:
        cards = newest_scorecards(connection)
        stored = equity_curves(connection, _CURVE_POINTS)
    curves = {f"deployment {number}": curve for number, curve in stored.items()}
    return dg.MaterializeResult(
        metadata={
            "scored": len(cards),
            "equity": plot(curves, "Equity, last day of execution bars"),
            "scorecards": table(_card_row(card) for card in cards),
        }
    )


@dg.asset(deps=[deployments], **_TRADING)
def attribution(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Take apart what deployments and accounts earned yesterday and in thirty days: beta, timing, costs.

    Every row sums to the change of its equity; what does not is left out, and told.
    """
    from quant_pipelines.operations.pnl import newest_days, of_day, shown_total  # noqa: PLC0415 - numba

    report = newest_days(platform.engine, platform.clock, n_days=_ATTRIBUTED_DAYS)
    metadata: dict[str, Any] = {
        "is_fine": report.is_fine,
        "told": [f"{line.scope}: {one}" for line in report.lines for one in (*line.faults, *line.notes)],
        "yesterday": table(map(shown_total, of_day(report.lines, report.yesterday))),
        "days": table(map(shown_total, report.lines)),
    }
    return dg.MaterializeResult(metadata=metadata)


def _decision_row(row: dict[str, Any]) -> dict[str, Any]:
    names = ("strategy", "symbol", "timeframe", "decision")
    return {name: row[name] for name in names} | {"reasons": "; ".join(map(str, row["reasons"]))}


def _card_row(card: dict[str, Any]) -> dict[str, Any]:
    names = ("deployment_id", "strategy", "symbol", "timeframe", "days")
    metrics = card["metrics"]
    flat = {name: value for name, value in metrics.items() if not isinstance(value, (dict, list))}
    luck = metrics.get("luck") or {}
    return {name: card[name] for name in names} | flat | {"luck": luck.get("sentence", "")}
