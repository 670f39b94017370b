"""Making a partition while others read: a lock that gives its place in the queue up, and asks again.

It locks the whole table, waits for whoever reads it, and whoever comes later waits behind it: a backup reads
for minutes.
"""

import time
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.engine import Database, transaction

Made = TypeVar("Made")


class LockPatience(NamedTuple):
    """How long a lock is waited for, seconds.

    Parameters
    ----------
    lock
        In the queue, in which readers wait behind it.
    pause
        Out of the queue, until it is asked for again.
    most
        In all.
    """

    lock: float = 1.0
    pause: float = 3.0
    most: float = 900.0


PATIENT: Final = LockPatience()


class _Busy(Exception):
    """Somebody else held what was locked."""


def make_when_free(
    database: Database, what: str, make: Callable[[Connection], Made], patience: LockPatience = PATIENT
) -> Made:
    """Run what locks a table in a transaction of its own, or a savepoint of one that is joined.

    Parameters
    ----------
    database
        See ``transaction``.
    what
        What is made, for the error.
    make
        Called again where it did not get its locks; what it did before is undone.
    patience
        How long it is tried.

    Raises
    ------
    StoreError
        If others held the table for all of that time.
    """
    deadline = time.monotonic() + patience.most
    while True:
        try:
            return _made(database, make, patience.lock)
        except _Busy as busy:
            if time.monotonic() >= deadline:
                raise StoreError(
                    f"{what} can't be made now: {busy}; expected a moment within {patience.most:g} s in "
                    "which no backup and no long query reads it, try again later"
                ) from busy
        time.sleep(patience.pause)


def _made(database: Database, make: Callable[[Connection], Made], lock_seconds: float) -> Made:
    with transaction(database) as connection:
        try:
            connection.exec_driver_sql(f"set local lock_timeout = '{round(lock_seconds * 1000)}ms'")
            made = make(connection)
            connection.exec_driver_sql("set local lock_timeout = default")  # a joined transaction goes on
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            raise _Busy(str(error.orig).splitlines()[0]) from error
    return made
