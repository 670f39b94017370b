"""One writer of the trading books: an advisory lock, and an epoch that every transaction checks.

The lock keeps a second runner on standby; the epoch stops a writer that lost the lock without knowing it.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, select, text

from quant_pipelines.core.errors import StoreError
from quant_pipelines.store.engine import ANSWER_SECONDS, Listener, listening, pipelined, transaction
from quant_pipelines.store.tables import epochs

DEPLOYMENTS_CHANNEL = "deployments"

_WRITER_LOCK = 0x57524954
_EPOCH_LOCK = 0x45504F43
# A half-open connection must not look like a held lock: the server forgets the writer after about 15 s.
_OF_SERVER = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2"


class WriterSession:
    """Dedicated connection that holds the writer's lock and hears when deployments change."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    async def try_lock(self) -> bool:
        """Whether this session is the writer now; False while another one is.

        Raises
        ------
        StoreError
            If the connection broke, and the lock with it, or no answer came for too long.
        """
        return bool(await self._listener.scalar(f"select pg_try_advisory_lock({_WRITER_LOCK})"))

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        """Wait for news about deployments, at most so long; prove that the lock's session still lives.

        Returns
        -------
        bool
            True if somebody announced a change.

        Raises
        ------
        StoreError
            If the connection broke, and the lock with it.
        """
        heard = [notice async for notice in self._listener.notices(timeout_seconds=timeout_seconds, limit=1)]
        await self._listener.scalar("select 1")
        return bool(heard)


@asynccontextmanager
async def writer_session(
    database_url: str, answer_seconds: float = ANSWER_SECONDS
) -> AsyncIterator[WriterSession]:
    """Open session that may become the writer; its end frees the lock, and so does a server's silence."""
    async with listening(
        database_url, DEPLOYMENTS_CHANNEL, answer_seconds=answer_seconds, options=_OF_SERVER
    ) as listener:
        yield WriterSession(listener)


def open_epoch(engine: Engine, writer: str, at: datetime) -> int:
    """Begin a new writer's epoch, once every transaction of the writer before has ended.

    Parameters
    ----------
    engine
        Product database.
    writer
        Host and process, for the person who reads the table.
    at
        Time of the start.
    """
    with transaction(engine) as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _EPOCH_LOCK})
        query = text("insert into trading.epochs (writer, started_at) values (:writer, :at) returning id")
        return int(connection.execute(query, {"writer": writer, "at": at}).scalar_one())


def require_epoch(connection: Connection, epoch: int) -> None:
    """Prove that no later writer has begun, and keep it so until this transaction ends.

    Raises
    ------
    StoreError
        If another writer has taken over.
    """
    with in_epoch(connection, epoch):
        pass


@contextmanager
def in_epoch(connection: Connection, epoch: int) -> Iterator["psycopg.Connection[Any]"]:
    """Prove the same, and send the block's statements after the proof without waiting for it in between.

    Raises
    ------
    StoreError
        If another writer has taken over: nothing may be committed then.
    """
    with pipelined(connection) as driver:
        driver.execute("select pg_advisory_xact_lock_shared(%s)", (_EPOCH_LOCK,))
        found = driver.execute("select max(id) from trading.epochs")  # it sees who began while that waited
        yield driver
    newest = (found.fetchone() or (None,))[0]
    if newest != epoch:
        raise StoreError(f"epoch {epoch} is over: writer {newest} has taken over the trading books")


def newest_epoch(connection: Connection) -> tuple[int, str] | None:
    """Id and writer of the newest epoch; None before the first."""
    newest = select(epochs.c.id, epochs.c.writer).order_by(epochs.c.id.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return None if row is None else (row.id, row.writer)
