"""A worker process: one job as a JSON line on stdin, one answer as a JSON line on stdout, until stdin ends.

Started by the pool as ``python -P -m quant_pipelines.research.worker``; the first line names the database,
the folder of column files and the memory that it may take.
Workers run at low priority and have their own connections, so that trading never waits for research.
"""

import json
import logging
import os
import resource
import sys
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Engine

from quant_pipelines.core.errors import QuantError, with_its_kind
from quant_pipelines.research.history import HistorySource
from quant_pipelines.research.job import COMBINATORIAL, OptimizationJob
from quant_pipelines.research.run import open_source, optimize_one
from quant_pipelines.research.study import study_one
from quant_pipelines.research.wire import failure_document, verdict_document
from quant_pipelines.store.engine import connect

_NICENESS = 10
_log = logging.getLogger(__name__)


def serve(lines: TextIO, answers: TextIO) -> None:
    """Answer every job until the lines end."""
    opening = json.loads(lines.readline())
    _limit_memory(opening["megabytes"])
    engine = connect(opening["database_url"], pool_size=2) if opening["database_url"] else None
    columns = Path(opening["columns"]) if opening["columns"] else None

    @cache
    def source(archive: str | None, exchange: str) -> HistorySource:
        job = OptimizationJob("", "", "", archive=archive, exchange=exchange)
        return open_source(engine, job, columns)

    for line in lines:
        job = OptimizationJob.from_document(json.loads(line))
        answer = _answer(engine, job, lambda job: source(job.archive, job.exchange))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    if engine is not None:
        engine.dispose()


def _limit_memory(megabytes: int) -> None:
    """Let the process fail at an allocation rather than take the machine's memory."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    size = megabytes << 20
    allowed = size if hard == resource.RLIM_INFINITY else min(size, hard)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))


def _answer(engine: Engine | None, job: OptimizationJob, source: Any) -> dict[str, Any]:
    try:
        if job.windows.calendar == COMBINATORIAL:
            studied = study_one(engine, job, source=source(job))
            return {"study": studied.result, "study_id": studied.id}
        return verdict_document(optimize_one(engine, job, source=source(job)))
    except QuantError as error:
        return failure_document(str(error))
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything; the other jobs go on
        _log.exception("job failed: %s %s %s", job.strategy, job.symbol, job.timeframe)
        return failure_document(with_its_kind(error))


def main() -> None:
    """Serve the pool that started this process."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    os.nice(_NICENESS)
    serve(sys.stdin, own_answers())


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
