"""Many jobs over a few worker processes; each job's result is the same for any number of them.

Workers are started by command line, not forked: nothing of the caller (Dagster, its threads, its sockets) is
carried over, and nothing of theirs (compilers, solvers, bars) stays in the caller.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread, Timer
from typing import Any, NamedTuple, TypeAlias

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.search_settings import OptimizationSettings
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.research.job import JobFailure, NotReached, OptimizationJob, Studied
from quant_pipelines.research.wire import verdict_from_document

Outcome: TypeAlias = VerdictRecord | Studied | JobFailure | NotReached
_COMMAND = (sys.executable, "-P", "-m", "quant_pipelines.research.worker")
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class _Item(NamedTuple):
    number: int
    job: OptimizationJob


_Work: TypeAlias = "SimpleQueue[_Item]"


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """What may be taken.

    Parameters
    ----------
    megabytes
        Address space of a worker.
    minutes
        For one job.
    search_minutes
        For all of them: later none is begun, and those that run are finished.
    """

    megabytes: int = OptimizationSettings().worker_megabytes
    minutes: float = OptimizationSettings().job_minutes
    search_minutes: float = OptimizationSettings().search_minutes

    @classmethod
    def of(cls, settings: OptimizationSettings) -> "WorkLimits":
        """Limits of the settings."""
        return cls(settings.worker_megabytes, settings.job_minutes, settings.search_minutes)


def optimize_many(
    engine_url: str | None,
    jobs: Iterable[OptimizationJob],
    workers: int = 2,
    *,
    columns: Path | None = None,
    limits: WorkLimits = WorkLimits(),
    on_begun: Callable[[OptimizationJob], None] = lambda _: None,
) -> list[Outcome]:
    """Run jobs in worker processes.

    Parameters
    ----------
    engine_url
        Product database; None stores nothing and needs jobs with an archive.
    jobs
        What to run.
    workers
        Processes, at most one a job.
    columns
        Folder of column files to read bars through; None reads them from the database.
    limits
        What a worker may take, and all of them together.
    on_begun
        Called with each job as it is handed out, from the threads that wait for the workers; raises nothing.

    Returns
    -------
    list of VerdictRecord, Studied, JobFailure or NotReached
        In the order of the jobs. A worker that dies or takes too long fails the job it was at; another takes
        its place. Jobs are begun in their order.

    Raises
    ------
    OptimizationError
        If the number of workers is not positive.
    """
    if workers < 1:
        raise OptimizationError(f"workers is {workers}; expected 1 or more")
    todo = list(jobs)
    outcomes: list[Outcome | None] = [None] * len(todo)
    work: _Work = SimpleQueue()
    for number, job in enumerate(todo):
        work.put(_Item(number, job))

    opening = {
        "database_url": engine_url,
        "columns": None if columns is None else str(columns),
        "megabytes": limits.megabytes,
    }

    def keep(number: int, outcome: Outcome) -> None:
        outcomes[number] = outcome

    until = time.monotonic() + 60.0 * limits.search_minutes
    threads = [
        Thread(
            target=_feed,
            args=(opening, limits.minutes, begun_before(until, work, on_begun), keep),
            daemon=True,
        )
        for _ in range(min(workers, len(todo)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _complete(todo, outcomes)


def begun_before(
    until: float,
    work: _Work,
    on_begun: Callable[[OptimizationJob], None],
    now: Callable[[], float] = time.monotonic,
) -> Iterator[_Item]:
    """Hand out jobs until none is left, or it is that time; a job is asked for when a worker is free.

    Parameters
    ----------
    until
        Time after which none is begun, seconds of ``now``.
    work
        What is left, for all workers.
    on_begun
        Called with every job that is handed out.
    now
        Clock that never goes back, seconds.
    """
    while now() < until:
        try:
            item = work.get_nowait()
        except Empty:
            return
        on_begun(item.job)
        yield item


def _feed(
    opening: dict[str, Any],
    minutes: float,
    work: Iterator[_Item],
    keep: Callable[[int, Outcome], None],
) -> None:
    """Give one worker a job at a time."""
    worker: Worker | None = None
    try:
        for number, job in work:
            if worker is None or worker.has_ended:
                worker = Worker(opening)
            answer = worker.run(job, minutes)
            if answer is None:
                keep(number, JobFailure(job, worker.end(minutes)))
                worker = None
            elif "error" in answer:
                keep(number, JobFailure(job, answer["error"]))
            elif "study" in answer:
                keep(number, Studied(job, answer["study"], answer["study_id"]))
            else:
                keep(number, verdict_from_document(answer))
    finally:
        if worker is not None:
            worker.close()


class Worker:
    """One process and the pipe to it."""

    def __init__(self, opening: dict[str, Any], *, command: Sequence[str] = _COMMAND) -> None:
        self._is_late = False
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **_ONE_THREAD},
        )
        self._send(opening)

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def run(self, job: OptimizationJob, minutes: float) -> dict[str, Any] | None:
        """Answer of the worker; None when it died or took longer than that."""
        self._send(job.to_document())
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        alarm = Timer(60.0 * minutes, self._give_up)
        alarm.daemon = True
        alarm.start()
        try:
            line = self._process.stdout.readline()
        finally:
            alarm.cancel()
        if not line:
            return None
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self, minutes: float) -> str:
        """Close a worker that gave no answer, and say why."""
        code = self.close()
        if self._is_late:
            return f"the search took longer than {minutes:g} minutes (optimization.job_minutes) and was ended"
        return f"worker process ended with code {code}"

    def _give_up(self) -> None:
        self._is_late = True
        self._process.kill()

    def close(self, *, grace_seconds: float = 30.0) -> int:
        """End the process by ending its input, by force where it stays: it owes nothing; its exit code."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # it is gone already
        try:
            return self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _send(self, document: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        try:
            self._process.stdin.write(json.dumps(document) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # the missing answer tells


def _complete(jobs: Sequence[OptimizationJob], outcomes: Sequence[Outcome | None]) -> list[Outcome]:
    return [
        outcome if outcome is not None else NotReached(job)
        for job, outcome in zip(jobs, outcomes, strict=True)
    ]
