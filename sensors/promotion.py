"""Watches the ladder: promotes what needs no person, and tells people what waits for them."""

import json
from datetime import datetime

import dagster as dg

from assets.resources import Platform
from jobs.names import PROMOTE_DEPLOYMENT
from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.timeframes import day_of
from quant_pipelines.store.approvals import REQUEST_LASTS
from quant_pipelines.store.heartbeats import Alert, write_alert
from sensors.first_imports import load_heavy

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
    """Take back what did harm, request what needs no person, tell people of what needs some."""
    load_heavy()
    from quant_pipelines.operations.challenges import take_back_failed  # noqa: PLC0415 - light code server
    from quant_pipelines.operations.live_budget import take_back_spent  # noqa: PLC0415 - light code server
    from quant_pipelines.operations.proposals import expire_proposals  # noqa: PLC0415 - light code server
    from quant_pipelines.operations.stages import steps_in_reach  # noqa: PLC0415 - keeps the code server light

    take_back_failed(platform.engine, platform.settings.ladder, platform.clock)
    take_back_spent(platform.engine, platform.settings.ladder, platform.clock)
    expire_proposals(platform.engine, platform.clock)
    now = clock_time(platform.clock)
    told, requests, waiting = _standing(context.cursor, now), [], dict[str, str]()
    for step in steps_in_reach(platform.engine, platform.settings.ladder, platform.clock):
        name = f"deployment:{step.deployment_id} {step.source} to {step.target}"
        if not step.people:
            requests.append(_run_request(step.deployment_id, step.target, day_of(platform.clock())))
            continue
        waiting[name] = told.get(name) or (now + REQUEST_LASTS).isoformat()
        if name not in told:
            why = step.overdue or "the evidence suffices"
            until = f"until {now + REQUEST_LASTS:%Y-%m-%d %H:%M} UTC, then it is asked anew"
            message = f"{name}: {why}; {step.people} operators must promote it {until}"
            write_alert(platform.engine, Alert("info", f"deployment:{step.deployment_id}", message, now))
    cursor = json.dumps(waiting, sort_keys=True)
    if not requests:
        context.update_cursor(cursor)
        waits = f"waits for operators: {'; '.join(sorted(waiting))}"
        return dg.SkipReason(waits if waiting else "no deployment has the evidence for its next stage")
    return dg.SensorResult(run_requests=requests, cursor=cursor)


def _standing(cursor: str | None, now: datetime) -> dict[str, str]:
    """Read what people were asked for and may still answer: until when, by name."""
    known = json.loads(cursor or "{}")
    asked = (
        known.items() if isinstance(known, dict) else ()
    )  # before requests expired, it was a list of names
    return {name: until for name, until in asked if datetime.fromisoformat(until) > now}


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
