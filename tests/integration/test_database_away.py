"""A database that goes away under a verb: exit code 1 and one sentence, whatever was being done."""

import asyncio
import gc
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError

from assets.resources import Platform
from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.errors import SchemaError, StoreError
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.definitions import build_definitions
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.stack.prepare_database import prepare_database
from quant_pipelines.store.bars import read_bars, upsert_bars
from quant_pipelines.store.engine import connected, listening, session, snapshot, transaction
from tests.integration.test_data_import import columns, write
from tests.integration.test_market_bars import ALL, SERIES, START, rows

pytestmark = pytest.mark.postgres
Quant = Callable[..., tuple[int, str, str]]
WayIn = Callable[[Engine], AbstractContextManager[Connection]]

SIGNED = ("--operator", "ann", "--reason", "because it looks right")
VERBS = {
    "reads": ("runner", "status"),
    "proves": ("audit", "verify"),
    "writes": ("runner", "halt", *SIGNED),
    "copies": ("data", "import", "bars.csv", "--symbol", "BTC/USDT:USDT", "--timeframe", "1h"),
}
SENTENCE = re.compile(r"database postgresql\+psycopg://quant:\*\*\*@\S+ does not answer: [^\n]+")


@pytest.fixture
def quant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Quant:
    """Run a verb on a database: exit code, and what stands on stdout and stderr."""
    monkeypatch.setenv("QUANT_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "bars.csv", columns())

    def run(url: str, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("QUANT_DATABASE_URL", url)
        capfd.readouterr()
        code = main([*arguments, "--json"])
        return code, *capfd.readouterr()

    return run


@contextmanager
def at_statement(number: int, act: Callable[[], None], marker: str = "") -> Iterator[list[str]]:
    """Let something happen before a statement of this process, counted from 0 among those with a marker."""
    seen: list[str] = []

    def before(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if marker in statement:
            seen.append(statement)
            if len(seen) == number + 1:
                act()

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", before)


def close(admin_url: str, url: str) -> None:
    """End every session of a database, and let no new one begin."""
    name = str(make_url(url).database)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(SQL("alter database {} allow_connections false").format(Identifier(name)))
        admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s", [name]
        )


def reopen(admin_url: str, url: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as admin:
        name = Identifier(str(make_url(url).database))
        admin.execute(SQL("alter database {} allow_connections true").format(name))


@pytest.mark.filterwarnings("ignore:.*ServerCursor:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_says_one_sentence_at_whichever_statement_the_database_goes_away(
    quant: Quant, database_url: str, template_url: str, verb: str
) -> None:
    for number in count():
        with at_statement(number, lambda: close(template_url, database_url)) as seen:
            code, out, err = quant(database_url, *VERBS[verb])
        reopen(template_url, database_url)
        if len(seen) <= number:
            break
        assert (code, out) == (1, ""), seen
        assert re.fullmatch(f"quant: {SENTENCE.pattern}\n", err), (seen, err)
    assert (code, err) == (0, "")
    assert number > 2
    gc.collect()  # psycopg complains of the cursor at the server that nobody could close


@pytest.fixture(scope="module")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("own_postgres")
    yield home
    remove_place(home)


@pytest.fixture
def own_server(own_home: Path) -> Iterator[EmbeddedPostgres]:
    """A server that the test may kill."""
    with EmbeddedPostgres(own_home, free_port(), durable=False) as server:
        prepare_database(server.url())
        yield server


def kill(server: EmbeddedPostgres) -> None:
    """End the server and its sessions at once, as a crash does."""
    assert server._process is not None
    server._process.send_signal(signal.SIGQUIT)
    server._process.wait()


@pytest.mark.parametrize(
    ("verb", "marker", "number"),
    [
        ("reads", "ops.alerts", 0),
        ("writes", "INSERT INTO ops.alerts", 0),
        ("copies", "pg_advisory_xact_lock(hashtextextended", 0),
    ],
)
def test_postgres_killed_in_the_middle_of_a_verb_is_one_sentence(
    quant: Quant, own_server: EmbeddedPostgres, verb: str, marker: str, number: int
) -> None:
    with at_statement(number, lambda: kill(own_server), marker) as seen:
        code, out, err = quant(own_server.url(), *VERBS[verb])
    assert len(seen) > number
    assert (code, out) == (1, "")
    assert re.fullmatch(f"quant: {SENTENCE.pattern}\n", err), err


def test_postgres_killed_in_the_middle_of_an_op_fails_the_run_with_one_sentence(
    own_server: EmbeddedPostgres,
) -> None:
    platform = Platform(Settings(database_url=own_server.url()))
    signed = {"operator": "ann", "reason": "because it looks right", "scope": "account"}
    with (
        dg.DagsterInstance.ephemeral() as instance,
        at_statement(0, lambda: kill(own_server), "INSERT INTO ops.audit_logs"),
    ):
        result = (
            build_definitions(platform)
            .resolve_job_def("halt_runner")
            .execute_in_process(
                instance=instance,
                run_config={"ops": {"halt_runner_op": {"config": signed}}},
                raise_on_error=False,
            )
        )
    platform.engine.dispose()
    (failed,) = result.get_step_failure_events()
    assert SENTENCE.fullmatch(failed.step_failure_data.user_failure_data.description)


def test_a_database_that_goes_away_while_rows_are_copied_stores_none(
    engine: Engine, database_url: str, template_url: str
) -> None:
    upsert_bars(engine, SERIES, rows(1))
    more = rows(2000, START + MINUTE_MS)
    with ThreadPoolExecutor() as thread:
        with psycopg.connect(database_url) as other:
            other.execute("lock table market.bars_2024_02 in exclusive mode")
            copying = thread.submit(upsert_bars, engine, SERIES, more)
            waiting = "from pg_locks where not granted and relation = 'market.bars_2024_02'::regclass"
            while not other.execute(f"select 1 {waiting}".encode()).fetchone():
                time.sleep(0.01)
            other.execute(f"select pg_terminate_backend(pid) {waiting}".encode())
        with pytest.raises(StoreError, match="does not answer"):
            copying.result()
    assert read_bars(engine, SERIES, ALL).ts.tolist() == [START]


FAILURES = [
    kind
    for kind in (vars(psycopg) | vars(psycopg.errors)).values()
    if isinstance(kind, type) and issubclass(kind, psycopg.OperationalError | psycopg.InterfaceError)
]


@pytest.mark.parametrize("way_in", [transaction, snapshot, session])
def test_every_failure_of_the_database_is_ours(engine: Engine, way_in: WayIn) -> None:
    assert len(FAILURES) > 50
    for kind in FAILURES:
        wrapped = DBAPIError.instance("select 1", {}, kind("it is\naway"), psycopg.Error)
        for error in (kind("it is\naway"), wrapped):
            with pytest.raises(StoreError, match="does not answer: it is away"), way_in(engine):
                raise error


@pytest.mark.parametrize("way_in", [transaction, snapshot, session])
def test_a_server_that_is_not_there_is_ours(way_in: WayIn) -> None:
    with (
        connected("postgresql://quant:pw@127.0.0.1:1/quant") as away,
        pytest.raises(StoreError, match=r"quant:\*\*\*@127.0.0.1:1/quant does not answer"),
        way_in(away),
    ):
        pass


def test_a_break_at_the_commit_is_ours(engine: Engine, database_url: str, template_url: str) -> None:
    def change() -> None:
        with transaction(engine) as connection:
            connection.exec_driver_sql("insert into ops.heartbeats values ('runner', 'ACTIVE', now(), '{}')")
            close(template_url, database_url)

    with pytest.raises(StoreError, match="does not answer"):
        change()
    reopen(template_url, database_url)


def test_a_schema_that_is_not_this_codes_is_ours(engine: Engine) -> None:
    with (
        pytest.raises(SchemaError, match="has another schema than this code"),
        transaction(engine) as connection,
    ):
        connection.exec_driver_sql("select * from trading.fates")


def test_a_corrupt_page_is_no_database_that_is_away(engine: Engine) -> None:
    with pytest.raises(psycopg.errors.DataCorrupted), transaction(engine):
        raise psycopg.errors.DataCorrupted("invalid page in block 0")


def test_a_right_that_is_missing_is_one_sentence(engine: Engine) -> None:
    with pytest.raises(StoreError, match="refuses: permission denied"), transaction(engine):
        raise psycopg.errors.InsufficientPrivilege("permission denied for table fills")


def test_a_row_that_breaks_a_rule_stays_a_fault_of_its_writer(engine: Engine) -> None:
    with pytest.raises(IntegrityError), transaction(engine) as connection:
        connection.exec_driver_sql("insert into trading.accounts (name) values (null)")


def test_a_listener_that_loses_its_session_says_so(database_url: str, template_url: str) -> None:
    async def listen() -> None:
        async with listening(database_url, "deployments") as listener:
            assert await listener.scalar("select 1") == 1
            close(template_url, database_url)
            with pytest.raises(StoreError, match="does not answer"):
                await listener.scalar("select 1")
            with pytest.raises(StoreError, match="does not answer"):
                [notice async for notice in listener.notices()]
        with pytest.raises(StoreError, match="not currently accepting connections"):
            async with listening(database_url, "deployments"):
                pass

    asyncio.run(listen())
    reopen(template_url, database_url)


def test_server_that_is_frozen_is_away_within_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # it is connected to, and never says a word
        began = time.monotonic()
        url = f"postgresql://quant@127.0.0.1:{frozen.getsockname()[1]}/quant"
        with (
            connected(url) as engine,
            pytest.raises(StoreError, match="does not answer"),
            transaction(engine),
        ):
            pass
    assert time.monotonic() - began < 9.0


def test_a_way_to_the_server_that_is_gone_is_given_up_within_seconds(database_url: str) -> None:
    with connected(database_url) as engine, transaction(engine) as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=os.dup(driver.fileno())) as line:
            unacknowledged_ms = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            idle = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
    assert (unacknowledged_ms, idle) == (15_000, 5)
