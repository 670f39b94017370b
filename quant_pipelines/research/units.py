"""Cuts jobs into the units that workers lease, and puts their answers together again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Engine

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.ids import digest_of
from quant_pipelines.core.jit import kernel_digest
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.research.fitting import FoldPart
from quant_pipelines.research.job import COMBINATORIAL, JobFailure, NotReached, OptimizationJob, Studied
from quant_pipelines.research.library import TextVersion, version_in_force
from quant_pipelines.research.wire import verdict_from_document
from quant_pipelines.sdk import strategies_folder
from quant_pipelines.store.search_queue import QueuedUnit

Outcome: TypeAlias = VerdictRecord | Studied | JobFailure | NotReached


class SearchWork(NamedTuple):
    """What a worker does: a job to its end, or a part of its fits.

    Parameters
    ----------
    job
        What was asked for.
    version
        Text that is judged.
    part
        Folds that are fitted; None takes the job to its end.
    """

    job: OptimizationJob
    version: TextVersion
    part: FoldPart | None = None

    def to_document(self) -> dict[str, Any]:
        """Work as a JSON document."""
        return {"job": self.job.to_document(), "version": list(self.version)} | (
            {"part": list(self.part)} if self.part else {}
        )

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "SearchWork":
        """Work of a document that ``to_document`` made."""
        part = FoldPart(*document["part"]) if "part" in document else None
        job = OptimizationJob.from_document(document["job"])
        return cls(job, TextVersion(*document["version"]), part)

    @property
    def job_key(self) -> str:
        """Digest of what decides the result of the whole job."""
        return digest_of({"job": self.job.to_document(), "version": self.version, "kernel": kernel_digest()})

    def to_unit(self) -> QueuedUnit:
        """Row of the queue; the same work has the same key."""
        key = self.job_key
        number = self.part.number if self.part else None
        unit_key = key if self.part is None else digest_of({"job": key, "part": self.part})
        return QueuedUnit(unit_key, key, number, self.to_document())


class AskedJob(NamedTuple):
    """A job, and the text that it is asked for with: a version, or why there is none."""

    job: OptimizationJob
    version: TextVersion | StrategyError

    @property
    def works(self) -> list[SearchWork]:
        """The job as one piece; none where there is no text."""
        return [SearchWork(self.job, self.version)] if isinstance(self.version, TextVersion) else []


def with_texts(engine: Engine, jobs: Iterable[OptimizationJob]) -> list[AskedJob]:
    """Jobs with the version that is in force of each strategy."""
    known: dict[tuple[str, str], TextVersion | StrategyError] = {}

    def version_of(job: OptimizationJob) -> TextVersion | StrategyError:
        asked = (job.strategy, job.strategies_folder)
        if asked not in known:
            try:
                known[asked] = version_in_force(
                    engine, job.strategy, strategies_folder(job.strategies_folder)
                )
            except StrategyError as error:
                known[asked] = error
        return known[asked]

    return [AskedJob(job, version_of(job)) for job in jobs]


def units_of(asked: Sequence[AskedJob], n_workers: int) -> list[QueuedUnit]:
    """Units of all jobs; where there are fewer jobs than workers, the folds of each are fitted apart."""
    works = [work for one in asked for work in one.works]
    is_shared = len(works) < n_workers
    cut = [part for work in works for part in (_parts_of(work) if is_shared else [])]
    return [*{unit.key: unit for unit in (work.to_unit() for work in [*cut, *works])}.values()]


def _parts_of(work: SearchWork) -> list[SearchWork]:
    """Fits of a walk-forward, a fold each; a study of many paths has none."""
    job = work.job
    if job.windows.calendar == COMBINATORIAL:
        return []
    folds = (job.folds or job.windows.folds) + 1  # the open one
    return [work._replace(part=FoldPart(number, folds)) for number in range(folds)]


def outcome_of(asked: AskedJob, answers: Mapping[str, Mapping[str, Any]]) -> Outcome:
    """Outcome of a job by the answers that were left."""
    job = asked.job
    if isinstance(asked.version, StrategyError):
        return JobFailure(job, str(asked.version))
    answer = answers.get(SearchWork(job, asked.version).job_key)
    if answer is None:
        return NotReached(job)
    if "error" in answer:
        return JobFailure(job, answer["error"])
    if "study" in answer:
        return Studied(job, answer["study"], answer["study_id"])
    return verdict_from_document({key: value for key, value in answer.items() if key != "cpu_seconds"})
