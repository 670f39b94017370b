"""Factors of prices at redenominations and splits, as operators recorded them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.dialects.postgresql import insert

from quant_pipelines.core.price_factors import PriceFactor
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import price_factors


def read_factors(engine: Engine, exchange: str, symbol: str) -> tuple[PriceFactor, ...]:
    """Factors of a symbol, oldest first; empty without any."""
    columns = price_factors.c
    query = (
        select(columns.ts, columns.factor)
        .where(columns.exchange == exchange, columns.symbol == symbol)
        .order_by(columns.ts)
    )
    with transaction(engine) as connection:
        return tuple(PriceFactor(to_ms(ts), factor) for ts, factor in connection.execute(query))


def save_factor(connection: Connection, row: dict[str, Any]) -> float | None:
    """Store a factor in place of the one of that time, which is returned; None where there was none."""
    before = remove_factor(connection, row["exchange"], row["symbol"], row["ts"])
    connection.execute(insert(price_factors), [row])
    return before


def remove_factor(connection: Connection, exchange: str, symbol: str, ts: datetime) -> float | None:
    """Take a factor back, and return it; None where there was none."""
    columns = price_factors.c
    query = delete(price_factors).where(
        columns.exchange == exchange, columns.symbol == symbol, columns.ts == ts
    )
    return connection.execute(query.returning(columns.factor)).scalar_one_or_none()
