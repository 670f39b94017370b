"""Connections to PostgreSQL: one URL from the settings, one spelling for each driver."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from quant_pipelines.core.errors import ConfigurationError, StoreError

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2")


def parse_database_url(url: str) -> URL:
    """Database URL without a driver.

    Raises
    ------
    ConfigurationError
        If the text is not a PostgreSQL URL with a database name.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            f"database_url {url!r} is not a URL; expected postgresql://user:password@host:port/database"
        ) from error
    if parsed.drivername not in _SCHEMES or not parsed.database:
        shown = parsed.render_as_string(hide_password=True)
        raise ConfigurationError(
            f"database_url {shown!r} does not name a PostgreSQL database; "
            "expected postgresql://user:password@host:port/database"
        )
    return parsed.set(drivername="postgresql")


def product_url(url: str) -> str:
    """Spelling for our own connections (psycopg 3)."""
    return parse_database_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def dagster_url(url: str) -> str:
    """Spelling for Dagster's own database beside ours (psycopg2, which its retries rely on)."""
    parsed = parse_database_url(url).set(drivername="postgresql+psycopg2")
    return parsed.set(
        database="dagster" if parsed.database == "quant" else f"{parsed.database}_dagster"
    ).render_as_string(hide_password=False)


def connect(url: str, *, pool_size: int = 5) -> Engine:
    """Engine on the product database; sessions speak UTC.

    Parameters
    ----------
    url
        PostgreSQL URL, with or without a driver.
    pool_size
        Connections kept open.
    """
    return create_engine(
        product_url(url),
        pool_size=pool_size,
        pool_pre_ping=True,
        connect_args={"options": "-c timezone=UTC", "connect_timeout": 10},
    )


def require_reachable(engine: Engine) -> None:
    """Prove that the database answers.

    Raises
    ------
    StoreError
        If it does not, with the address and the server's own words on one line.
    """
    try:
        with engine.connect():
            pass
    except OperationalError as error:
        raise StoreError(_away(engine, error)) from error


@contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Translate a database that does not answer.

    Raises
    ------
    StoreError
        If a connection can't be made or breaks. After a break at a commit the outcome is unknown: read the
        rows again before acting.
    """
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise StoreError(_away(engine, error)) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StoreError(_away(engine, error)) from error
        raise


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction; a database that does not answer is a `StoreError`, as in `database_errors`."""
    with database_errors(engine), engine.begin() as connection:
        yield connection


def _away(engine: Engine, error: DBAPIError) -> str:
    address = engine.url.render_as_string(hide_password=True)
    return f"database {address} does not answer: {' '.join(str(error.orig).split())}"
