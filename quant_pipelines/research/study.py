"""Runs one combinatorial study from its job to its paths; nothing of it becomes a record or a verdict."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sqlalchemy import Engine

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, from_ms
from quant_pipelines.optimize.combinatorial_study import SplitFinding, SplitResult, Study, combinatorial_study
from quant_pipelines.research.history import HistorySource
from quant_pipelines.research.job import OptimizationJob, Studied
from quant_pipelines.research.procedure import task_key, version_row
from quant_pipelines.research.run import evaluator_of, open_source, plan_of, strategy_of
from quant_pipelines.research.window import settle_window
from quant_pipelines.sdk import StrategySource
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.research import sole_worker
from quant_pipelines.store.studies import (
    StudyRow,
    begin_study,
    finish_study,
    read_splits,
    read_study,
    save_split,
    study_of_key,
)

OnSplit: TypeAlias = Callable[[SplitResult], None]

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
    strategy: StrategySource | None = None,
    on_split: OnSplit = lambda _: None,
) -> Studied:
    """Study the paths of a job whose calendar is combinatorial.

    Parameters
    ----------
    engine
        Product database, where each split is stored as soon as it has run: a study that was interrupted goes
        on, one that is finished is not run again. None stores nothing.
    job
        What to run.
    source
        Where history comes from; by default the job's archive, else the database.
    strategy
        What is studied; by default the text in force, without a database that of the file.
    on_split
        Called with every split as it is known.

    Raises
    ------
    StrategyError, DataError
        As ``optimize_one`` does.
    OptimizationError
        If the search can't run, or another process is at this study.
    """
    strategy = strategy or strategy_of(engine, job)
    market = source or open_source(engine, job)
    job = settle_window(job, market, strategy.strategy_class)
    run = _StudyRun(job, strategy, market)
    if engine is None:
        return Studied(job, run.paths({}, on_split))
    with sole_worker(engine, run.key):
        return run.stored(engine, on_split)


def require_study(engine: Engine, study_id: int) -> StudyRow:
    """Study with this id.

    Raises
    ------
    OptimizationError
        If there is none.
    """
    with transaction(engine) as connection:
        found = read_study(connection, study_id)
    if found is None:
        raise OptimizationError(
            f"study:{study_id} is not stored; expected an id that quant research list --studies shows"
        )
    return found


class _StudyRun:
    """A settled job and its splits."""

    def __init__(self, job: OptimizationJob, strategy: StrategySource, source: HistorySource) -> None:
        self.job = job
        self.key = task_key(job, strategy)
        self._strategy = strategy
        self._source = source

    def paths(self, finished: Mapping[int, SplitFinding], on_split: OnSplit) -> dict[str, Any]:
        """Run the splits that are not finished."""
        job = self.job
        study = combinatorial_study(
            evaluator_of(job, self._strategy, self._source),
            plan_of(job, self._strategy),
            embargo_days=-(-job.windows.embargo_hours * HOUR_MS // DAY_MS),
            finished=finished,
            on_split=on_split,
        )
        return study_document(study)

    def stored(self, engine: Engine, on_split: OnSplit) -> Studied:
        """Go on with what the database has of it, and keep each split before the next one."""
        with transaction(engine) as connection:
            known = study_of_key(connection, self.key)
            finished = read_splits(connection, known.id) if known else {}
        if known is not None and known.result is not None:
            return Studied(self.job, known.result, known.id)
        numbers, study_id = itertools.count(), known.id if known else None

        def keep(result: SplitResult) -> None:
            nonlocal study_id
            number = next(numbers)
            if number not in finished:
                with transaction(engine) as connection:
                    study_id = study_id or begin_study(connection, version_row(self._strategy), self._row())
                    save_split(connection, study_id, number, SplitFinding(*result[1:]))
            on_split(result)

        result = self.paths(finished, keep)
        assert study_id is not None  # noqa: S101 - there is no history without a split
        with transaction(engine) as connection:
            finish_study(connection, study_id, result)
        return Studied(self.job, result, study_id)

    def _row(self) -> dict[str, Any]:
        plan = plan_of(self.job, self._strategy)
        names = ("exchange", "symbol", "timeframe")
        return {name: getattr(self.job, name) for name in names} | {
            "study_key": self.key,
            "strategy": self._strategy.name,
            "window_start": from_ms(plan.start_ms),
            "window_end": from_ms(plan.end_ms),
            "settings": {"job": self.job.to_document()},
        }


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
