"""Group ``market``: what is wrong with the stored data, and the mending of it."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import dagster as dg

from assets.market import PORTION_DAYS, bars_rollup
from assets.partitions import daily_asset
from assets.progress import in_portions
from assets.rendering import table
from assets.resources import Platform
from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.marketdata.checks import BLOCK, CHECKS, IN_FILES_ONLY
from quant_pipelines.marketdata.days import SymbolDays, history_days
from quant_pipelines.marketdata.quality import check_days
from quant_pipelines.marketdata.second_source import Comparison, disagreements, save_disagreements
from quant_pipelines.operations.repair import (
    AUTOMATIC_ATTEMPTS,
    carry_out_repairs,
    plan_repairs,
    to_documents,
)
from quant_pipelines.store.findings import open_findings

_QUALITY: dict[str, Any] = {"group_name": "market", "owners": ["team:quant"], "kinds": {"python", "postgres"}}
_SHOWN = 50
_SHOWN_CHECKS = {name: check for name, check in CHECKS.items() if name not in IN_FILES_ONLY}


@daily_asset(deps=[bars_rollup], **_QUALITY)
def data_quality(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult:
    """Check the 1-minute bars and the funding; research refuses days with a finding that blocks."""
    symbols, counts = platform.symbols(), Counter({"run_bars": 0, "run_findings": 0, "run_resolved": 0})
    for portion in in_portions(context, PORTION_DAYS, len(symbols)):
        asked = SymbolDays(symbols, portion)
        report = check_days(platform.engine, platform.exchange, asked, clock=platform.clock)
        counts.update(run_bars=report.bars, run_findings=len(report.findings), run_resolved=report.resolved)
    return dg.MaterializeResult(metadata=dict(counts))


@dg.asset(deps=[data_quality], **_QUALITY)
def data_repair(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Ask the exchange again about what the checks found on any day; what it confirms is not reported again.

    Without partitions, because a fault may lie on any day: one event for a run, however much it mends. It is
    bounded, and a finding that several tries could not mend is left to a person.
    """
    engine, exchange = platform.engine, platform.exchange
    plan = plan_repairs(engine, exchange, max_attempts=AUTOMATIC_ATTEMPTS)
    reports = (
        platform.with_market(lambda market: carry_out_repairs(market, plan, platform.clock))
        if plan.portions
        else []
    )
    errors = [report.error for report in reports if report.error]
    metadata: dict[str, Any] = {
        "portions": len(reports),
        "ended": sum(report.ended for report in reports),
        "standing": sum(report.standing for report in reports),
        "left": plan.left,
        "errors": len(errors),
        "mended": table(to_documents(reports)[:_SHOWN]),
    }
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(deps=[data_repair], **_QUALITY)
def source_agreement(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Compare yesterday's hourly closes with those of the exchanges that the settings name; by default none.

    A difference is a warning: each venue has its own prices. An exchange that is away is left out.
    """
    settings, (yesterday, _) = platform.settings, history_days(platform.clock(), 1)
    comparison = Comparison(
        platform.exchange, platform.symbols(), [yesterday], settings.market.source_tolerance
    )
    found, away = [], []
    for other in settings.exchange.others:
        ask = partial(disagreements, platform.engine, comparison, other)
        try:
            found.append(platform.with_other(other, ask))
        except ExchangeError as error:
            away.append(f"{other}: {error}")
    standing = save_disagreements(platform.engine, comparison, found, platform.clock) if found else 0
    metadata: dict[str, Any] = {
        "day": yesterday,
        "compared": len(found),
        "away": "; ".join(away),
        "findings": standing,
    }
    return dg.MaterializeResult(metadata=metadata)


# Dagster gives the results of a run over several days no partition, so each check tells its days in a table.
@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            name,
            asset=data_quality,
            additional_deps=[data_repair, source_agreement],
            description=check.description,
        )
        for name, check in _SHOWN_CHECKS.items()
    ]
)
def data_findings(platform: dg.ResourceParam[Platform]) -> Iterator[dg.AssetCheckResult]:
    """Show the findings that stand on any day, check by check."""
    standing = open_findings(platform.engine, platform.exchange)
    for name in _SHOWN_CHECKS:
        yield _check_result(name, [finding for finding in standing if finding["check_name"] == name])


def _check_result(name: str, findings: list[dict[str, Any]]) -> dg.AssetCheckResult:
    blocks = any(finding["severity"] == BLOCK for finding in findings)
    columns = ("symbol", "timeframe", "day", "severity", "count", "attempts", "detail")
    return dg.AssetCheckResult(
        check_name=name,
        passed=not findings,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        metadata={
            "findings": len(findings),
            "bars": sum(finding["count"] for finding in findings),
            "days": len({finding["day"] for finding in findings}),
            "newest": table(findings[:_SHOWN], columns),
        },
    )
