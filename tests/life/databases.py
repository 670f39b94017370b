"""Databases of worlds: one server for all, one database for each."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy import Engine

from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import migrate

_TEMPLATE = "life_template"


@contextmanager
def server() -> Iterator[EmbeddedPostgres]:
    """Server with a migrated database that worlds are copied from."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        try:
            with EmbeddedPostgres(home, free_port(), durable=False) as postgres:
                create_database(postgres.url("postgres"), _TEMPLATE)
                engine = connect(postgres.url(_TEMPLATE))
                migrate(engine)
                engine.dispose()
                yield postgres
        finally:
            remove_place(home)


@contextmanager
def copied(admin_url: str, url: str, template: str = _TEMPLATE) -> Iterator[Engine]:
    """Engine on a database of its own, a copy of another one to which nobody is connected."""
    name = url.rpartition("/")[2]
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"create database {name} template {template}".encode())
        engine = connect(url)
        try:
            yield engine
        finally:
            engine.dispose()
            admin.execute(f"drop database {name} with (force)".encode())
