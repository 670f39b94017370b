"""The job that removes what nobody asks for any more: old working rows, and Dagster's own old runs."""

from datetime import datetime, timedelta

import dagster as dg

from assets.resources import Platform
from jobs.names import HOT_COIN_SCAN, PRICE_SAMPLING, STRATEGY_SCORING
from jobs.runs import FINISHED
from quant_pipelines.core.clock import clock_time

FREQUENT = (STRATEGY_SCORING, HOT_COIN_SCAN, PRICE_SAMPLING)
_BATCH = 200


def delete_old_runs(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete runs of the frequent jobs, with their events, that ended before a moment.

    A run takes its materializations with it. What these jobs materialize is materialized again within the
    hour, a day's bars by the optimization of the next night; each job's newest good run stays in any case.
    """
    return sum(_delete_runs_of(instance, name, before) for name in FREQUENT)


def _delete_runs_of(instance: dg.DagsterInstance, job_name: str, before: datetime) -> int:
    good = dg.RunsFilter(job_name=job_name, statuses=[dg.DagsterRunStatus.SUCCESS])
    stay = {run.run_id for run in instance.get_runs(good, limit=1)}
    old = dg.RunsFilter(job_name=job_name, statuses=list(FINISHED), updated_before=before)
    gone = 0
    while batch := [run for run in instance.get_runs(old, limit=_BATCH) if run.run_id not in stay]:
        for run in batch:
            instance.delete_run(run.run_id)
        gone += len(batch)
    return gone


@dg.op(
    description="Delete old logins, deliveries, shared searches, scorecards but a day's last one, and runs "
    "of the frequent jobs; settings retention.*"
)
def housekeeping_op(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Delete, and say how much."""
    from quant_pipelines.store.housekeeping import delete_expired  # noqa: PLC0415 - keeps the code server light

    settings, now = platform.settings.retention, clock_time(platform.clock)
    for table, rows in delete_expired(platform.engine, settings, now).items():
        context.log.info("%s: %d rows deleted", table, rows)
    if settings.runs_days:
        gone = delete_old_runs(context.instance, now - timedelta(days=settings.runs_days))
        context.log.info("Dagster: %d runs deleted", gone)


housekeeping = dg.GraphDefinition(
    name="housekeeping", node_defs=[housekeeping_op], description=housekeeping_op.description
).to_job()
