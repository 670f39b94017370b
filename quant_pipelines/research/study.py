"""Runs one combinatorial study from its job to its paths; nothing of it becomes a record or a verdict."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, from_ms
from quant_pipelines.optimize.combinatorial_study import SplitResult, Study, combinatorial_study
from quant_pipelines.research.history import HistorySource
from quant_pipelines.research.job import OptimizationJob, Studied
from quant_pipelines.research.procedure import task_key, version_row
from quant_pipelines.research.run import evaluator_of, open_source, plan_of, strategy_of
from quant_pipelines.research.window import settle_window
from quant_pipelines.sdk import StrategySource
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.studies import read_study, save_study

WHY_NO_PROOF = (
    "These paths are no record: every split searches on days after those that it tests, which nobody could "
    "have known, and all paths share the same days, so that many of them prove no more than one. They tell "
    "how much a result hangs on which days were which. No capital decision reads them."
)


def study_one(
    engine: Engine | None,
    job: OptimizationJob,
    *,
    source: HistorySource | None = None,
    on_split: Callable[[SplitResult], None] = lambda _: None,
) -> Studied:
    """Study the paths of a job whose calendar is combinatorial.

    Parameters
    ----------
    engine
        Product database, where the study is stored; one that is known is not run again. None stores nothing.
    job
        What to run.
    source
        Where history comes from; by default the job's archive, else the database.
    on_split
        Called with every split as it is known.

    Raises
    ------
    StrategyError, DataError, OptimizationError
        As ``optimize_one`` does.
    """
    strategy = strategy_of(engine, job)
    market = source or open_source(engine, job)
    job = settle_window(job, market, strategy.strategy_class)
    key = task_key(job, strategy)
    if engine is not None:
        with transaction(engine) as connection:
            known = read_study(connection, key)
        if known is not None:
            return Studied(job, known[1], known[0])
    result = _run(job, strategy, market, on_split)
    if engine is None:
        return Studied(job, result)
    plan = plan_of(job, strategy)
    names = ("strategy", "exchange", "symbol", "timeframe")
    row = {name: getattr(job, name) for name in names} | {
        "study_key": key,
        "strategy": strategy.name,
        "window_start": from_ms(plan.start_ms),
        "window_end": from_ms(plan.end_ms),
        "settings": {"job": job.to_document()},
        "result": result,
    }
    return Studied(job, result, save_study(engine, version_row(strategy), row))


def _run(
    job: OptimizationJob,
    strategy: StrategySource,
    source: HistorySource,
    on_split: Callable[[SplitResult], None],
) -> dict[str, Any]:
    evaluator = evaluator_of(job, strategy, source)
    embargo_days = -(-job.windows.embargo_hours * HOUR_MS // DAY_MS)
    study = combinatorial_study(
        evaluator, plan_of(job, strategy), embargo_days=embargo_days, on_split=on_split
    )
    return study_document(study)


def study_document(study: Study) -> dict[str, Any]:
    """Figures, paths and splits as a JSON document; days are milliseconds UTC."""
    return {
        "figures": study.figures(),
        "first_day_ms": study.window.start_ms,
        "paths": study.paths.tolist(),
        "splits": [
            {
                "groups": list(one.split.groups),
                "parameters": one.parameters,
                "trials": one.trials,
                "purge_days": one.purge_days,
            }
            for one in study.splits
        ],
    }
