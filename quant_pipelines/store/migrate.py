"""Brings a database to the schema of this code, and refuses one that is newer."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.engine import transaction

_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_MIGRATION_LOCK = 0x5155414E54


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def newest_revision() -> str:
    """Revision that this code expects."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise StoreError("no migrations are installed with this code; expected store/migrations/versions")
    return head


def current_revision(connection: Connection) -> str | None:
    """Revision of the database; None when it is empty."""
    context = MigrationContext.configure(connection, opts={"version_table_schema": "ops"})
    return context.get_current_revision()


def require_known_revision(connection: Connection) -> str | None:
    """Revision of the database, once it is proven that this code knows it.

    Raises
    ------
    StoreError
        If the database was migrated by newer code.
    """
    revision = current_revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
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


def migrate(engine: Engine) -> str:
    """Bring the database to this code's schema; safe to run from several processes at once.

    Returns
    -------
    str
        The revision that the database has now.
    """
    with transaction(engine) as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        require_known_revision(connection)
        connection.execute(text("create schema if not exists ops"))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return newest_revision()
