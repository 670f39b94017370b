"""The ledger file: records in, records out of one SQLite database.

A commit is on the disk before it returns (write-ahead log, ``synchronous = FULL``): what the venue has said
stays true when the machine loses power, just as the client's own database does.
"""

import contextlib
import fcntl
import os
import sqlite3
from dataclasses import astuple, fields
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, TypeVar

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.simulator.venue.records import RECORDS, Record

R = TypeVar("R", bound=Record)

_COLUMN_TYPES = {int: "INTEGER", bool: "INTEGER", str: "TEXT", Decimal: "TEXT"}
_INDEXES = (
    "CREATE INDEX IF NOT EXISTS orders_by_client ON orders (symbol, client_id)",
    "CREATE INDEX IF NOT EXISTS orders_by_status ON orders (status)",
    "CREATE INDEX IF NOT EXISTS orders_by_symbol ON orders (symbol, number)",
    "CREATE INDEX IF NOT EXISTS algos_by_client ON algo_orders (client_id)",
    "CREATE INDEX IF NOT EXISTS fills_by_symbol ON fills (symbol, number)",
    "CREATE INDEX IF NOT EXISTS fills_by_order ON fills (order_number)",
    "CREATE INDEX IF NOT EXISTS amendments_by_order ON amendments (order_number)",
    "CREATE INDEX IF NOT EXISTS income_by_time ON income (ts_ms)",
)


class Store:
    """Open ledger file.

    Parameters
    ----------
    path
        The file; made when it does not exist. ``:memory:`` keeps everything in memory.

    Raises
    ------
    ConfigurationError
        If the file can't be opened, is no ledger, or belongs to a venue that is running.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path
        with contextlib.ExitStack() as opened:
            opened.enter_context(_lock_of(path))
            try:
                self.connection = sqlite3.connect(path, isolation_level=None, timeout=5)
                opened.callback(self.connection.close)
                self.connection.execute("PRAGMA journal_mode = WAL")
                self.connection.execute("PRAGMA synchronous = FULL")
                self._make_tables()
            except sqlite3.Error as error:
                raise ConfigurationError(
                    f"ledger file {path} can't be used ({error}); expected a writable SQLite ledger"
                ) from error
            self._opened = opened.pop_all()

    @property
    def is_writing(self) -> bool:
        """Whether a transaction is open."""
        return self.connection.in_transaction

    def put(self, record: Record) -> None:
        """Insert or replace one record; the first one opens a transaction."""
        if not self.is_writing:
            self.connection.execute("BEGIN IMMEDIATE")
        names = _names(type(record))
        marks = ", ".join("?" * len(names))
        self.connection.execute(
            f"INSERT OR REPLACE INTO {record.TABLE} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 - names are ours
            [str(value) if isinstance(value, Decimal) else value for value in astuple(record)],
        )

    def delete(self, record: Record) -> None:
        """Remove one record."""
        if not self.is_writing:
            self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute(
            f"DELETE FROM {record.TABLE} WHERE {record.KEY} = ?",  # noqa: S608 - names are ours
            [getattr(record, record.KEY)],
        )

    def commit(self) -> None:
        """Make everything since the first ``put`` durable."""
        self.connection.execute("COMMIT")

    def roll_back(self) -> None:
        """Forget everything since the first ``put``."""
        with contextlib.suppress(sqlite3.Error):  # SQLite has rolled back by itself when the disk was full
            self.connection.execute("ROLLBACK")

    def select(self, kind: type[R], where: str = "1", *arguments: Any) -> list[R]:
        """Return records of one table.

        Parameters
        ----------
        kind
            Their type.
        where
            SQL after ``WHERE``, with ``?`` for each argument; may end in ``ORDER BY`` and ``LIMIT``.
        *arguments
            Values for the marks.
        """
        statement = f"SELECT {', '.join(_names(kind))} FROM {kind.TABLE} WHERE {where}"  # noqa: S608 - names are ours
        types = [field.type for field in fields(kind)]
        return [
            kind(
                *(
                    value if of is str else of(value)  # type: ignore[operator]
                    for of, value in zip(types, row, strict=True)
                )
            )
            for row in self.connection.execute(statement, arguments)
        ]

    def close(self) -> None:
        """Close the file; an open transaction is lost."""
        self._opened.close()

    def _make_tables(self) -> None:
        for kind in RECORDS:
            columns = ", ".join(
                f"{field.name} {_COLUMN_TYPES[field.type]} NOT NULL"  # type: ignore[index]
                for field in fields(kind)
            )
            self.connection.execute(
                f"CREATE TABLE IF NOT EXISTS {kind.TABLE} ({columns}, PRIMARY KEY ({kind.KEY}))"
            )
            self._add_columns(kind)
        for statement in _INDEXES:
            self.connection.execute(statement)

    def _add_columns(self, kind: type[Record]) -> None:
        """Give a table of an older ledger the columns that records have got since, with their defaults."""
        known = {row[1] for row in self.connection.execute(f"PRAGMA table_info({kind.TABLE})")}
        for field in fields(kind):
            if field.name not in known:
                default = int(field.default is True) if field.type is bool else field.default
                self.connection.execute(
                    f"ALTER TABLE {kind.TABLE} ADD COLUMN {field.name} "
                    f"{_COLUMN_TYPES[field.type]} NOT NULL DEFAULT '{default}'"  # type: ignore[index]
                )


def _lock_of(path: Path | str) -> IO[str]:
    """Open and lock the file beside the ledger; readers of the ledger itself are not kept out."""
    try:
        lock = Path(os.devnull if path == ":memory:" else f"{path}.lock").open("w")  # noqa: SIM115 - held
    except OSError as error:
        raise ConfigurationError(f"ledger file {path} can't be used ({error.strerror})") from error
    try:
        if path != ":memory:":
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConfigurationError(
            f"ledger file {path} is in use by a running venue; expected one venue for each home"
        ) from error
    return lock


def _names(kind: type[Any]) -> list[str]:
    return [field.name for field in fields(kind)]
