"""One worker's work: lease units until the queue is empty, and beat while it is at one.

The pool of one machine and a cluster's workers run this same loop; each has a process of its own for what
strategies do.
"""

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.errors import StoreError
from quant_pipelines.research.process import Worker
from quant_pipelines.research.wire import failure_document
from quant_pipelines.store.search_queue import Leased, RoundTerms, beat, finish_unit, lease_unit, put_back

_PAUSE_SECONDS = 0.3
_BUSY_PAUSE_SECONDS = 3.0
_BUSY_SECONDS = 90.0
"""How long a process that holds no lease may be at a search: that of a lost worker holds on for a while."""
QUEUE_SECONDS = 60.0
"""How long the queue may take to answer; it is asked for a few rows at a time."""
_log = logging.getLogger(__name__)


class WorkPlace(NamedTuple):
    """Where a worker stands.

    Parameters
    ----------
    database_url
        Of the queue, for the process that does the work.
    columns
        Folder of column files on this machine; None reads bars from the database.
    """

    database_url: str
    columns: Path | None


@dataclass
class UnitCount:
    """How many units were done until now."""

    n_units: int = 0


def drain(engine: Engine, round_id: str, terms: RoundTerms, station: WorkPlace, done: UnitCount) -> None:
    """Work on a round until nothing is left of it to begin, and nothing that may come back.

    Parameters
    ----------
    engine
        Product database.
    round_id, terms
        Of the round.
    station
        Where this worker stands.
    done
        Is counted up with each unit, so that it is known where this fails.

    Raises
    ------
    StoreError
        If the database goes away; what is leased expires, and nothing that was found is lost.
    """
    with _Hands(engine, terms, station) as hands:
        worker = uuid.uuid4().hex
        while (found := lease_unit(engine, round_id, worker, terms.lease_seconds)) != "over":
            if isinstance(found, Leased):
                done.n_units += hands.do(found)
            else:
                time.sleep(_PAUSE_SECONDS)


class _Hands:
    """Process that does the work, started when it is first needed, and again where it died."""

    def __init__(self, engine: Engine, terms: RoundTerms, station: WorkPlace) -> None:
        self._engine = engine
        self._terms = terms
        self._opening = {
            "database_url": station.database_url,
            "columns": None if station.columns is None else str(station.columns),
            "megabytes": terms.megabytes,
        }
        self._worker: Worker | None = None

    def __enter__(self) -> "_Hands":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._worker is not None:
            self._worker.close()

    def do(self, leased: Leased) -> bool:
        """Do a unit and leave its answer; whether that was taken."""
        if self._worker is None or self._worker.has_ended:
            self._worker = Worker(self._opening)
        with self._beating(leased, self._worker) as lost:
            answer = self._worker.run(leased.work, self._terms.job_minutes)
        if answer is None:
            answer = failure_document(self._worker.end(self._terms.job_minutes))
            self._worker = None
        if lost.is_set():
            return False  # another worker is at it, and what this one has stored is the same
        if answer.pop("busy", False) and put_back(
            self._engine, leased.lease, _BUSY_PAUSE_SECONDS, _BUSY_SECONDS
        ):
            return False
        return finish_unit(self._engine, leased.lease, answer)

    @contextmanager
    def _beating(self, leased: Leased, worker: Worker) -> Iterator[Event]:
        """Keep the lease through the block; what is yielded is set once it is lost, and the work ended."""
        over, lost = Event(), Event()

        def keep() -> None:
            while not over.wait(self._terms.beat_seconds):
                if not self._beat(leased):
                    lost.set()
                    worker.kill()
                    return

        thread = Thread(target=keep, daemon=True)
        thread.start()
        try:
            yield lost
        finally:
            over.set()
            thread.join()

    def _beat(self, leased: Leased) -> bool:
        try:
            return beat(self._engine, leased.lease, self._terms.lease_seconds)
        except StoreError as error:
            _log.warning("a lease could not be beaten: %s", error)
            return True  # it may hold until the next beat


def answer_seconds(answers: dict[str, dict[str, Any]]) -> float:
    """Processor time that answers took, seconds."""
    return float(sum(answer.get("cpu_seconds", 0.0) for answer in answers.values()))
