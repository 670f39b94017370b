"""A database that is killed in the midst of a search: nothing is lost or doubled, and the end is the same."""

import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.errors import StoreError
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.optimize.walk_forward import FoldResult
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.research.library import source_in_force
from quant_pipelines.research.pool import optimize_many
from quant_pipelines.research.run import optimize_one, resume_job
from quant_pipelines.sdk import strategies_folder
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.stack.prepare_database import prepare_database
from quant_pipelines.store.engine import connected
from tests.integration.stored_market import JOB, store_market
from tests.integration.test_database_away import SENTENCE
from tests.processes.server import Server
from tests.processes.waiting import wait_until

pytestmark = pytest.mark.postgres
Rows = dict[str, list[str]]
Verb = Callable[..., tuple[int, str, str]]

SEARCH = (
    *("optimize", JOB.strategy, JOB.symbol, "--timeframe", JOB.timeframe, "--end", "2025-06-10"),
    *("--trials", "8", "--train-days", "3", "--test-days", "1", "--folds", "3"),
)
TABLES = ("strategy_versions", "records", "optimizer_tasks", "folds", "trials", "record_days", "verdicts")
ITS_OWN = "{id,task_id,record_id,strategy_version_id,created_at,begun_at,finished_at,computed_at}"
"""Columns in which two databases differ that hold the same search."""
LOCK = 7
MOMENTS = {
    "one fold is stored, and of the next one half": (
        "insert on research.trials",
        "(select count(*) from research.folds) > 1",
        1,
    ),
    "all folds are stored, and of the verdict half": (
        "update on research.optimizer_tasks",
        "exists (select from research.verdicts)",
        4,
    ),
}
_numbers = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that the tests may kill, with a market in its database."""
    home = tmp_path_factory.mktemp("killed_in_a_search")
    own = Server(home)
    own.start()
    prepare_database(own.embedded.url())
    with connected(own.embedded.url()) as engine:
        store_market(engine)
        source_in_force(engine, JOB.strategy, strategies_folder())  # its trial need not be made again
    yield own
    own.send(signal.SIGQUIT)
    own.wait()
    remove_place(home)


def database(server: Server) -> str:
    """URL of a database of its own with that market."""
    name = f"search_{next(_numbers)}"
    with psycopg.connect(server.embedded.url("postgres"), autocommit=True) as admin:
        admin.execute(SQL("create database {} template quant").format(Identifier(name)))
    return server.embedded.url(name)


@pytest.fixture
def url(server: Server) -> str:
    return database(server)


@pytest.fixture
def quant(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Verb:
    """Run a verb: exit code, and what stands on stdout and stderr."""
    monkeypatch.setenv("QUANT_HOME", str(tmp_path))
    monkeypatch.setenv("QUANT_DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main([*arguments, "--json"])
        return code, *capfd.readouterr()

    return run


def contents(url: str) -> Rows:
    """All that a search has stored, to the last digit."""
    with psycopg.connect(url) as connection:
        return {table: _contents(connection, table) for table in TABLES}


def _contents(connection: psycopg.Connection[Any], table: str) -> list[str]:
    rows = SQL("select (to_jsonb(one) - {}::text[])::text as row from research.{} one order by row")
    return [row for (row,) in connection.execute(rows.format(ITS_OWN, Identifier(table)))]


class Undisturbed(NamedTuple):
    """A search whose database stays."""

    job: OptimizationJob
    rows: Rows


@pytest.fixture(scope="module")
def whole(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    url = database(server)
    with pytest.MonkeyPatch.context() as patch, connected(url) as engine:
        patch.setenv("QUANT_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("QUANT_DATABASE_URL", url)
        assert main([*SEARCH, "--json"]) == 0
        return Undisturbed(resume_job(engine, 1), contents(url))


@contextmanager
def held_up(url: str, when: str, what: str) -> Iterator[Callable[[], bool]]:
    """Let the search's transaction wait in the server at a moment; what is yielded tells whether it does."""
    waits = f"select from pg_locks where locktype = 'advisory' and objid = {LOCK} and not granted"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"""create function hold() returns trigger language plpgsql as $$ begin
            if {what} then perform pg_advisory_lock({LOCK}); end if; return new; end $$;
            create trigger hold before {when} for each row execute function hold();
            select pg_advisory_lock({LOCK})""".encode()
        )
        yield lambda: connection.execute(waits.encode()).fetchone() is not None


def let_go(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop function hold cascade")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_search_whose_database_is_killed_says_so_and_ends_the_same_once_resumed(
    server: Server, url: str, quant: Verb, whole: Undisturbed, moment: str
) -> None:
    when, what, n_folds = MOMENTS[moment]
    with ThreadPoolExecutor() as thread, held_up(url, when, what) as is_reached:
        searching = thread.submit(quant, *SEARCH)
        wait_until(lambda: is_reached() or searching.done())
        server.kill()
        code, out, err = searching.result()
    assert (code, out) == (1, "")
    assert re.fullmatch(f"quant: {SENTENCE.pattern}\n", err), err
    server.start()
    let_go(url)
    left = contents(url)
    assert (len(left["folds"]), left["verdicts"]) == (n_folds, [])
    assert len(left["trials"]) == n_folds * len(whole.rows["trials"]) // 4
    assert all(set(left[table]) <= set(whole.rows[table]) for table in ("folds", "trials", "record_days"))
    assert quant("optimize", "--resume", "1")[0] == 0
    assert contents(url) == whole.rows


def test_a_nights_search_whose_database_is_killed_says_so_and_the_next_one_ends_the_same(
    server: Server, url: str, whole: Undisturbed
) -> None:
    """Its worker is a process of its own, and its queue is in the same database."""
    when, what, _ = MOMENTS["one fold is stored, and of the next one half"]
    with ThreadPoolExecutor() as thread, held_up(url, when, what) as is_reached:
        night = thread.submit(optimize_many, url, [whole.job], 1)
        wait_until(lambda: is_reached() or night.done())
        server.kill()
        with pytest.raises(StoreError, match=SENTENCE):
            night.result()
    server.start()
    let_go(url)
    (record,) = optimize_many(url, [whole.job], 1)
    assert isinstance(record, VerdictRecord)
    assert contents(url) == whole.rows


def restarted_after_a_fold(
    server: Server, url: str, job: OptimizationJob, meanwhile: Callable[[], object]
) -> VerdictRecord:
    """Kill the server once the trials of one fold are stored, start it again, and let something happen."""
    restarts = count()

    def restart(_: FoldResult) -> None:
        if len(contents(url)["folds"]) == 1 and not next(restarts):
            server.kill()
            server.start()
            meanwhile()

    with connected(url, pool_size=2) as engine:
        return optimize_one(engine, job, on_fold=restart)


def test_a_search_goes_on_where_the_database_is_back_before_it_stores_again(
    server: Server, url: str, whole: Undisturbed
) -> None:
    record = restarted_after_a_fold(server, url, whole.job, lambda: None)
    assert record.decision == "candidate"
    assert contents(url) == whole.rows


def test_a_search_that_another_process_has_ended_meanwhile_ends_with_its_verdict(
    server: Server, url: str, whole: Undisturbed
) -> None:
    """The lock that keeps others from a search dies with the server."""
    others: list[VerdictRecord] = []

    def end_it() -> None:
        with connected(url) as engine:
            others.append(optimize_one(engine, whole.job))

    assert restarted_after_a_fold(server, url, whole.job, end_it) == others[0]
    assert contents(url) == whole.rows
