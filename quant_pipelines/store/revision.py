"""Which schema this code expects and which one a database has; nothing here loads what migrates."""

from pathlib import Path

from sqlalchemy import Connection, Engine, text

from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.engine import transaction

MIGRATIONS = Path(__file__).resolve().parent / "migrations"


def known_revisions() -> list[str]:
    """Revisions that this code knows, oldest first: the numbers that its files of migrations begin with."""
    return sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def newest_revision() -> str:
    """Revision that this code expects."""
    known = known_revisions()
    if not known:
        raise StoreError("no migrations are installed with this code; expected store/migrations/versions")
    return known[-1]


def current_revision(connection: Connection) -> str | None:
    """Revision of the database; None when it is empty."""
    if connection.execute(text("select to_regclass('ops.alembic_version')")).scalar_one() is None:
        return None
    return connection.execute(text("select version_num from ops.alembic_version")).scalar_one_or_none()


def require_known_revision(connection: Connection) -> str | None:
    """Revision of the database, once it is proven that this code knows it.

    Raises
    ------
    StoreError
        If the database was migrated by newer code.
    """
    revision = current_revision(connection)
    if revision is not None and revision not in known_revisions():
        raise StoreError(
            f"database revision {revision!r} is newer than this code, which knows up to "
            f"{newest_revision()!r}; expected a database of this or an older release: update the code"
        )
    return revision


def require_current(engine: Engine) -> None:
    """Prove that the database has exactly this code's schema.

    Raises
    ------
    StoreError
        If it is newer, older or empty.
    """
    with transaction(engine) as connection:
        revision = require_known_revision(connection)
    if revision != newest_revision():
        raise StoreError(
            f"database revision is {revision!r}, expected {newest_revision()!r}; "
            "start 'quant up' to migrate it"
        )
