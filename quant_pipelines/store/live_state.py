"""Live state in PostgreSQL: what stands in where Redis is away.

The table is unlogged, because its rows are out of date in seconds.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.store.engine import transaction

_WRITE = """
insert into ops.live_state as stored (key, at, value)
select * from unnest(%s::text[], %s::timestamptz[], %s::jsonb[])
on conflict (key) do update set at = excluded.at, value = excluded.value
"""
_READ = "select key, at, value from ops.live_state where key = any(%s)"
_FORGET = "delete from ops.live_state where at < %s"


class StateRow(NamedTuple):
    """A value to keep: its key, time in milliseconds UTC, and JSON text."""

    key: str
    at_ms: int
    value: str


def write_live_state(engine: Engine, rows: Sequence[StateRow]) -> None:
    """Replace values.

    Parameters
    ----------
    engine
        Product database.
    rows
        Their keys are distinct.
    """
    ordered = sorted(rows)  # two writers that lock rows in the same order never wait for each other in a ring
    keys, times, values = (list(column) for column in zip(*ordered, strict=True))
    with transaction(engine) as connection:
        connection.exec_driver_sql(_WRITE, (keys, [from_ms(at) for at in times], values))


def read_live_state(engine: Engine, keys: Sequence[str]) -> list[tuple[str, int, dict[str, Any]]]:
    """Key, time in milliseconds UTC and document of those keys that have one."""
    with transaction(engine) as connection:
        rows = connection.exec_driver_sql(_READ, (list(keys),))
        return [(key, to_ms(at), value) for key, at, value in rows]


def forget_live_state(engine: Engine, now_ms: int, age: timedelta) -> int:
    """Delete what was not written for that long; returns how many values that were."""
    with transaction(engine) as connection:
        return connection.exec_driver_sql(_FORGET, (from_ms(now_ms) - age,)).rowcount
