"""Many jobs over a few worker processes; each job's result is the same for any number of them."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from sqlalchemy import Engine

from quant_pipelines.core.errors import OptimizationError, QuantError, with_its_kind
from quant_pipelines.research.drain import QUEUE_SECONDS, UnitCount, WorkPlace, drain
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.research.round import Crew, WorkLimits, run_round
from quant_pipelines.research.units import Outcome, with_texts
from quant_pipelines.store.engine import connected
from quant_pipelines.store.search_queue import RoundTerms

_ATTEMPTS = 3
"""So often in a row a worker that failed goes on, as after a connection that the database has shut."""
_PAUSE_SECONDS = 1.0
_log = logging.getLogger(__name__)


def optimize_many(
    engine_url: str,
    jobs: Iterable[OptimizationJob],
    workers: int | Crew = 2,
    *,
    columns: Path | None = None,
    limits: WorkLimits = WorkLimits(),  # noqa: B008 - frozen
    on_begun: Callable[[OptimizationJob], None] = lambda _: None,
) -> list[Outcome]:
    """Run jobs in worker processes.

    Parameters
    ----------
    engine_url
        Product database.
    jobs
        What to run.
    workers
        Processes of this machine, or a crew on others.
    columns
        Folder of column files that processes of this machine read bars through; None reads the database.
    limits
        What a worker may take, and all of them together.
    on_begun
        Called with each job that was begun; raises nothing.

    Returns
    -------
    list of VerdictRecord, Studied, JobFailure or NotReached
        In the order of the jobs. A worker that dies or takes too long fails the job it was at; another takes
        its place. Jobs are begun in their order.

    Raises
    ------
    OptimizationError
        If the number of workers is not positive, or no worker of a crew can go on.
    StoreError
        If the database goes away.
    """
    todo = list(jobs)
    with connected(engine_url, pool_size=4, answer_seconds=QUEUE_SECONDS) as engine:
        crew = (
            LocalCrew(engine, WorkPlace(engine_url, columns), workers)
            if isinstance(workers, int)
            else workers
        )
        return run_round(engine, with_texts(engine, todo), crew, limits=limits, on_begun=on_begun).outcomes


class LocalCrew:
    """Worker processes of this machine, each with a thread that leases for it.

    Raises
    ------
    OptimizationError
        If their number is not positive.
    """

    def __init__(
        self, engine: Engine, station: WorkPlace, size: int, *, pause_seconds: float = _PAUSE_SECONDS
    ) -> None:
        if size < 1:
            raise OptimizationError(f"workers is {size}; expected 1 or more")
        self.size = size
        self._engine = engine
        self._station = station
        self._pause_seconds = pause_seconds

    @contextmanager
    def serve(self, round_id: str, terms: RoundTerms) -> Iterator[Callable[[], None]]:
        """See `Crew`."""
        faults: list[QuantError] = []
        threads: list[Thread] = []

        def work() -> None:
            if fault := self._fault_of(round_id, terms):
                faults.append(fault)

        def look() -> None:
            if any(thread.is_alive() for thread in threads):
                return
            if faults:
                raise faults[0]
            threads[:] = [Thread(target=work, daemon=True) for _ in range(self.size)]
            for thread in threads:
                thread.start()

        look()
        yield look
        for thread in threads:  # not where somebody gives up: without the round they end at their next beat
            thread.join()

    def _fault_of(self, round_id: str, terms: RoundTerms) -> QuantError | None:
        """Drain a round; what keeps this thread from it for good."""
        failures = 0
        while True:
            done = UnitCount()
            try:
                drain(self._engine, round_id, terms, self._station, done)
            except QuantError as error:
                fault = error
            except Exception as error:  # noqa: BLE001 - it would end the thread, and nobody would hear of it
                fault = OptimizationError(f"a worker of this machine could not go on: {with_its_kind(error)}")
            else:
                return None
            _log.warning("a worker has failed: %s", fault)
            failures = 1 if done.n_units else failures + 1
            if failures >= _ATTEMPTS:
                return fault
            time.sleep(self._pause_seconds)
