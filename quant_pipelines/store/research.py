"""Walk-forwards in PostgreSQL: versions and tasks; a task that was interrupted goes on."""

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, Engine, Row, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import OptimizationBusy
from quant_pipelines.store.engine import session, transaction
from quant_pipelines.store.records import open_record
from quant_pipelines.store.tables import optimizer_tasks, strategies, strategy_versions
from quant_pipelines.store.tables.research import TaskStatus

DONE: Final = "done"
RUNNING: Final = "running"
FAILED: Final = "failed"
_log = logging.getLogger(__name__)


_SOON_DEAD = (
    "set tcp_keepalives_idle = 10",
    "set tcp_keepalives_interval = 5",
    "set tcp_keepalives_count = 3",
    "set tcp_user_timeout = 25000",
)


@dataclass(frozen=True, slots=True)
class StoredTask:
    """One row of ``research.optimizer_tasks``.

    Parameters
    ----------
    id
        Key of the row.
    version_id
        Strategy version that is judged.
    record_id
        Record that it adds to.
    status
        pending, running, done or failed.
    settings
        The job as a JSON document.
    """

    id: int
    version_id: int
    record_id: int
    status: TaskStatus
    settings: dict[str, Any]


@contextmanager
def sole_worker(engine: Engine, key: str, work: str = "") -> Iterator[None]:
    """Keep a second process from the same task, named in words; the lock dies with its connection.

    A connection whose machine has vanished dies within half a minute, where the server would wait for hours.

    Raises
    ------
    OptimizationBusy
        If another process is at the task.
    """
    lock = {"key": int(key[:15], 16)}
    with session(engine) as connection:
        for statement in _SOON_DEAD:
            connection.execute(text(statement))
        if not connection.execute(text("select pg_try_advisory_lock(:key)"), lock).scalar_one():
            named = work or f"optimization {key}"
            raise OptimizationBusy(f"{named} is being worked on by another process; try later")
        try:
            yield
        finally:
            _unlock(connection, lock)


def _unlock(connection: Connection, lock: Mapping[str, int]) -> None:
    """Let go of a lock; one whose connection was lost is free already, and what was done is stored."""
    try:
        connection.execute(text("select pg_advisory_unlock(:key)"), lock)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        _log.info("the connection of a lock was lost: %s", error.orig)


def save_version(connection: Connection, values: Mapping[str, Any]) -> int:
    """Store a strategy's contents once.

    Parameters
    ----------
    connection
        Open transaction.
    values
        ``strategy``, ``description``, ``content_hash``, ``kernel_digest``, ``source`` and ``parameters``
        (the declared search space).

    Returns
    -------
    int
        Id of the version, the same for the same contents.
    """
    now = utc_now()
    family = upsert(strategies).values(
        name=values["strategy"], description=values["description"], created_at=now
    )
    changed = {"description": family.excluded.description}
    connection.execute(family.on_conflict_do_update(index_elements=["name"], set_=changed))
    key = ("strategy", "content_hash", "kernel_digest")
    row = {name: values[name] for name in (*key, "source", "parameters")}
    connection.execute(upsert(strategy_versions).values(**row, created_at=now).on_conflict_do_nothing())
    same = (strategy_versions.c[name] == values[name] for name in key)
    return int(connection.execute(select(strategy_versions.c.id).where(*same)).scalar_one())


def open_task(engine: Engine, version: Mapping[str, Any], task: Mapping[str, Any]) -> StoredTask:
    """Store a task under its key and mark it running; a finished one is returned as it is.

    Parameters
    ----------
    engine
        Product database.
    version
        See ``save_version``.
    task
        Columns of the row but ``strategy_version_id``, ``status`` and the times of its life; ``record_key``
        stands for ``record_id``.
    """
    with transaction(engine) as connection:
        row = {name: value for name, value in task.items() if name != "record_key"}
        row |= {
            "strategy_version_id": save_version(connection, version),
            "record_id": open_record(connection, task["record_key"]),
            "status": RUNNING,
            "created_at": utc_now(),
        }
        connection.execute(upsert(optimizer_tasks).values(row).on_conflict_do_nothing())
        is_it = optimizer_tasks.c.task_key == task["task_key"]
        again = update(optimizer_tasks).where(is_it, optimizer_tasks.c.status != DONE)
        connection.execute(again.values(status=RUNNING, error=None, finished_at=None))
        return _task(connection.execute(select(optimizer_tasks).where(is_it)).one())


def read_task(engine: Engine, task_id: int) -> StoredTask | None:
    """Task by its id; None when there is none."""
    with transaction(engine) as connection:
        row = connection.execute(select(optimizer_tasks).where(optimizer_tasks.c.id == task_id)).one_or_none()
    return None if row is None else _task(row)


def fail_task(engine: Engine, task_id: int, error: str) -> None:
    """Mark a task as failed, with the sentence that says why; it may be run again.

    One that another process has finished meanwhile stays done: a lock is lost with its connection.
    """
    values = {"status": FAILED, "error": error, "finished_at": utc_now()}
    is_it = (optimizer_tasks.c.id == task_id) & (optimizer_tasks.c.status != DONE)
    with transaction(engine) as connection:
        connection.execute(update(optimizer_tasks).where(is_it).values(**values))


def finite(value: Any) -> Any:
    """Make a value that JSON can hold: NaN and infinities become null, numpy scalars plain numbers."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        return finite(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _task(row: Row[Any]) -> StoredTask:
    return StoredTask(row.id, row.strategy_version_id, row.record_id, row.status, row.settings)
