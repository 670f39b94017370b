"""``quant optimize --cluster``: a cluster does what takes long, and this process reads what it has stored."""

import argparse
from typing import NamedTuple

from sqlalchemy import Engine

from quant_pipelines.cli.progress import waiting
from quant_pipelines.core.errors import ConfigurationError, OptimizationError
from quant_pipelines.core.settings import Settings
from quant_pipelines.research.cluster import joined
from quant_pipelines.research.job import JobFailure, NotReached, OptimizationJob
from quant_pipelines.research.library import TextVersion
from quant_pipelines.research.round import WorkLimits, run_round
from quant_pipelines.research.units import AskedJob, with_texts
from quant_pipelines.sdk import StrategySource


class Ahead(NamedTuple):
    """What a cluster does of a job before this process goes on with it.

    Parameters
    ----------
    engine
        Product database, which the cluster's workers reach, too.
    address
        Of the scheduler; empty has this process do everything.
    limits
        What workers may take.
    """

    engine: Engine
    address: str
    limits: WorkLimits

    def search(
        self, arguments: argparse.Namespace, job: OptimizationJob, strategy: StrategySource | None = None
    ) -> float:
        """Have a job done, with the text in force or this stored one; the workers' processor time, seconds.

        Raises
        ------
        OptimizationError
            If the cluster does not answer or can't go on, or the job failed there.
        """
        if not self.address:
            return 0.0
        stored = TextVersion(strategy.name, strategy.content_hash) if strategy else None
        asked = [AskedJob(job, stored)] if stored else with_texts(self.engine, [job])
        with waiting(f"search on {self.address}", arguments), joined(self.address) as crew:
            searched = run_round(self.engine, asked, crew, limits=self.limits)
        _require_done(searched.outcomes[0], self.limits)
        return searched.cpu_seconds


def cluster_of(arguments: argparse.Namespace, settings: Settings) -> str:
    """Address of the cluster that the arguments or the settings name; empty where this machine searches.

    Raises
    ------
    ConfigurationError
        If its workers could not reach what is asked for.
    """
    if arguments.archive is not None:
        if arguments.cluster:
            raise ConfigurationError(
                f"--archive {str(arguments.archive)!r} is a folder of this machine, which no worker of "
                "a cluster reads; expected stored history, or no --cluster"
            )
        return ""
    address = settings.optimization.cluster
    if address and not settings.database_url:
        raise ConfigurationError(
            f"cluster is {address!r}, whose workers need a database that they reach, too; "
            "expected QUANT_DATABASE_URL"
        )
    return address


def _require_done(outcome: object, limits: WorkLimits) -> None:
    if isinstance(outcome, JobFailure):
        raise OptimizationError(outcome.error)
    if isinstance(outcome, NotReached):
        raise OptimizationError(
            f"the cluster did not reach the end in {limits.search_minutes:g} minutes "
            "(optimization.search_minutes); what was found is kept, and the same command goes on with it"
        )
