"""Versions of bars by series and month; a hypertable instead of partitions where TimescaleDB is installed."""

from pathlib import Path
from typing import NamedTuple

from alembic import op
from sqlalchemy import Connection

revision = "0007"
down_revision = "0006"


class Change(NamedTuple):
    """A trigger's name, its event, and which of the event's rows it reads."""

    name: str
    event: str
    rows: str


# Transition tables belong to one event, and a statement on a partition fires the partition's triggers only.
_CHANGES = (
    Change("updated_from", "update", "old"),
    Change("updated_to", "update", "new"),
    Change("deleted", "delete", "old"),
)
_PARTITIONS = "select inhrelid::regclass::text from pg_inherits where inhparent = 'market.bars'::regclass"


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())
    if has_timescale(connection) and not has_bars(connection):
        make_hypertable(connection)
        return
    watch(connection, "market.bars", (Change("inserted", "insert", "new"), *_CHANGES))
    for partition in connection.exec_driver_sql(_PARTITIONS).scalars().all():
        watch(connection, partition, _CHANGES)


def downgrade() -> None:
    op.execute("drop function market.note_bars() cascade")
    op.execute("drop table market.bar_versions")


def has_timescale(connection: Connection) -> bool:
    query = "select exists (select from pg_extension where extname = 'timescaledb')"
    return bool(connection.exec_driver_sql(query).scalar_one())


def has_bars(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql("select exists (select from market.bars)").scalar_one())


def make_hypertable(connection: Connection) -> None:
    """Put an empty, plain table in the place of the partitioned one, and let TimescaleDB cut it by month."""
    for statement in (
        "create table market.plain_bars (like market.bars including all)",
        "drop table market.bars",
        "alter table market.plain_bars rename to bars",
        "alter index market.plain_bars_pkey rename to pk_bars",
        "select create_hypertable('market.bars', 'ts', chunk_time_interval => interval '1 month')",
    ):
        connection.exec_driver_sql(statement)


def watch(connection: Connection, table: str, changes: tuple[Change, ...]) -> None:
    for name, event, rows in changes:
        connection.exec_driver_sql(
            f"create trigger bars_{name} after {event} on {table} "
            f"referencing {rows} table as changed for each statement execute function market.note_bars()"
        )
