"""A worker process: one unit as a JSON line on stdin, one answer as a JSON line on stdout, until stdin ends.

Started by whoever drains a queue as ``python -P -m quant_pipelines.research.worker``; the first line names
the database, the folder of column files and the memory that it may take.
Workers run at low priority and have their own connections, so that trading never waits for research. A
strategy is read from the database by its version: who asks may stand on another machine.
"""

import json
import logging
import os
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, TextIO

from sqlalchemy import Engine

from quant_pipelines.core.errors import OptimizationBusy, QuantError, with_its_kind
from quant_pipelines.research.fitting import Fitting
from quant_pipelines.research.history import HistorySource
from quant_pipelines.research.job import COMBINATORIAL, OptimizationJob
from quant_pipelines.research.library import version_text
from quant_pipelines.research.run import open_source, optimize_one
from quant_pipelines.research.study import study_one
from quant_pipelines.research.units import SearchWork
from quant_pipelines.research.wire import failure_document, verdict_document
from quant_pipelines.sdk import StrategySource
from quant_pipelines.store.engine import connected

_NICENESS = 10
_log = logging.getLogger(__name__)


def serve(lines: Iterable[str], answers: TextIO) -> None:
    """Answer every unit until the lines end."""
    lines = iter(lines)
    opening = json.loads(next(lines))
    _limit_memory(opening["megabytes"])
    with connected(opening["database_url"], pool_size=2) as engine:
        room = _WorkerRoom(engine, Path(opening["columns"]) if opening["columns"] else None)
        for line in lines:
            began = time.process_time()
            answer = _answer(room, json.loads(line))
            answers.write(json.dumps(answer | {"cpu_seconds": time.process_time() - began}) + "\n")
            answers.flush()


def _limit_memory(megabytes: int) -> None:
    """Let the process fail at an allocation rather than take the machine's memory."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    size = megabytes << 20
    allowed = size if hard == resource.RLIM_INFINITY else min(size, hard)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))


class _WorkerRoom:
    """What a worker keeps from one unit to the next."""

    def __init__(self, engine: Engine, columns: Path | None) -> None:
        self._engine = engine
        self._columns = columns
        self._source = cache(self._opened)
        self._fitting: tuple[str, Fitting] | None = None

    def _opened(self, archive: str | None, exchange: str) -> HistorySource:
        job = OptimizationJob("", "", "", archive=archive, exchange=exchange)
        return open_source(self._engine, job, self._columns)

    def do(self, work: SearchWork) -> dict[str, Any]:
        """Do a unit: a study of many paths, the fits of some folds, or a walk-forward to its verdict."""
        job, strategy = work.job, version_text(self._engine, work.version)
        source = self._source(job.archive, job.exchange)
        if work.part is not None:
            return {"fitted": self._fitting_of(work, source, strategy).fit(work.part)}
        if job.windows.calendar == COMBINATORIAL:
            studied = study_one(self._engine, job, source=source, strategy=strategy)
            return {"study": studied.result, "study_id": studied.id}
        return verdict_document(optimize_one(self._engine, job, source=source, strategy=strategy))

    def _fitting_of(self, work: SearchWork, source: HistorySource, strategy: StrategySource) -> Fitting:
        """Fits of the job; those of the one before are forgotten, with its history."""
        if self._fitting is None or self._fitting[0] != work.job_key:
            self._fitting = None
            self._fitting = (work.job_key, Fitting(self._engine, work.job, source, strategy))
        return self._fitting[1]


def _answer(room: _WorkerRoom, document: dict[str, Any]) -> dict[str, Any]:
    work = SearchWork.from_document(document)
    try:
        return room.do(work)
    except OptimizationBusy as error:
        return failure_document(str(error)) | {"busy": True}
    except QuantError as error:
        return failure_document(str(error))
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything; the other jobs go on
        _log.exception("job failed: %s %s %s", work.job.strategy, work.job.symbol, work.job.timeframe)
        return failure_document(with_its_kind(error))


def main() -> None:
    """Serve who started this process."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    os.nice(_NICENESS)
    serve(lines_while_asked(sys.stdin), own_answers())


def lines_while_asked(lines: TextIO) -> Iterator[str]:
    """Hand on lines; where they end in the midst of work, end this process: nobody is there to be answered.

    Whoever was killed can't end it, and what it is at, with its lock, is another worker's by then.
    """
    arrived: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        for line in lines:
            arrived.put(line)
        os._exit(0)

    Thread(target=read, daemon=True).start()
    while True:
        yield arrived.get()


def own_answers() -> TextIO:
    """Take standard output away from all others: what they print goes to standard error.

    A plugin, or a library below Python, must not end up between the answers, and a process that one of them
    started must not hold the pipe open: who waits for a line of a worker that is gone would wait for it.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    return answers


if __name__ == "__main__":
    main()
