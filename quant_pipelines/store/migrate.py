"""Brings a database to the schema of this code."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from quant_pipelines.store.engine import transaction
from quant_pipelines.store.revision import MIGRATIONS, newest_revision, require_known_revision

_MIGRATION_LOCK = 0x5155414E54


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
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return newest_revision()
