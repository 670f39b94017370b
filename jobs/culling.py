"""The job that ranks the deployments and lets the worst rest; no person asks for it."""

import dagster as dg

from assets.rendering import table
from assets.resources import Platform


@dg.op(
    description="Bring back who has rested; rank the deployments by rolling Sharpe ratio: the worst rests "
    "for a time if even its upper bound is < 0"
)
def culling_op(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Rank, and let at most one deployment rest."""
    from quant_pipelines.operations.culling import cull_worst, end_rests  # noqa: PLC0415 - keeps the code server light

    for told in end_rests(platform.engine, platform.settings.ladder, platform.clock):
        context.log.info(told)
    ranking, receipt = cull_worst(platform.engine, platform.settings.ladder, platform.clock)
    names = ("deployment_id", "sharpe", "upper_bound", "days")
    rows = [{name: getattr(one, name) for name in names} for one in ranking]
    context.log.info(receipt.summary if receipt else f"{len(rows)} ranked, nobody rests")
    context.log_event(dg.AssetObservation("deployments", metadata={"ranking": table(rows)}))


culling = dg.GraphDefinition(
    name="culling", node_defs=[culling_op], description=culling_op.description
).to_job()
