"""Dagster's storage in PostgreSQL, whose sessions are kept: its own opens one for each statement.

At rest the daemon asks 14 times a second, and to open a session costs both sides more than to answer it: half
of what a stack at rest took of the processors. What is built anew for each tick shares its process's pool.
"""

from typing import Any

from dagster_postgres import DagsterPostgresStorage

from quant_pipelines.store.dagster_pool import dagster_pool


class KeptSessions(DagsterPostgresStorage):
    """Runs, events and schedules through one pool."""

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Any:
        """Build the storage that Dagster's configuration describes."""
        storage = super().from_config_value(inst_data, config_value)
        for part in (storage.run_storage, storage.event_log_storage, storage.schedule_storage):
            vars(part)["_engine"] = dagster_pool(storage.postgres_url)
        return storage
