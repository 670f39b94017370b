"""Requests searches that something asked for: a disappointing deployment, or a coin that was approved.

The rows are the queue: what is open is run, what failed is tried again a few times, what succeeded is closed.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import dagster as dg

from assets.resources import Platform
from jobs.names import FIRST_START, FOCUSED_OPTIMIZATION
from jobs.pipelines import focused_optimization
from jobs.runs import skip_reason, unfinished_run
from quant_pipelines.core.clock import clock_time
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.first_start import has_results
from quant_pipelines.store.heartbeats import Alert, write_alert
from quant_pipelines.store.requests import (
    DONE,
    FAILED,
    PERFORMANCE,
    OptimizationRequest,
    close_request,
    open_requests,
)
from quant_pipelines.store.tables.research import RequestKind, RequestStatus
from sensors.first_imports import load_heavy

REQUEST_TAG = "quant/request"
_MOST_ATTEMPTS = 3
_Outcome: TypeAlias = RequestStatus | Literal["runs", ""]


@dg.sensor(
    name="performance_triggers",
    job=focused_optimization,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Measures the performance triggers of each deployment; what fires asks for a deeper search",
)
def performance_triggers(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> dg.SensorResult | dg.SkipReason:
    """Store the readings and new requests, and run what is open."""
    load_heavy()
    from quant_pipelines.operations.triggers import watch_performance  # noqa: PLC0415 - scipy

    watch_performance(platform.engine, platform.settings.triggers, platform.clock)
    answer = run_open_requests(context.instance, platform, PERFORMANCE)
    return answer if isinstance(answer, dg.SkipReason) else dg.SensorResult(run_requests=answer)


def run_open_requests(
    instance: dg.DagsterInstance,
    platform: Platform,
    kind: RequestKind,
    stages: Sequence[str] = (FOCUSED_OPTIMIZATION,),
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request the next run of each open request, close what is done or was given up.

    Parameters
    ----------
    instance
        Knows the runs of each request by their tag.
    platform
        The outer world.
    kind
        Which requests.
    stages
        Jobs that a request goes through; each begins after the one before has succeeded.
    """
    unfinished = unfinished_run(instance, (FIRST_START,))
    if unfinished is not None:
        return skip_reason(unfinished)
    if not has_results(platform.engine):
        # A decision of a search before the first start is done would pass for the first start's own.
        return dg.SkipReason("the first start has not filled the graph yet")
    with transaction(platform.engine) as connection:
        waiting = open_requests(connection, kind)
    requests, states = [], []
    for request in waiting:
        job, attempts, outcome = _next_stage(instance, request, stages)
        states.append(f"{request.sentence} ({job} {outcome or 'is requested'})")
        if outcome in (DONE, FAILED):
            _close(platform, request, outcome, job)
        elif not outcome:
            requests.append(_run_request(request, job, attempts + 1))
    return requests or dg.SkipReason("; ".join(states) or "nothing asks for a search")


def _next_stage(
    instance: dg.DagsterInstance, request: OptimizationRequest, stages: Sequence[str]
) -> tuple[str, int, _Outcome]:
    """First job that has not succeeded (else the last one), how often it was run, and what became of it."""
    job, attempts = "", 0
    outcome: _Outcome = DONE
    for job in stages:
        runs = instance.get_runs(dg.RunsFilter(job_name=job, tags={REQUEST_TAG: str(request.id)}))
        attempts, outcome = len(runs), _outcome(runs)
        if outcome != DONE:
            break
    return job, attempts, outcome


def _outcome(runs: Sequence[dg.DagsterRun]) -> _Outcome:
    """Tell what became of the runs, newest first; empty if another one is due."""
    if not runs:
        return ""
    newest = runs[0].status
    if newest is dg.DagsterRunStatus.SUCCESS:
        return DONE
    if newest is dg.DagsterRunStatus.CANCELED:
        return FAILED
    if newest is not dg.DagsterRunStatus.FAILURE:
        return "runs"
    return FAILED if len(runs) >= _MOST_ATTEMPTS else ""


def _close(platform: Platform, request: OptimizationRequest, outcome: RequestStatus, job: str) -> None:
    at = clock_time(platform.clock)
    with transaction(platform.engine) as connection:
        close_request(connection, request.id, outcome, at)
    if outcome == FAILED:
        message = f"{request.sentence}: {job} failed or was canceled; launch it again"
        write_alert(platform.engine, Alert("warning", f"request:{request.id}", message, at))


def _run_request(request: OptimizationRequest, job: str, attempt: int) -> dg.RunRequest:
    is_search = job == FOCUSED_OPTIMIZATION
    return dg.RunRequest(
        run_key=f"request-{request.id}-{job}-{attempt}",
        job_name=job,
        run_config={"ops": {"walk_forward": {"config": _search(request)}}} if is_search else {},
        partition_key=None if is_search else request.symbol,
        tags={REQUEST_TAG: str(request.id)},
    )


def _search(request: OptimizationRequest) -> dict[str, Any]:
    return {
        "strategies": [request.strategy] if request.strategy else [],
        "symbols": [request.symbol],
        "timeframes": [request.timeframe] if request.timeframe else [],
        # Today's ordinary search of a deployment's unit is stored already; a deeper one is new work.
        "depth": "DEEP" if request.kind == PERFORMANCE else "NORMAL",
        "reason": request.sentence,
    }
