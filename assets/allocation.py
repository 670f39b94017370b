"""Group ``trading``: how capital is shared out, target against actual."""

from typing import Any

import dagster as dg

from assets.rendering import table
from assets.resources import Platform
from assets.trading import deployments
from quant_pipelines.store.engine import transaction

_COLUMNS = (
    "account",
    "deployment_id",
    "strategy",
    "symbol",
    "timeframe",
    "stage",
    "actual",
    "target",
    "weight",
    "capital_before",
    "capital",
    "bound",
    "reason",
)


@dg.asset(deps=[deployments], group_name="trading", owners=["team:quant"], kinds={"python", "postgres"})
def allocation(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult:
    """Share each account out among its deployments, once a UTC day and after money came or went.

    Shown is the newest plan of each account, target against actual, each weight with what decided it. Where
    the settings leave a plan to a person, the job rebalance carries it out.
    """
    from quant_pipelines.operations.rebalance import plan_due  # noqa: PLC0415 - scikit-learn
    from quant_pipelines.store.allocation import newest_plans  # noqa: PLC0415 - with its tables

    for told in plan_due(platform.engine, platform.settings, platform.clock):
        context.log.info(told)
    with transaction(platform.engine) as connection:
        plans = newest_plans(connection)
    return dg.MaterializeResult(metadata=_shown(plans))


def _shown(plans: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("account", "day", "kind", "outcome", "rule", "equity", "volatility", "reason")
    rows = [{"account": plan["account"], **row} for plan in plans for row in plan["rows"]]
    return {
        "accounts": table({name: plan[name] for name in names} for plan in plans),
        "weights": table({name: row[name] for name in _COLUMNS} for row in rows),
        "refused": sum(plan["outcome"] == "refused" for plan in plans),
    }
