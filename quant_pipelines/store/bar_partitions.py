"""Where bars lie: a partition for each month, made ahead; chunks of TimescaleDB where that was found.

Which of the two it is was decided when the schema was made (migration 0007) and is read from the catalog.
"""

from datetime import date

from sqlalchemy import Connection, Engine, text

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.timeframes import DAY_MS, from_ms, to_ms
from quant_pipelines.store.engine import Database, transaction
from quant_pipelines.store.partition_locks import PATIENT, LockPatience, make_when_free

MONTHS_AHEAD = 2
_PARTITION_LOCK = 0x42415253
_KNOWN = text(
    "select relname, pg_relation_filenode(c.oid)::bigint "
    "from pg_inherits join pg_class as c on c.oid = inhrelid "
    "where inhparent = 'market.bars'::regclass"
)
# A statement on a partition does not fire the triggers of its parent.
_WATCHED = (
    ("updated_from", "update", "old"),
    ("updated_to", "update", "new"),
    ("deleted", "delete", "old"),
)


def ensure_partitions(
    database: Database, start_ms: int, end_ms: int, *, patience: LockPatience = PATIENT
) -> list[str]:
    """Make the monthly partitions of ``[start_ms, end_ms]``; safe from several processes at once.

    Creating a partition locks the whole table until its transaction ends, so it has one of its own where
    it is not made to join another, and only when one is missing; see ``make_when_free`` for its errors.

    Returns
    -------
    list of str
        Names of the partitions that were made.
    """
    months = months_between(start_ms, end_ms)
    with transaction(database) as connection:
        if not is_partitioned(connection) or not _missing(connection, months):
            return []

    def make(connection: Connection) -> list[date]:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _PARTITION_LOCK})
        missing = _missing(connection, months)
        for month in missing:
            _create(connection, month)
        return missing

    made = make_when_free(database, "a month of market.bars", make, patience)
    return [partition_of(month) for month in made]


def ensure_months_ahead(engine: Engine, clock: Clock) -> list[str]:
    """Make the partitions of this month and the next ones, before a bar needs them.

    Returns
    -------
    list of str
        Names of the partitions that were made.
    """
    now_ms = clock()
    return ensure_partitions(engine, now_ms, now_ms + MONTHS_AHEAD * 31 * DAY_MS)


def is_partitioned(connection: Connection) -> bool:
    """Whether ``market.bars`` has monthly partitions of our own; TimescaleDB makes its chunks itself."""
    kind = connection.exec_driver_sql(
        "select relkind::text from pg_class where oid = 'market.bars'::regclass"
    ).scalar_one()
    return bool(kind == "p")


def stored_months(connection: Connection) -> dict[date, int]:
    """First days of the months that have a partition, with the file number of its rows.

    PostgreSQL gives a new file to a partition that was dropped and made again, or truncated.
    """
    found = {month_of(name): int(node) for name, node in connection.execute(_KNOWN)}
    return {month: node for month, node in found.items() if month is not None}


def months_between(start_ms: int, end_ms: int) -> list[date]:
    """First days of the UTC months that ``[start_ms, end_ms]`` touches."""
    month, last = from_ms(start_ms).date().replace(day=1), from_ms(end_ms).date()
    months = []
    while month <= last:
        months.append(month)
        month = following_month(month)
    return months


def following_month(month: date) -> date:
    """First day of the next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def month_start_ms(month: date) -> int:
    """First millisecond of a month, UTC."""
    return to_ms(from_ms(0).replace(year=month.year, month=month.month))


def partition_of(month: date) -> str:
    """Name of the table with the bars of a month."""
    return f"market.bars_{month:%Y_%m}"


def month_of(name: str) -> date | None:
    """Month of a partition; None when it is not named like ours."""
    prefix, _, suffix = name.partition("bars_")
    year, _, month = suffix.partition("_")
    if prefix or len(year) != 4 or not (year + month).isdecimal():
        return None
    return date(int(year), int(month), 1)


def _missing(connection: Connection, months: list[date]) -> list[date]:
    known = stored_months(connection)
    return [month for month in months if month not in known]


def _create(connection: Connection, month: date) -> None:
    name = partition_of(month)
    connection.exec_driver_sql(
        f"create table {name} partition of market.bars "
        f"for values from ('{month} 00:00+00') to ('{following_month(month)} 00:00+00')"
    )
    watch_partition(connection, name)


def watch_partition(connection: Connection, name: str) -> None:
    """Let changes that are made to a partition itself count as changes of its bars."""
    for trigger, event, table in _WATCHED:
        connection.exec_driver_sql(
            f"create trigger bars_{trigger} after {event} on {name} "
            f"referencing {table} table as changed for each statement execute function market.note_bars()"
        )
