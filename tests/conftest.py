"""Fixtures that every test may use: one embedded server a session, one fresh database a test."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from sqlalchemy import Engine

from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import migrate
from tests.shares import Shares, longest_first, usual_workers

ROOT = Path(__file__).resolve().parents[1]
_TEMPLATE = "quant_template"
_numbers = count(1)

# No example has a deadline: how long one takes is a matter of what else the machine does.
settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")
settings.register_profile("proofs", settings.default, max_examples=2000)


def pytest_xdist_auto_num_workers() -> int:
    return usual_workers()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Shares:
    return Shares(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        longest_first(items)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    home = tmp_path_factory.mktemp("postgres")
    try:
        with EmbeddedPostgres(home, free_port(), durable=False) as server:
            yield server
    finally:
        remove_place(home)


@pytest.fixture(scope="session")
def template_url(postgres: EmbeddedPostgres) -> str:
    """Admin URL of a server that holds a migrated template database."""
    create_database(postgres.url("postgres"), _TEMPLATE)
    engine = connect(postgres.url(_TEMPLATE))
    migrate(engine)
    engine.dispose()
    return postgres.url("postgres")


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, template_url: str) -> Iterator[str]:
    """URL of a fresh, migrated database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(template_url, autocommit=True) as admin:
        # Copying files takes half of the default's time, which sends every page through the log.
        admin.execute(f"create database {name} template {_TEMPLATE} strategy file_copy".encode())
    yield postgres.url(name)
    with psycopg.connect(template_url, autocommit=True) as admin:
        admin.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Engine on a fresh, migrated database."""
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def archive() -> Path:
    """Folder of real exchange history; the test is skipped where there is none."""
    folder = Path(os.environ.get("QUANT_ARCHIVE") or ROOT.parent / "shared" / "data")
    if not (folder / "klines").is_dir():
        pytest.skip(f"no exchange history at {folder}; set QUANT_ARCHIVE to a folder of Parquet files")
    return folder


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of published reference numbers; the test is skipped where there is none."""
    folder = ROOT.parent / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip(f"no reference numbers at {folder}")
    return folder
