"""Watches the ladder: promotes what needs no person, and tells people what waits for them."""

import json

import dagster as dg

from assets.resources import Platform
from jobs.names import PROMOTE_DEPLOYMENT
from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.timeframes import day_of
from quant_pipelines.store.heartbeats import Alert, write_alert

ACTOR = "promotion ladder"


@dg.sensor(
    name="promotion_ladder",
    job_name=PROMOTE_DEPLOYMENT,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Promotes paper to shadow when the evidence suffices; canary and live wait for two operators",
)
def promotion_ladder(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> dg.SensorResult | dg.SkipReason:
    """Take back challengers that did harm, request what needs no person, tell people of what needs some."""
    from quant_pipelines.operations.challenges import take_back_failed  # noqa: PLC0415 - light code server
    from quant_pipelines.operations.stages import steps_in_reach  # noqa: PLC0415 - keeps the code server light

    take_back_failed(platform.engine, platform.settings.ladder, platform.clock)
    told = set(json.loads(context.cursor or "[]"))
    requests, waiting = [], set()
    for step in steps_in_reach(platform.engine, platform.settings.ladder, platform.clock):
        name = f"deployment:{step.deployment_id} {step.source} to {step.target}"
        if not step.people:
            requests.append(_run_request(step.deployment_id, step.target, day_of(platform.clock())))
            continue
        waiting.add(name)
        if name not in told:
            why = step.overdue or "the evidence suffices"
            message = f"{name}: {why}; {step.people} operators must promote it"
            at = clock_time(platform.clock)
            write_alert(platform.engine, Alert("info", f"deployment:{step.deployment_id}", message, at))
    cursor = json.dumps(sorted(waiting))
    if not requests:
        context.update_cursor(cursor)
        waits = f"waits for operators: {'; '.join(sorted(waiting))}"
        return dg.SkipReason(waits if waiting else "no deployment has the evidence for its next stage")
    return dg.SensorResult(run_requests=requests, cursor=cursor)


def _run_request(deployment_id: int, target: str, day: str) -> dg.RunRequest:
    """One attempt a day: a promotion that was refused in between is not asked for every five minutes."""
    config = {
        "operator": ACTOR,
        "reason": "the evidence suffices",
        "deployment_id": deployment_id,
        "target": target.upper(),
    }
    return dg.RunRequest(
        run_key=f"promote-{deployment_id}-{target}-{day}",
        run_config={"ops": {"promote_deployment_op": {"config": config}}},
    )
