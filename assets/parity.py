"""Group ``trading``: what each deployment did on the day before, beside its replay."""

from typing import Any

import dagster as dg

from assets.rendering import table
from assets.resources import Platform
from assets.trading import deployments


@dg.asset(
    deps=[deployments],
    group_name="trading",
    owners=["team:quant"],
    kinds={"python", "numba", "postgres"},
    check_specs=[dg.AssetCheckSpec("like_its_replay", asset="replay_parity")],
)
def replay_parity(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult:
    """Replay yesterday's journaled bars, limits and decisions, and name what explains each difference.

    A deployment that decided otherwise, or whose rest is unexplained, opens nothing until a person has
    looked; on the second day in a row it goes back. What was not replayed is told with its reason.
    """
    from quant_pipelines.operations.parity import check_parity, shown_day  # noqa: PLC0415 - numba

    report = check_parity(platform.engine, platform.clock, columns=platform.columns)
    context.log.info(report.told)
    rows = table(shown_day(row) for row in report.rows)
    done = [receipt.summary for receipt in report.receipts]
    passed = dg.AssetCheckResult(passed=report.is_fine, description=report.told)
    metadata: dict[str, Any] = {
        "day": report.day.isoformat(),
        "told": report.told,
        "days": rows,
        "done": done,
    }
    return dg.MaterializeResult(metadata=metadata, check_results=[passed])
