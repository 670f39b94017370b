"""What tells that a part of the stack lives; cheap, for it is asked every few seconds."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from quant_pipelines.store.tables import bars, heartbeats, whitelist

BACKUP = "backup"
"""Service whose sign of life is a finished backup."""
_GRID = "1m"


def heard_at(connection: Connection, service: str) -> datetime | None:
    """Time of a service's last sign of life; None before the first one."""
    query = select(heartbeats.c.at).where(heartbeats.c.service == service)
    return connection.execute(query).scalar_one_or_none()


def newest_minute_at(connection: Connection) -> datetime | None:
    """Open time of the newest minute of any whitelisted symbol; None without one."""
    newest = (
        select(func.max(bars.c.ts))
        .where(bars.c.exchange == whitelist.c.exchange, bars.c.symbol == whitelist.c.symbol)
        .where(bars.c.timeframe == _GRID)
        .scalar_subquery()
    )
    found = [at for at in connection.execute(select(newest).select_from(whitelist)).scalars() if at]
    return max(found, default=None)
