"""``quant db restore``: fills new databases beside the old ones, proves them, then swaps all names at once.

Until the swap, which is one transaction, nothing that exists is touched: a failure leaves the old state.
"""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import URL

from quant_pipelines.core.errors import ConfigurationError, StoreError
from quant_pipelines.operations import postgres_tools
from quant_pipelines.operations.backup import CHUNK, count_rows, read_manifest, urls_of
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import migrate, require_known_revision

_BESIDE, _OLD = "restoring", "replaced"
# Tables that a first start fills by itself; rows there are nobody's work.
_NOBODYS = (
    "ops.alembic_version",
    "public.alembic_version",
    "public.secondary_indexes",
    "public.instance_info",
)


def restore(url: str, file: Path, *, replace: bool) -> dict[str, Any]:
    """Put a backup in the place of both databases.

    Parameters
    ----------
    url
        Product database; Dagster's is found beside it. Both may be missing or empty.
    file
        A backup.
    replace
        Whether databases that hold rows are given up.

    Returns
    -------
    dict
        Its manifest, and ``revision``, to which it was migrated.

    Raises
    ------
    ConfigurationError
        If a database holds rows and ``replace`` is not set, or somebody is connected to it.
    StoreError
        If the backup is damaged or of newer code, or the server refuses. The old state is whole then.
    """
    manifest = read_manifest(file)
    places = urls_of(url)
    with _maintenance(places["product"]) as admin:
        _refuse_what_is_there(admin, places, replace=replace)
        with ExitStack() as stack:
            stack.callback(_drop, admin, [_beside(place) for place in places.values()])
            for name, place in places.items():
                _fill(admin, file, name, _beside(place), manifest["databases"][name])
            beside = _beside(places["product"]).render_as_string(hide_password=False)
            revision = _migrated(beside)
            _swap(admin, places)
        _drop(admin, [_named(place, _OLD) for place in places.values()])
    return {**manifest, "revision": revision}


@contextmanager
def _maintenance(place: URL) -> Iterator[psycopg.Connection[Any]]:
    maintenance = place.set(database="postgres")
    try:
        with psycopg.connect(maintenance.render_as_string(hide_password=False), autocommit=True) as admin:
            yield admin
    except psycopg.Error as error:
        shown = maintenance.render_as_string(hide_password=True)
        raise StoreError(f"database {shown} refuses: {' '.join(str(error).split())}") from error


def _named(place: URL, suffix: str) -> URL:
    return place.set(database=f"{place.database}_{suffix}")


def _beside(place: URL) -> URL:
    return _named(place, _BESIDE)


def _refuse_what_is_there(admin: psycopg.Connection[Any], places: dict[str, URL], *, replace: bool) -> None:
    for place in places.values():
        if not _exists(admin, str(place.database)):
            continue
        users = admin.execute(
            "select count(*) from pg_stat_activity where datname = %s and backend_type = 'client backend'",
            (place.database,),
        ).fetchone()
        if users and users[0]:
            raise ConfigurationError(
                f"database {place.database!r} is in use by {users[0]} connections; stop 'quant up' first"
            )
        if not replace and (full := _filled_tables(place)):
            raise ConfigurationError(
                f"database {place.database!r} holds {full} tables with rows; "
                "expected an empty one, or --replace to give them up"
            )


def _exists(admin: psycopg.Connection[Any], name: str) -> bool:
    return admin.execute("select 1 from pg_database where datname = %s", (name,)).fetchone() is not None


def _filled_tables(place: URL) -> int:
    engine = connect(place.render_as_string(hide_password=False), pool_size=1)
    try:
        with engine.connect() as connection:
            counts = count_rows(connection)
    finally:
        engine.dispose()
    return sum(1 for table, rows in counts.items() if rows and table not in _NOBODYS)


def _fill(admin: psycopg.Connection[Any], file: Path, name: str, place: URL, about: dict[str, Any]) -> None:
    """Restore one dump into a new database and prove that every row is there."""
    _drop(admin, [place])
    admin.execute(SQL("create database {} template template0").format(Identifier(str(place.database))))
    with zipfile.ZipFile(file) as archive, archive.open(f"{name}.dump") as member:

        def write(stream: IO[bytes]) -> None:
            while chunk := member.read(CHUNK):
                stream.write(chunk)

        postgres_tools.restore(place, write)
    engine = connect(place.render_as_string(hide_password=False), pool_size=1)
    try:
        with engine.connect() as connection:
            if name == "product":
                require_known_revision(connection)
            counts = count_rows(connection)
    finally:
        engine.dispose()
    for table, rows in about["tables"].items():
        if counts.get(table) != rows:
            raise StoreError(
                f"backup {str(file)!r} says {rows} rows of {table}, {counts.get(table)} were restored"
            )


def _migrated(url: str) -> str:
    engine = connect(url, pool_size=1)
    try:
        return migrate(engine)
    finally:
        engine.dispose()


def _swap(admin: psycopg.Connection[Any], places: dict[str, URL]) -> None:
    """Give the new databases their names, all in one transaction."""
    _drop(admin, [_named(place, _OLD) for place in places.values()])
    rename = SQL("alter database {} rename to {}")
    with admin.transaction():
        for place in places.values():
            name, old, new = (
                Identifier(str(one.database)) for one in (place, _named(place, _OLD), _beside(place))
            )
            if _exists(admin, str(place.database)):
                admin.execute(rename.format(name, old))
            admin.execute(rename.format(new, name))


def _drop(admin: psycopg.Connection[Any], places: list[URL]) -> None:
    for place in places:
        admin.execute(SQL("drop database if exists {}").format(Identifier(str(place.database))))
