"""Starts the job that fills the graph, until it has succeeded once."""

from collections.abc import Sequence

import dagster as dg

from assets.partitions import days_request
from assets.resources import Platform
from jobs.names import FIRST_START
from jobs.pipelines import first_start
from jobs.runs import skip_reason, unfinished_run
from quant_pipelines.marketdata.days import history_days
from quant_pipelines.store.first_start import has_results

_RETRY_SECONDS = 20.0
_LONGEST_RETRY_SECONDS = 600.0


@dg.sensor(
    name="first_start_sensor",
    job=first_start,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests the first start until it has succeeded once; a failed one goes on where it stopped",
)
def first_start_sensor(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> dg.RunRequest | dg.SkipReason:
    """Request the next attempt, unless it is running, done, canceled or too soon."""
    instance = context.instance
    unfinished = unfinished_run(instance, (FIRST_START,))
    if unfinished is not None:
        return skip_reason(unfinished)
    attempts = instance.get_run_records(dg.RunsFilter(job_name=FIRST_START), limit=100)
    reason = _why_not(attempts, platform)
    if reason:
        return dg.SkipReason(reason)
    days = history_days(platform.clock(), platform.settings.market.history_days)
    return days_request(*days, run_key=f"{FIRST_START}-{len(attempts) + 1}")


def _why_not(attempts: Sequence[dg.RunRecord], platform: Platform) -> str:
    """Why no attempt is made now; empty if one is."""
    last = attempts[0] if attempts else None
    if last and last.dagster_run.status is dg.DagsterRunStatus.SUCCESS:
        return "the first start has succeeded"
    if has_results(platform.engine):
        return "the paper screen has decided before: the graph is filled"
    if last and last.dagster_run.status is dg.DagsterRunStatus.CANCELED:
        return f"a person canceled the last attempt; launch the job {FIRST_START} to go on"
    if last is None:
        return ""
    pause = min(_RETRY_SECONDS * 2 ** (len(attempts) - 1), _LONGEST_RETRY_SECONDS)
    passed = platform.clock() / 1000 - (last.end_time or 0.0)
    return (
        f"attempt {len(attempts)} failed; the next one follows in {pause - passed:.0f} s"
        if passed < pause
        else ""
    )
