"""Brings a database to the schema of this code."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.revision import MIGRATIONS, newest_revision, require_known_revision

_MIGRATION_LOCK = 0x5155414E54


def migrate(engine: Engine) -> str:
    """Bring the database to this code's schema; safe to run from several processes at once.

    Returns
    -------
    str
        The revision that the database has now.

    Raises
    ------
    StoreError
        If the database is away or newer than this code, or refuses a step; it is as it was then.
    """
    try:
        with transaction(engine) as connection:
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            require_known_revision(connection)
            connection.execute(text("create schema if not exists ops"))
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except ProgrammingError as error:
        reason = str(error.orig).splitlines()[0]
        name, newest = engine.url.database, newest_revision()
        raise StoreError(
            f"database {name!r} can't be brought to revision {newest!r} and is as it was: {reason}"
        ) from error
    return newest_revision()
