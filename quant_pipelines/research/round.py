"""One search from its jobs to their outcomes: posted to the queue, worked on by a crew, read back.

Nothing goes through the crew but the name of the round: who works, where, and how often is of no account to
what is found.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sqlalchemy import Engine

from quant_pipelines.core.search_settings import OptimizationSettings
from quant_pipelines.research.drain import answer_seconds
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.research.release import own_release
from quant_pipelines.research.units import AskedJob, Outcome, outcome_of, units_of
from quant_pipelines.store.search_queue import (
    LEASE_SECONDS,
    QueuedUnit,
    RoundProgress,
    RoundTerms,
    answers_of,
    close_round,
    keep_asking,
    open_round,
    progress_of,
)

_LOOK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """What may be taken.

    Parameters
    ----------
    megabytes
        Address space of a worker.
    minutes
        For one unit.
    search_minutes
        For all of them: later none is begun, and those that run are finished.
    lease_seconds
        After which a unit is another worker's whose own does not beat any more.
    """

    megabytes: int = OptimizationSettings().worker_megabytes
    minutes: float = OptimizationSettings().job_minutes
    search_minutes: float = OptimizationSettings().search_minutes
    lease_seconds: float = LEASE_SECONDS

    @classmethod
    def of(cls, settings: OptimizationSettings) -> "WorkLimits":
        """Limits of the settings."""
        return cls(settings.worker_megabytes, settings.job_minutes, settings.search_minutes)


class Crew(Protocol):
    """Workers that drain a round; see `LocalCrew` and `ClusterCrew`."""

    @property
    def size(self) -> int:
        """How many units they work on at once."""
        ...

    def serve(self, round_id: str, terms: RoundTerms) -> AbstractContextManager[Callable[[], None]]:
        """Have them drain a round through the block; what is yielded looks after them.

        A look raises a QuantError once nobody is left who could go on.
        """
        ...


class Searched(NamedTuple):
    """Outcomes in the order of the jobs, and the processor time that the workers took, seconds."""

    outcomes: list[Outcome]
    cpu_seconds: float


def run_round(
    engine: Engine,
    asked: Sequence[AskedJob],
    crew: Crew,
    *,
    limits: WorkLimits = WorkLimits(),
    on_begun: Callable[[OptimizationJob], None] = lambda _: None,
) -> Searched:
    """Have a crew do jobs.

    Parameters
    ----------
    engine
        Product database, which holds the queue.
    asked
        What to run, with which texts.
    crew
        Who does it.
    limits
        What a worker may take, and all of them together.
    on_begun
        Called with each job that was begun, in any order; raises nothing.

    Raises
    ------
    QuantError
        If nobody can go on. What was found until then is stored, and the next search begins with it.
    """
    units = units_of(asked, crew.size)
    terms = RoundTerms(own_release(), limits.megabytes, limits.minutes, limits.lease_seconds)
    with _opened(engine, terms, units, limits.search_minutes) as round_id:
        told = _Told(asked, on_begun)
        if units:
            with crew.serve(round_id, terms) as look:
                _wait(engine, round_id, terms, told.tell, look)
        answers = answers_of(engine, round_id)
    outcomes = [outcome_of(one, answers) for one in asked]
    return Searched(outcomes, answer_seconds(answers))


@contextmanager
def _opened(engine: Engine, terms: RoundTerms, units: Sequence[QueuedUnit], minutes: float) -> Iterator[str]:
    """Keep a round in the queue through the block."""
    round_id = open_round(engine, terms, units, minutes)
    try:
        yield round_id
    finally:
        close_round(engine, round_id)


def _wait(
    engine: Engine,
    round_id: str,
    terms: RoundTerms,
    tell: Callable[[RoundProgress], None],
    look: Callable[[], None],
) -> None:
    """Return once nothing more comes; beat until then."""
    beaten = time.monotonic()
    while True:
        progress = progress_of(engine, round_id)
        tell(progress)
        if progress.is_over:
            return
        look()
        if time.monotonic() - beaten >= terms.beat_seconds:
            keep_asking(engine, round_id, terms.lease_seconds)
            beaten = time.monotonic()
        time.sleep(_LOOK_SECONDS)


class _Told:
    """Which jobs were told of as begun."""

    def __init__(self, asked: Sequence[AskedJob], on_begun: Callable[[OptimizationJob], None]) -> None:
        self._left = {work.job_key: work.job for one in asked for work in one.works}
        self._on_begun = on_begun

    def tell(self, progress: RoundProgress) -> None:
        """Tell of those that are new."""
        for key in progress.begun & self._left.keys():
            self._on_begun(self._left.pop(key))
