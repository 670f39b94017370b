import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text

from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.stack.process import start, stop
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.tables import metadata

pytestmark = pytest.mark.postgres


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    tmp_path.chmod(0o700)
    yield tmp_path
    remove_place(tmp_path)


def test_fresh_database_has_every_table(engine: Engine) -> None:
    with engine.connect() as connection:
        rows = connection.execute(
            text("select table_schema || '.' || table_name from information_schema.tables")
        )
        assert set(metadata.tables) <= set(rows.scalars())


def test_fresh_database_sees_nothing_of_other_tests(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("insert into ops.heartbeats values ('test', 'ACTIVE', now(), '{}')"))
        assert connection.execute(text("select count(*) from ops.heartbeats")).scalar_one() == 1


def test_fresh_database_again_sees_nothing_of_other_tests(engine: Engine) -> None:
    test_fresh_database_sees_nothing_of_other_tests(engine)


def test_second_start_keeps_data_and_permissions(home: Path) -> None:
    with EmbeddedPostgres(home, free_port()) as server:
        assert create_database(server.url("postgres"), "kept")
    with EmbeddedPostgres(home, free_port()) as server:
        assert not create_database(server.url("postgres"), "kept")
    assert home.stat().st_mode & 0o777 == 0o700


def test_start_after_kill_recovers(home: Path) -> None:
    server = EmbeddedPostgres(home, free_port())
    process = start(server.command())
    server.wait_until_ready(process)
    create_database(server.url("postgres"), "kept")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with EmbeddedPostgres(home, free_port()) as again, psycopg.connect(again.url("kept")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_stop_ends_open_sessions(home: Path) -> None:
    server = EmbeddedPostgres(home, free_port())
    process = start(server.command())
    server.wait_until_ready(process)
    with psycopg.connect(server.url("postgres")):
        assert stop(process, signal.SIGINT, timeout_seconds=20) == 0
