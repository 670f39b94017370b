"""``quant db restore``: fills new databases beside the old ones, proves them, then swaps all names at once.

Until the swap, which is one transaction, nothing that exists is touched: a failure leaves the old state. A
drill (``quant db drill``) does the same up to the swap, and drops what it filled.
"""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from quant_pipelines.core.errors import ConfigurationError, StoreError
from quant_pipelines.operations import postgres_tools
from quant_pipelines.operations.backup import CHUNK, read_manifest, urls_of
from quant_pipelines.store import audit
from quant_pipelines.store.databases import (
    Renaming,
    count_rows,
    count_users,
    drop_databases,
    has_database,
    make_database,
    rename_databases,
)
from quant_pipelines.store.engine import connected, transaction
from quant_pipelines.store.migrate import migrate
from quant_pipelines.store.revision import require_known_revision

_BESIDE, _OLD, _DRILL = "restoring", "replaced", "drill"
# Tables that a first start fills by itself; rows there are nobody's work.
_NOBODYS = (
    "ops.alembic_version",
    "ops.audit_head",
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
    maintenance = places["product"].set(database="postgres").render_as_string(hide_password=False)
    with connected(maintenance) as server:
        _refuse_what_is_there(server, places, replace=replace)
        with _filled_beside(server, url, file, manifest, _BESIDE) as product:
            revision = migrate(product)
            product.dispose()  # a database that somebody is connected to keeps its name
            _swap(server, places)
        drop_databases(server, [_name(_named(place, _OLD)) for place in places.values()])
    return {**manifest, "revision": revision}


def drill(url: str, file: Path) -> dict[str, Any]:
    """Prove that a backup can be restored: beside the databases, which may be in use, and dropped again.

    Parameters
    ----------
    url
        Product database; Dagster's is found beside it.
    file
        A backup.

    Returns
    -------
    dict
        Its manifest, ``revision``, to which it was migrated, and ``audit_rows``, the rows of the audit log
        whose chain is whole.

    Raises
    ------
    StoreError
        If the backup is damaged or of newer code, its audit log is not whole, or the server refuses.
    """
    manifest = read_manifest(file)
    maintenance = urls_of(url)["product"].set(database="postgres").render_as_string(hide_password=False)
    with connected(maintenance) as server, _filled_beside(server, url, file, manifest, _DRILL) as product:
        revision = migrate(product)
        with transaction(product) as connection:
            report = audit.verify(connection)
    if report.broken_id is not None:
        raise StoreError(
            f"backup {str(file)!r} holds an audit log that breaks at row {report.broken_id}: {report.reason}"
        )
    return {**manifest, "revision": revision, "audit_rows": report.rows}


@contextmanager
def _filled_beside(
    server: Engine, url: str, file: Path, manifest: dict[str, Any], suffix: str
) -> Iterator[Engine]:
    """Fill and prove databases beside those of a stack; yields the product's, and drops what is left."""
    places = {name: _named(place, suffix) for name, place in urls_of(url).items()}
    with ExitStack() as stack:
        stack.callback(drop_databases, server, [_name(place) for place in places.values()])
        for name, place in places.items():
            _fill(server, file, name, place, manifest["databases"][name])
        yield stack.enter_context(connected(places["product"].render_as_string(hide_password=False)))


def _named(place: URL, suffix: str) -> URL:
    return place.set(database=f"{place.database}_{suffix}")


def _name(place: URL) -> str:
    return str(place.database)


def _refuse_what_is_there(server: Engine, places: dict[str, URL], *, replace: bool) -> None:
    for place in places.values():
        if not has_database(server, _name(place)):
            continue
        if users := count_users(server, _name(place)):
            raise ConfigurationError(
                f"database {place.database!r} is in use by {users} connections; stop 'quant up' first"
            )
        if not replace and (full := _filled_tables(place)):
            raise ConfigurationError(
                f"database {place.database!r} holds {full} tables with rows; "
                "expected an empty one, or --replace to give them up"
            )


def _filled_tables(place: URL) -> int:
    with connected(place.render_as_string(hide_password=False)) as engine, transaction(engine) as connection:
        counts = count_rows(connection)
    return sum(1 for table, rows in counts.items() if rows and table not in _NOBODYS)


def _fill(server: Engine, file: Path, name: str, place: URL, about: dict[str, Any]) -> None:
    """Restore one dump into a new database and prove that every row is there."""
    make_database(server, _name(place))
    with zipfile.ZipFile(file) as archive, archive.open(f"{name}.dump") as member:

        def write(stream: IO[bytes]) -> None:
            while chunk := member.read(CHUNK):
                stream.write(chunk)

        postgres_tools.restore(place, write)
    with connected(place.render_as_string(hide_password=False)) as engine, transaction(engine) as connection:
        if name == "product":
            require_known_revision(connection)
        counts = count_rows(connection)
    for table, rows in about["tables"].items():
        if counts.get(table) != rows:
            raise StoreError(
                f"backup {str(file)!r} says {rows} rows of {table}, {counts.get(table)} were restored"
            )


def _swap(server: Engine, places: dict[str, URL]) -> None:
    """Give the new databases their names, all in one transaction."""
    drop_databases(server, [_name(_named(place, _OLD)) for place in places.values()])
    away = [
        Renaming(_name(place), _name(_named(place, _OLD)), may_be_absent=True) for place in places.values()
    ]
    here = [Renaming(_name(_named(place, _BESIDE)), _name(place)) for place in places.values()]
    rename_databases(server, away + here)
