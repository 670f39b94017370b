"""Databases as wholes: made, counted, renamed and dropped, on an engine on one beside them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from psycopg.errors import DuplicateDatabase, UniqueViolation
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.engine import connected, session, snapshot, transaction

_TABLES = text(
    "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
    "where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_' "
    "and n.nspname <> 'information_schema' order by n.nspname || '.' || c.relname"
)
_EXISTS = text("select exists (select from pg_database where datname = :name)")
_BYTES = text(
    "select coalesce(sum(pg_database_size(datname)), 0) from pg_database where starts_with(datname, :name)"
)
_USERS = text(
    "select count(*) from pg_stat_activity where datname = :name and backend_type = 'client backend'"
)


def create_database(server_url: str, name: str) -> bool:
    """Create a database beside the one of the URL.

    Returns
    -------
    bool
        False if it was there already.

    Raises
    ------
    StoreError
        If the server is away or refuses.
    """
    try:
        with connected(server_url) as server, session(server) as connection:
            connection.exec_driver_sql(f"create database {_quoted(connection, name)}")
    except DBAPIError as error:
        if isinstance(error.orig, DuplicateDatabase | UniqueViolation):
            return False
        raise StoreError(
            f"database {name!r} can't be created: {' '.join(str(error.orig).split())}; "
            "create it yourself, owned by the account of QUANT_DATABASE_URL"
        ) from error
    return True


def count_rows(connection: Connection) -> dict[str, int]:
    """Rows of every table, partitions counted in their parent."""
    counts = {}
    for schema, table in connection.execute(_TABLES).all():
        name = f"{_quoted(connection, schema)}.{_quoted(connection, table)}"
        query = f"select count(*) from {name}"  # noqa: S608 - a quoted name
        counts[f"{schema}.{table}"] = int(connection.exec_driver_sql(query).scalar_one())
    return counts


@contextmanager
def shared_snapshot(engine: Engine) -> Iterator[tuple[Connection, str]]:
    """One moment, and the name under which other sessions see it too while the block runs."""
    with snapshot(engine) as connection:
        yield connection, str(connection.execute(text("select pg_export_snapshot()")).scalar_one())


def has_database(server: Engine, name: str) -> bool:
    """Whether a server has a database."""
    with transaction(server) as connection:
        return bool(connection.execute(_EXISTS, {"name": name}).scalar_one())


def count_users(server: Engine, name: str) -> int:
    """Count the connections of clients to a database."""
    with transaction(server) as connection:
        return int(connection.execute(_USERS, {"name": name}).scalar_one())


def make_database(server: Engine, name: str) -> None:
    """Create an empty database in the place of one that may be there."""
    drop_databases(server, [name])
    with _refusals(server), session(server) as connection:
        connection.exec_driver_sql(f"create database {_quoted(connection, name)} template template0")


def stored_bytes(engine: Engine) -> int:
    """Bytes on the server's disk of a database and of those whose names begin like it, as Dagster's does."""
    with session(engine) as connection:
        return int(connection.execute(_BYTES, {"name": engine.url.database}).scalar_one())


def drop_databases(server: Engine, names: Iterable[str]) -> None:
    """Drop those of the databases that are there."""
    with _refusals(server), session(server) as connection:
        for name in names:
            connection.exec_driver_sql(f"drop database if exists {_quoted(connection, name)}")


class Renaming(NamedTuple):
    """A database's name, the one that it gets, and whether there may be none of that name."""

    old: str
    new: str
    may_be_absent: bool = False


def rename_databases(server: Engine, changes: Iterable[Renaming]) -> None:
    """Give databases other names, all of them or none."""
    with _refusals(server), transaction(server) as connection:
        for old, new, may_be_absent in changes:
            if not may_be_absent or connection.execute(_EXISTS, {"name": old}).scalar_one():
                names = f"{_quoted(connection, old)} rename to {_quoted(connection, new)}"
                connection.exec_driver_sql(f"alter database {names}")


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


@contextmanager
def _refusals(server: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        shown = server.url.render_as_string(hide_password=True)
        raise StoreError(f"database {shown} refuses: {' '.join(str(error.orig).split())}") from error
