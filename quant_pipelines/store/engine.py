"""The only ways into PostgreSQL; a database that fails on any of them is a `StoreError`.

A function of the store takes a connection, or an engine on which it opens a `transaction`. Nobody else begins
or connects, so the errors of the drivers are translated here and nowhere else.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from time import perf_counter
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.errors import (
    IdleInTransactionSessionTimeout,
    InsufficientPrivilege,
    ReadOnlySqlTransaction,
    UndefinedColumn,
    UndefinedTable,
)
from psycopg.pq import TransactionStatus
from sqlalchemy import (
    Connection,
    Engine,
    create_engine,  # noqa: TID251 - the one place
    event,
    make_url,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from quant_pipelines.core.errors import DatabaseSilent, SchemaError, StoreError
from quant_pipelines.store.database_url import require_database_url
from quant_pipelines.store.ended_sessions import has_ended
from quant_pipelines.telemetry.record import count, observe

Database = Engine | Connection
"""Where to read and write: in a transaction of its own, or in the one that is open on a connection."""

# The server or the way to it; a statement that is wrong by itself is a fault of this code, and stays one.
_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    IdleInTransactionSessionTimeout,
    ReadOnlySqlTransaction,  # a server that was demoted
    NoConnectionFree,
)
_OTHER_SCHEMA = (UndefinedTable, UndefinedColumn)

_CONNECT_SECONDS = 5
"""How long a frozen server is waited for: an outage must be told of within 15 s, also by two looks."""

ANSWER_SECONDS = 10.0
"""How long a session that listens waits for an answer, which takes a server that works milliseconds."""

_KEEPALIVE: dict[str, str | int] = {
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}
"""When the way to a server counts as gone; a kernel left alone takes 15 minutes for that, or 2 hours."""


def parse_database_url(url: str) -> URL:
    """Database URL without a driver.

    Raises
    ------
    ConfigurationError
        If the text is not a PostgreSQL URL with a database name.
    """
    require_database_url(url)
    return make_url(url).set(drivername="postgresql")


def product_url(url: str) -> str:
    """Spelling for our own connections (psycopg 3)."""
    return parse_database_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def connect(url: str, *, pool_size: int = 5, answer_seconds: float | None = None) -> Engine:
    """Engine on the product database; sessions speak UTC.

    Parameters
    ----------
    url
        PostgreSQL URL, with or without a driver.
    pool_size
        Connections kept open.
    answer_seconds
        How long an answer may take until the database counts as away; None waits without end.
    """
    engine = create_engine(
        product_url(url),
        pool_size=pool_size,
        pool_use_lifo=True,  # one that was used just now has its statements prepared
        connect_args={"options": "-c timezone=UTC", "connect_timeout": _CONNECT_SECONDS, **_KEEPALIVE},
    )
    event.listen(engine, "checkout", _require_open)
    if answer_seconds is not None:
        event.listen(engine, "do_connect", _bounded(answer_seconds))
    return engine


def _bounded(seconds: float) -> Any:
    """Make connections that are closed once an answer takes longer."""

    class _Answered(psycopg.Connection[Any]):
        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, seconds if timeout is None else timeout)
            except psycopg.OperationalError as error:
                if self.pgconn.transaction_status == TransactionStatus.ACTIVE:  # the answer is yet to come
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"it took longer than {seconds:g} s") from error
                raise

    def made(_dialect: object, _record: object, words: Any, named: Any) -> Any:
        return _Answered.connect(*words, **named)

    return made


def _require_open(driver: Any, *_record: object) -> None:
    """Have a connection replaced that the server has ended while it lay in the pool."""
    if has_ended(driver.fileno, psycopg.Error):
        raise DisconnectionError


@contextmanager
def pipelined(connection: Connection) -> Iterator["psycopg.Connection[Any]"]:
    """Send the statements of the block without waiting for each answer: they are there at its end.

    They are the transaction's, in their order, each with a look of its own at what others have committed.
    """
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    with driver.pipeline():
        yield driver


@contextmanager
def connected(url: str, *, pool_size: int = 1, answer_seconds: float | None = None) -> Iterator[Engine]:
    """Engine for as long as the block runs; see `connect`."""
    engine = connect(url, pool_size=pool_size, answer_seconds=answer_seconds)
    try:
        yield engine
    finally:
        engine.dispose()


def require_reachable(engine: Engine) -> None:
    """Prove that the database answers.

    Raises
    ------
    StoreError
        If it does not, with the address and the server's own words on one line.
    """
    with transaction(engine):
        pass


@contextmanager
def transaction(database: Database) -> Iterator[Connection]:
    """One transaction, committed at the end of the block; inside of another it is a savepoint.

    Parameters
    ----------
    database
        Engine, or the connection of the transaction that is joined: its block commits.

    Raises
    ------
    StoreError
        If the database does not answer, or lacks this code's tables. After a break at a commit the outcome is
        unknown: read the rows again before acting.
    """
    if isinstance(database, Connection):
        with _translated(database.engine.url), database.begin_nested():
            yield database
    else:
        begun = perf_counter()
        try:
            with _translated(database.url), database.begin() as connection:
                yield connection
        finally:
            observe("quant_database_wait_seconds", perf_counter() - begun)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Read the state of one moment throughout the block; errors as in `transaction`."""
    with _isolated(engine, "REPEATABLE READ") as connection:
        yield connection
        connection.commit()  # of nothing; at a rollback the driver forgets all that the session has prepared


@contextmanager
def session(engine: Engine) -> Iterator[Connection]:
    """Let each statement of the block stand by itself; errors as in `transaction`.

    It is for what a transaction can't hold: locks that outlive one, and databases that come and go.
    """
    with _isolated(engine, "AUTOCOMMIT") as connection:
        yield connection


class Listener:
    """Session of its own that hears one channel; what it locks is free again when it ends.

    Parameters
    ----------
    driver
        Connection that listens already.
    address
        Where to, for errors.
    answer_seconds
        How long an answer is waited for.
    """

    def __init__(
        self, driver: "psycopg.AsyncConnection[Any]", address: URL, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self._driver = driver
        self._address = address
        self._answer_seconds = answer_seconds
        self._is_given_up = False

    async def scalar(self, query: str) -> object:
        """First value of a query's first row; None without rows.

        Raises
        ------
        DatabaseSilent
            If no answer came in time.
        StoreError
            If the connection broke.
        """
        with _translated(self._address), self._answered():
            cursor = await self._driver.execute(query.encode())
            row = await cursor.fetchone()
        return row[0] if row else None

    async def listen(self, channel: str) -> None:
        """Hear a channel from now on, a trusted name; errors as in `scalar`."""
        with _translated(self._address), self._answered():
            await self._driver.execute(f"listen {channel}".encode())

    @contextmanager
    def _answered(self) -> Iterator[None]:
        timer = asyncio.get_running_loop().call_later(self._answer_seconds, self._give_up)
        try:
            yield
        except psycopg.Error as error:
            if not self._is_given_up:
                raise
            shown, waited = self._address.render_as_string(hide_password=True), self._answer_seconds
            words = f"database {shown} does not answer: nothing was heard of it for {waited:g} s"
            raise DatabaseSilent(words, waited) from error
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        """Break the connection as a network does: to cancel what was asked would ask the same server."""
        self._is_given_up = True
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self._driver.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    async def notices(
        self, *, timeout_seconds: float | None = None, limit: int | None = None
    ) -> AsyncIterator[str]:
        """Texts of what is announced on the channel, for so long or so many of them; None sets no bound.

        Raises
        ------
        StoreError
            If the connection broke.
        """
        with _translated(self._address):
            async for notice in self._driver.notifies(timeout=timeout_seconds, stop_after=limit):
                yield notice.payload


@asynccontextmanager
async def listening(
    url: str, channel: str, *, answer_seconds: float = ANSWER_SECONDS, **options: str | int
) -> AsyncIterator[Listener]:
    """Open a session that hears a channel.

    Parameters
    ----------
    url
        PostgreSQL URL.
    channel
        Trusted name.
    answer_seconds
        How long an answer is waited for.
    options
        libpq's own parameters of the connection.

    Raises
    ------
    StoreError
        If the database does not answer.
    """
    address = parse_database_url(url)
    target = make_conninfo(
        address.render_as_string(hide_password=False),
        connect_timeout=_CONNECT_SECONDS,
        **(_KEEPALIVE | options),
    )
    with _translated(address):
        async with await _async_connection(target) as driver:
            listener = Listener(driver, address, answer_seconds)
            await listener.listen(channel)
            yield listener


async def _async_connection(target: str) -> "psycopg.AsyncConnection[Any]":
    connecting = asyncio.ensure_future(psycopg.AsyncConnection.connect(target, autocommit=True))
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        # Given up half-way it would stay open, and hold up the server's own work for a minute.
        with suppress(psycopg.OperationalError):
            await (await connecting).close()
        raise


@contextmanager
def _isolated(engine: Engine, level: Any) -> Iterator[Connection]:
    with _translated(engine.url), engine.connect() as connection:
        yield connection.execution_options(isolation_level=level)


@contextmanager
def _translated(address: URL) -> Iterator[None]:
    """Make a `StoreError` of what SQLAlchemy and psycopg raise when the database fails."""
    try:
        yield
    except (DBAPIError, NoConnectionFree, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        shown, words = address.render_as_string(hide_password=True), " ".join(str(cause).split())
        if isinstance(cause, _AWAY) or getattr(error, "connection_invalidated", False):
            count("quant_database_errors_total")
            raise StoreError(f"database {shown} does not answer: {words}") from error
        if isinstance(cause, _OTHER_SCHEMA):
            raise SchemaError(f"database {shown} has another schema than this code: {words}") from error
        if isinstance(cause, InsufficientPrivilege):
            raise StoreError(f"database {shown} refuses: {words}") from error
        raise
