"""Dagster's storage in PostgreSQL, whose sessions are kept: its own opens one for each statement.

At rest the daemon asks 14 times a second, and to open a session costs both sides more than to answer it: half
of what a stack at rest took of the processors. What is built anew for each tick shares its process's pool.
"""

from functools import cache
from typing import Any

import psycopg2
from dagster_postgres import DagsterPostgresStorage
from sqlalchemy import Engine, create_engine, event  # noqa: TID251 - Dagster's own database
from sqlalchemy.exc import DisconnectionError

from quant_pipelines.store.ended_sessions import has_ended

_KEPT = 1
"""Sessions that a process keeps, each some megabytes; what runs beside opens one and closes it."""


class KeptSessions(DagsterPostgresStorage):
    """Runs, events and schedules through one pool."""

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Any:
        """Build the storage that Dagster's configuration describes."""
        storage = super().from_config_value(inst_data, config_value)
        for part in (storage.run_storage, storage.event_log_storage, storage.schedule_storage):
            vars(part)["_engine"] = _pool(storage.postgres_url)
        return storage


@cache
def _pool(url: str) -> Engine:
    engine = create_engine(
        url, isolation_level="AUTOCOMMIT", pool_size=_KEPT, max_overflow=-1, pool_use_lifo=True
    )
    event.listen(engine, "checkout", _require_open)
    return engine


def _require_open(driver: Any, *_record: object) -> None:
    if has_ended(driver.fileno, psycopg2.Error):
        raise DisconnectionError
