"""Watches the strategies folder: a new or changed file is tried, and used from then on if it passes."""

import dagster as dg

from assets.resources import Platform
from jobs.names import FIRST_START, STRATEGY_TRIAL
from jobs.pipelines import strategy_trial
from jobs.runs import skip_reason, unfinished_run
from quant_pipelines.core.ids import digest_of
from quant_pipelines.store.first_start import has_results
from sensors.first_imports import load_heavy


@dg.sensor(
    name="strategy_files",
    job=strategy_trial,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tries a strategy file that is new or changed; what passes is in force, without a restart",
)
def strategy_files(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> dg.RunRequest | dg.SkipReason:
    """Request a trial of the files that the library does not know."""
    load_heavy()
    from quant_pipelines.research.library import unknown_files  # noqa: PLC0415 - numba
    from quant_pipelines.sdk import strategies_folder  # noqa: PLC0415 - numba

    unfinished = unfinished_run(context.instance, (FIRST_START, STRATEGY_TRIAL))
    if unfinished is not None:
        return skip_reason(unfinished)
    if not has_results(platform.engine):
        return dg.SkipReason("the first start has not filled the graph yet")
    folder = strategies_folder(platform.settings.strategies_folder)
    changed = unknown_files(platform.engine, folder)
    if not changed:
        return dg.SkipReason("every file of the folder has been tried")
    names = [name for name, _ in changed]
    return dg.RunRequest(
        run_key=f"strategies-{digest_of(dict(changed))}",
        run_config={"ops": {"strategy_library": {"config": {"names": names}}}},
    )
