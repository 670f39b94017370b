"""The job that runs a stored walk-forward again; it changes nothing, so nobody signs it."""

import dagster as dg
from pydantic import Field

from assets.rendering import table
from assets.resources import Platform
from quant_pipelines.core.errors import QuantError

_SHOWN = 50


class ReplayRequest(dg.Config):
    """What is run again."""

    verdict_id: int = Field(description="id of the verdict, as quant research list shows it")
    fold: int = Field(default=-1, ge=-1, description="only this fold; -1: all")
    trial: int = Field(default=-1, ge=-1, description="only this trial, without test windows; -1: all")


@dg.op(description="Run stored trials and test windows again; the run fails where they differ")
def replay_verdict_op(
    context: dg.OpExecutionContext, config: ReplayRequest, platform: dg.ResourceParam[Platform]
) -> None:
    """Replay, and show what came out otherwise."""
    from quant_pipelines.operations.research import require_verdict  # noqa: PLC0415 - numba
    from quant_pipelines.research.replay import replay_trials  # noqa: PLC0415 - numba
    from quant_pipelines.store.engine import transaction  # noqa: PLC0415 - as above

    try:
        with transaction(platform.engine) as connection:
            task_id = require_verdict(connection, config.verdict_id).task_id or 0
        replay = replay_trials(
            platform.engine,
            task_id,
            fold=None if config.fold < 0 else config.fold,
            trial=None if config.trial < 0 else config.trial,
            columns=platform.columns,
        )
    except QuantError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    told = replay.told(config.verdict_id)
    metadata = {
        "trials": table(one._asdict() for one in replay.differing[:_SHOWN]),
        "test_windows": table(one._asdict() for one in replay.differing_tests),
        "known_changes": table({"change": one} for one in replay.changes),
    }
    context.log_event(dg.AssetObservation("verdicts", description=told, metadata=metadata))
    context.instance.add_run_tags(context.run_id, {"quant/result": told[:200]})
    if replay.differing or replay.differing_tests:
        raise dg.Failure(told, metadata=metadata, allow_retries=False)
    context.log.info(told)


replay_verdict = dg.GraphDefinition(
    name="replay_verdict", node_defs=[replay_verdict_op], description=replay_verdict_op.description
).to_job()
