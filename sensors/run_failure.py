"""Writes an alert for each run that failed; a refused operator job is its operator's answer, not an alert."""

import dagster as dg

from assets.resources import Platform
from jobs.operator import OPERATOR_TAGS
from quant_pipelines.core.clock import clock_time
from quant_pipelines.store.heartbeats import Alert, write_alert

_LONGEST_MESSAGE = 500


@dg.run_failure_sensor(
    name="run_failure",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Writes an alert for each run that failed",
)
def run_failure(
    context: dg.RunFailureSensorContext, platform: dg.ResourceParam[Platform]
) -> dg.SkipReason | None:
    """Write the alert, with the first sentence of the error."""
    run = context.dagster_run
    if OPERATOR_TAGS.items() <= run.tags.items():
        return dg.SkipReason(f"run {run.run_id[:8]} of {run.job_name} was refused; its operator was told")
    steps = context.get_step_failure_events()
    detail = {"run_id": run.run_id, "steps": [event.step_key for event in steps]}
    message = (
        f"run {run.run_id[:8]} of {run.job_name} failed: {context.failure_event.message or 'no message'}"
    )
    source, told = f"dagster:{run.job_name}", " ".join(message.split())[:_LONGEST_MESSAGE]
    write_alert(platform.engine, Alert("warning", source, told, clock_time(platform.clock), detail))
    return None
