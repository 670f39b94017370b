"""Requests searches that something asked for: a disappointing deployment, a coin that was just approved.

The rows are the queue: what is open is run, what failed is tried again a few times, what succeeded is closed.
"""

from collections.abc import Sequence

import dagster as dg

from assets.resources import Platform
from jobs.names import FIRST_START, FOCUSED_OPTIMIZATION
from jobs.pipelines import focused_optimization
from jobs.runs import skip_reason, unfinished_run
from quant_pipelines.core.clock import clock_time
from quant_pipelines.operations.first_start import has_results
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import write_alert
from quant_pipelines.store.requests import (
    DONE,
    FAILED,
    PERFORMANCE,
    WHITELIST,
    OptimizationRequest,
    close_request,
    open_requests,
)

REQUEST_TAG = "quant/request"
_MOST_ATTEMPTS = 3


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
    from quant_pipelines.operations.triggers import watch_performance  # noqa: PLC0415 - scipy

    watch_performance(platform.engine, platform.settings.triggers, platform.clock)
    return run_open_requests(context.instance, platform, PERFORMANCE)


@dg.sensor(
    name="new_whitelist_symbol",
    job=focused_optimization,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for the first search of a coin that an operator has approved",
)
def new_whitelist_symbol(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> dg.SensorResult | dg.SkipReason:
    """Store new requests, and run what is open."""
    from quant_pipelines.operations.triggers import watch_whitelist  # noqa: PLC0415 - scipy

    watch_whitelist(platform.engine, platform.exchange, platform.clock)
    return run_open_requests(context.instance, platform, WHITELIST)


def run_open_requests(
    instance: dg.DagsterInstance, platform: Platform, kind: str
) -> dg.SensorResult | dg.SkipReason:
    """Request a run for each open request that has none, close what is done or was given up."""
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
        runs = instance.get_runs(_runs_of(request))
        outcome = _outcome(runs)
        states.append(f"{request.sentence} ({outcome or 'is requested'})")
        if outcome in (DONE, FAILED):
            _close(platform, request, outcome)
        elif not outcome:
            requests.append(_run_request(request, len(runs) + 1))
    if requests:
        return dg.SensorResult(run_requests=requests)
    return dg.SkipReason("; ".join(states) or "nothing asks for a search")


def _outcome(runs: Sequence[dg.DagsterRun]) -> str:
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


def _close(platform: Platform, request: OptimizationRequest, outcome: str) -> None:
    at = clock_time(platform.clock)
    with transaction(platform.engine) as connection:
        close_request(connection, request.id, outcome, at)
    if outcome == FAILED:
        message = (
            f"{request.sentence}: its search failed or was canceled; launch {FOCUSED_OPTIMIZATION} again"
        )
        write_alert(platform.engine, "warning", f"request:{request.id}", message, detail={}, at=at)


def _runs_of(request: OptimizationRequest) -> dg.RunsFilter:
    return dg.RunsFilter(job_name=FOCUSED_OPTIMIZATION, tags={REQUEST_TAG: str(request.id)})


def _run_request(request: OptimizationRequest, attempt: int) -> dg.RunRequest:
    named = {
        "strategies": [request.strategy] if request.strategy else [],
        "symbols": [request.symbol],
        "timeframes": [request.timeframe] if request.timeframe else [],
        # Today's ordinary search of a deployment's unit is stored already; a deeper one is new work.
        "depth": "DEEP" if request.kind == PERFORMANCE else "NORMAL",
    }
    return dg.RunRequest(
        run_key=f"request-{request.id}-{attempt}",
        run_config={"ops": {"walk_forward": {"config": named}}},
        tags={REQUEST_TAG: str(request.id)},
    )
