"""Searches on a real Dask cluster: what is lost on the way, or delivered twice, changes no stored number."""

import time
from collections.abc import Iterator
from dataclasses import replace
from threading import Thread
from typing import Any

import numpy as np
import psycopg
import pytest
from sqlalchemy import Engine, text

from quant_pipelines.core.errors import OptimizationError, QuantError
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.research.cluster import joined
from quant_pipelines.research.pool import optimize_many
from quant_pipelines.research.release import own_release
from quant_pipelines.research.round import WorkLimits
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.store.engine import connect
from quant_pipelines.store.search_queue import RoundTerms, open_round
from tests.forgotten import forget_records
from tests.integration.dask_cluster import Cluster, dask_cluster, until
from tests.integration.stored_market import JOB, numbers, store_market

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(900)]

SMALL = replace(JOB, trials=8)
JOBS = [SMALL]
SOON = WorkLimits(lease_seconds=8.0, search_minutes=12.0)
_NAME = "quant_cluster"
_CONTENTS = {
    "folds": (
        "select fold, train_start, train_end, test_start, parameters, train_metrics, train_returns"
        " from research.folds"
    ),
    "trials": "select fold, trial, parameters, objective, drawdown from research.trials",
    "record_days": (
        "select day, fold, daily_return, is_warm, cover, trades, carried, exposure, holding_return,"
        " return_until_0800, is_listed from research.record_days"
    ),
    "verdicts": (
        "select strategy, symbol, timeframe, parameters, in_sample, out_of_sample, gates, reasons"
        " from research.verdicts"
    ),
}


@pytest.fixture(scope="module", name="url")
def module_database(postgres: EmbeddedPostgres, template_url: str) -> Iterator[str]:
    """One database for all of them, as the workers are told of it once."""
    with psycopg.connect(template_url, autocommit=True) as admin:
        admin.execute(f"create database {_NAME} template quant_template".encode())
    yield postgres.url(_NAME)
    with psycopg.connect(template_url, autocommit=True) as admin:
        admin.execute(f"drop database {_NAME} with (force)".encode())


@pytest.fixture(scope="module", name="stored")
def store(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield store_market(engine)
    engine.dispose()


@pytest.fixture(scope="module", name="alone")
def run_alone(stored: Engine, url: str) -> tuple[list[Any], dict[str, list[Any]]]:
    """What one process of this machine finds, which has the job as a whole."""
    outcomes = optimize_many(url, JOBS, 1)
    return [numbers(one) for one in outcomes if isinstance(one, VerdictRecord)], rows_of(stored)


@pytest.fixture(scope="module", name="cluster")
def start_cluster(stored: Engine, url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with dask_cluster(tmp_path_factory.mktemp("cluster"), url, 2) as cluster:
        until(cluster.is_listening)
        yield cluster


def rows_of(engine: Engine) -> dict[str, list[Any]]:
    """Everything that a search has stored, but when, and by which ids."""
    with engine.connect() as connection:
        return {
            table: [*map(tuple, connection.execute(text(f"{query} order by 1, 2")))]
            for table, query in _CONTENTS.items()
        }


class Search(Thread):
    """A search on the cluster, while the test does something to that."""

    def __init__(self, url: str, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        self._url, self._cluster = url, cluster
        self.outcomes: list[Any] = []
        self.fault: Exception | None = None

    def run(self) -> None:
        try:
            with joined(self._cluster.address, wait_seconds=300) as crew:
                until(lambda: crew.size >= 2)
                self.outcomes = optimize_many(self._url, JOBS, crew, limits=SOON)
        except QuantError as error:
            self.fault = error

    def finish(self) -> list[Any]:
        while self.is_alive():
            self._cluster.keep_up()
            time.sleep(0.2)
        assert self.fault is None, f"{self.fault}\n{self._cluster.logs()}"
        return [numbers(one) for one in self.outcomes]


def n_units(engine: Engine, status: str) -> int:
    with engine.connect() as connection:
        query = text("select count(*) from research.search_units where status = :status")
        return int(connection.execute(query, {"status": status}).scalar_one())


def begun(stored: Engine, url: str, cluster: Cluster) -> Search:
    """A search that is under way on two workers, from an empty record."""
    forget_records(stored)
    search = Search(url, cluster)
    search.start()
    until(lambda: search.fault or n_units(stored, "leased"))
    return search


@pytest.mark.parametrize("seed", [1, 2])
def test_a_worker_that_is_killed_at_any_moment_changes_nothing(
    stored: Engine, url: str, cluster: Cluster, alone: Any, seed: int
) -> None:
    """Two workers share the folds; the one that is left goes on, and another joins it."""
    search, moment = begun(stored, url, cluster), np.random.default_rng(seed)
    with stored.connect() as connection:
        parts = text("select count(*) from research.search_units where part is not null")
        assert connection.execute(parts).scalar_one() == SMALL.windows.folds + 1
    done = int(moment.integers(3))
    until(lambda: not search.is_alive() or n_units(stored, "done") >= done)
    time.sleep(moment.random())
    cluster.kill_worker(int(moment.integers(2)))
    assert (search.finish(), rows_of(stored)) == alone
    assert n_units(stored, "done") == 0, "the round is out of the queue"


def test_a_scheduler_that_starts_again_changes_nothing_nor_does_what_is_delivered_twice(
    stored: Engine, url: str, cluster: Cluster, alone: Any
) -> None:
    """Meanwhile a process of this machine is at the same work."""
    search = begun(stored, url, cluster)
    cluster.restart_scheduler()
    here = optimize_many(url, JOBS, 1, limits=SOON)
    found = search.finish()
    assert found == [numbers(one) for one in here if isinstance(one, VerdictRecord)] == alone[0]
    assert rows_of(stored) == alone[1]


def refusal_of(cluster: Cluster, round_id: str, terms: RoundTerms) -> str:
    """What a crew says of a round that none of its workers takes."""
    with (
        joined(cluster.address) as crew,
        crew.serve(round_id, terms) as look,
        pytest.raises(OptimizationError) as refused,
    ):
        until(lambda: look() or cluster.keep_up())
    return str(refused.value)


def test_workers_of_another_release_are_refused(stored: Engine, cluster: Cluster) -> None:
    own = own_release()
    terms = RoundTerms(own._replace(kernel_digest="0123456789abcdef", schema_revision="9999"), 4096, 1.0)
    round_id = open_round(stored, terms, [], 8.0)
    assert (
        f"is refused: it has another release: kernel is {own.kernel_digest}, expected 0123456789abcdef; "
        f"schema is {own.schema_revision}, expected 9999"
    ) in refusal_of(cluster, round_id, terms)


def test_workers_on_another_database_are_refused(cluster: Cluster) -> None:
    told = refusal_of(cluster, "elsewhere", RoundTerms(own_release(), 4096, 1.0))
    assert f"/{_NAME} holds no round elsewhere; expected the asker's database" in told
