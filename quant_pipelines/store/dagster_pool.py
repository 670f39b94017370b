"""Sessions on Dagster's own database that are kept, by the driver that its storage speaks."""

from functools import cache
from typing import Any

import psycopg2
from sqlalchemy import Engine, create_engine, event  # noqa: TID251 - Dagster's own database
from sqlalchemy.exc import DisconnectionError

from quant_pipelines.store.ended_sessions import has_ended

_KEPT = 1
"""Sessions that a process keeps, each some megabytes; what runs beside opens one and closes it."""


@cache
def dagster_pool(url: str) -> Engine:
    """Pool of this process; what the server has ended meanwhile is replaced when it is asked for."""
    engine = create_engine(
        url, isolation_level="AUTOCOMMIT", pool_size=_KEPT, max_overflow=-1, pool_use_lifo=True
    )
    event.listen(engine, "checkout", _require_open)
    return engine


def _require_open(driver: Any, *_record: object) -> None:
    if has_ended(driver.fileno, psycopg2.Error):
        raise DisconnectionError
