"""Runs a stored walk-forward again, trials and days out of sample, and holds it against what is stored.

It trades with the text of then, on the history of now, by the kernel of now: where a number differs, one of
the last two has changed, and what is known of it is said.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Engine

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.instrument_sets import symbols_of
from quant_pipelines.core.jit import kernel_digest
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_of
from quant_pipelines.optimize.evaluation import Edges
from quant_pipelines.optimize.objectives import rank_by
from quant_pipelines.optimize.walk_forward import FoldResult
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.research.run import evaluator_of, open_source, ranking_of, resume_job, stored_strategy
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.library import read_library
from quant_pipelines.store.records import read_folds
from quant_pipelines.store.research_lists import count_revised_bars, version_of_task


class Replayed(NamedTuple):
    """One trial, as it is stored and as it is now.

    Parameters
    ----------
    fold, trial
        Where it stands.
    parameters
        What was tried.
    stored, now
        Its objective; None where it has none.
    stored_return, now_return
        Total return in the train window; only the best of a fold has its returns stored.
    is_equal
        Whether all that is stored came out to the bit.
    """

    fold: int
    trial: int
    parameters: dict[str, Any]
    stored: float | None
    now: float | None
    stored_return: float | None
    now_return: float | None
    is_equal: bool


class ReplayedTest(NamedTuple):
    """Days of one fold out of sample, as they are stored and as they are now.

    Parameters
    ----------
    fold, days
        Which fold, and how many days of it are stored.
    stored_return, now_return
        Total return of these days.
    is_equal
        Whether every day came out to the bit.
    """

    fold: int
    days: int
    stored_return: float
    now_return: float
    is_equal: bool


class Replay(NamedTuple):
    """Trials of a walk-forward and its days out of sample, run again.

    Parameters
    ----------
    trials
        In the order tried.
    tests
        Of the folds with days; none where one trial was asked for.
    changes
        One sentence each for what is known to have changed since.
    """

    trials: tuple[Replayed, ...]
    tests: tuple[ReplayedTest, ...]
    changes: tuple[str, ...]

    @property
    def differing(self) -> tuple[Replayed, ...]:
        """Trials that came out otherwise."""
        return tuple(one for one in self.trials if not one.is_equal)

    @property
    def differing_tests(self) -> tuple[ReplayedTest, ...]:
        """Test windows that did; what is stored of them stays."""
        return tuple(one for one in self.tests if not one.is_equal)

    def told(self, verdict_id: int) -> str:
        """Say in one sentence what was run again, and how much of it differs."""
        trials = (
            f"{len(self.trials)} trials of verdict {verdict_id} were run again: {len(self.differing)} differ"
        )
        if not self.tests:
            return trials
        return f"{trials}; so were {len(self.tests)} test windows: {len(self.differing_tests)} differ"


def replay_trials(
    engine: Engine,
    task_id: int,
    *,
    fold: int | None = None,
    trial: int | None = None,
    columns: Path | None = None,
) -> Replay:
    """Run trials of a stored walk-forward again, each in its fold's train window, and its test windows.

    A test window begins with what the fold before it has left, as it is stored.

    Parameters
    ----------
    engine
        Product database.
    task_id
        Which walk-forward.
    fold, trial
        Which of them; None stands for all.
    columns
        Folder of column files to read bars through.

    Raises
    ------
    OptimizationError
        If no such trial is stored.
    DataError
        If the history is gone, or a finding blocks it now.
    """
    with transaction(engine) as connection:
        folds = read_folds(connection, task_id)
        version = version_of_task(connection, task_id)
    chosen = _chosen(folds, fold, trial, task_id)
    job = resume_job(engine, task_id)
    strategy = stored_strategy(engine, task_id)
    source = open_source(engine, job, columns)
    evaluator = evaluator_of(_reaching_back(job, chosen[0].fold.index), strategy, source)
    replayed = tuple(one for result in chosen for one in _replayed(evaluator, job, result, trial))
    with_days = [one for one in chosen if one.test.days.size and trial is None]
    tests = tuple(_tested(evaluator, one, folds.get(one.fold.index - 1)) for one in with_days)
    return Replay(replayed, tests, _changes(engine, job, version, chosen))


def _chosen(
    folds: dict[int, FoldResult], fold: int | None, trial: int | None, task_id: int
) -> list[FoldResult]:
    if fold is not None and fold not in folds:
        known = f"{min(folds)} to {max(folds)}" if folds else "one that was fitted"
        raise OptimizationError(f"fold is {fold}, which optimization {task_id} has not; expected {known}")
    if not folds:
        raise OptimizationError(f"optimization {task_id} has no fold; expected one that was fitted")
    chosen = [folds[index] for index in sorted(folds) if fold in (None, index)]
    most = max((len(one.fit.trials) for one in chosen), default=0)
    if trial is not None and not 0 <= trial < most:
        raise OptimizationError(f"trial is {trial}, which is not stored; expected 0 to {most - 1}")
    return chosen


def _reaching_back(job: OptimizationJob, oldest: int) -> OptimizationJob:
    """Job from its record's fold ``oldest`` on, which may have begun before those that its own night ran."""
    end_ms = job.window_end_ms or 0
    newest = (end_ms // DAY_MS - 1) // job.windows.test_days
    return replace(job, folds=max(job.folds or job.windows.folds, newest - oldest + 1))


def _replayed(
    evaluator: BacktestEvaluator, job: OptimizationJob, result: FoldResult, trial: int | None
) -> Iterator[Replayed]:
    numbers = [at for at in range(len(result.fit.trials)) if trial in (None, at)]
    if not numbers:
        return
    tried = [result.fit.trials[at] for at in numbers]
    fold = result.fold
    parameters = [one.parameters for one in tried]
    searched_end_ms = fold.test_start_ms - job.windows.purge_hours * HOUR_MS  # what the purge left out, too
    n_days = -((fold.train_start_ms - fold.train_end_ms) // DAY_MS)
    returns = evaluator.search(fold.train_start_ms, searched_end_ms, parameters)[:n_days]
    values = rank_by(ranking_of(job), returns)
    for column, (number, stored) in enumerate(zip(numbers, tried, strict=True)):
        now, own = float(values[column]), returns[:, column]
        is_best = stored.parameters == result.fit.parameters
        is_equal = _known(now) == _known(stored.objective)
        if is_best:
            is_equal = is_equal and np.array_equal(own, result.fit.returns)
        yield Replayed(
            fold.index,
            number,
            dict(stored.parameters),
            _known(stored.objective),
            _known(now),
            _total(result.fit.returns) if is_best else None,
            _known(_total(own)),
            is_equal,
        )


def _tested(evaluator: BacktestEvaluator, result: FoldResult, before: FoldResult | None) -> ReplayedTest:
    """Run a test window as it was: carried over at its edges, or flat where a fold was added before another.

    Which of them is not stored; where none gives the stored days, the first is told.
    """
    fold, stored = result.fold, result.test
    follows = before is not None and before.fold.test_end_ms == fold.test_start_ms
    begins = [before.test.carried, None] if before is not None and follows else [None]
    ways = [Edges(fold.test_start_ms, left, closes) for left in begins for closes in (False, True)]
    found = []
    for edges in ways:
        found.append(_days(evaluator, result, edges))
        if np.array_equal(found[-1], stored.returns):
            break
    is_equal = np.array_equal(found[-1], stored.returns)
    now = _total(found[-1] if is_equal else found[0])
    return ReplayedTest(fold.index, int(stored.days.size), _total(stored.returns), now, is_equal)


def _days(evaluator: BacktestEvaluator, result: FoldResult, edges: Edges) -> FloatArray:
    if result.fit.parameters is None and edges.carried is None:
        return np.zeros(result.test.days.size)  # nothing to trade, and nothing is held
    return evaluator.test(result.fold, result.fit.parameters, edges).returns


def _total(returns: Any) -> float:
    return float(np.prod(1.0 + returns) - 1.0)


def _known(value: float) -> float | None:
    """Objective as the database has it: what is not finite is none."""
    return value if math.isfinite(value) else None


def _changes(engine: Engine, job: OptimizationJob, version: Any, chosen: list[FoldResult]) -> tuple[str, ...]:
    changes = []
    if version["kernel_digest"] != kernel_digest():
        changes.append(f"the kernel is {kernel_digest()} now; the trials ran on {version['kernel_digest']}")
    window = Window(
        min(one.fold.train_start_ms for one in chosen), max(one.fold.train_end_ms for one in chosen)
    )
    symbols = symbols_of(job.symbol)
    with transaction(engine) as connection:
        revised = count_revised_bars(connection, job.exchange, symbols, window, since=version["begun_at"])
        entry = read_library(connection).get(version["strategy"])
    if revised and job.archive is None:
        days = f"{day_of(window.start_ms)} to {day_of(window.end_ms)}"
        changes.append(f"{revised} bars of {', '.join(symbols)} from {days} were revised since")
    if job.archive is not None:
        changes.append(f"the history is read from the archive {job.archive}, whose revisions nobody keeps")
    if entry is not None and entry.content_hash not in (None, version["content_hash"]):
        changes.append(
            f"strategy {version['strategy']} is {entry.content_hash} now; the text of then, "
            f"{version['content_hash']}, was replayed"
        )
    return tuple(changes)
