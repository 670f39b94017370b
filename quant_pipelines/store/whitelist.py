"""Coins that leave the whitelist: marked first, gone once nothing trades them any more."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, exists, insert, select, update

from quant_pipelines.core.instrument_sets import symbols_of
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import deployments, positions, whitelist, whitelist_exits

_ENDED = ("candidate", "rejected", "retired")


class Leaving(NamedTuple):
    """A coin that a person took off the whitelist: since when, who did it and why."""

    symbol: str
    since: datetime
    operator: str
    reason: str


def lock_whitelist(connection: Connection, exchange: str) -> dict[str, Leaving | None]:
    """Symbols of the whitelist with what is known of their leaving; locked until the transaction ends."""
    query = select(whitelist).where(whitelist.c.exchange == exchange).order_by(whitelist.c.symbol)
    return {row.symbol: _leaving(row) for row in connection.execute(query.with_for_update())}


def mark_leaving(connection: Connection, exchange: str, one: Leaving) -> None:
    """Let a coin leave as soon as nothing trades it."""
    values = {"leaving_since": one.since, "leaving_by": one.operator, "leaving_reason": one.reason}
    connection.execute(update(whitelist).where(*_is(exchange, one.symbol)).values(values))


def leaving_coins(engine: Engine, exchange: str) -> list[Leaving]:
    """Coins that are on the whitelist until nothing trades them, in alphabetical order."""
    query = select(whitelist).where(whitelist.c.exchange == exchange, whitelist.c.leaving_since.is_not(None))
    with transaction(engine) as connection:
        rows = connection.execute(query.order_by(whitelist.c.symbol)).all()
    return [one for row in rows if (one := _leaving(row))]


def read_staying(engine: Engine, exchange: str) -> list[str]:
    """Symbols that are searched: on the whitelist and not about to leave it, in alphabetical order."""
    query = select(whitelist.c.symbol).where(
        whitelist.c.exchange == exchange, whitelist.c.leaving_since.is_(None)
    )
    with transaction(engine) as connection:
        return list(connection.execute(query.order_by(whitelist.c.symbol)).scalars())


def take_off(connection: Connection, exchange: str, one: Leaving, at: datetime) -> None:
    """Delete a coin's row, and note that it left."""
    connection.execute(delete(whitelist).where(*_is(exchange, one.symbol)))
    row = {"symbol": one.symbol, "left_at": at, "left_by": one.operator, "reason": one.reason}
    connection.execute(insert(whitelist_exits).values(exchange=exchange, **row))


def off_the_list(connection: Connection, exchange: str, symbols: Collection[str]) -> list[str]:
    """Those of the symbols that left the whitelist, or are about to, and did not come back."""
    own = (whitelist.c.exchange == exchange) & whitelist.c.symbol.in_(symbols)
    listed = {
        row.symbol: row.leaving_since
        for row in connection.execute(select(whitelist.c.symbol, whitelist.c.leaving_since).where(own))
    }
    left = select(whitelist_exits.c.symbol).where(
        whitelist_exits.c.exchange == exchange, whitelist_exits.c.symbol.in_(symbols)
    )
    gone = set(connection.execute(left).scalars()) - set(listed)
    return sorted(gone | {symbol for symbol, since in listed.items() if since})


def traders_of(connection: Connection, exchange: str, symbol: str) -> list[int]:
    """Deployments of a symbol, or of a set with it, that have not ended or still hold something.

    Incumbents first, then by age: what their leaving does to a challenger is no fault of the challenger's.
    """
    book = deployments.alias("book")
    is_own = (book.c.id == deployments.c.id) | (book.c.set_id == deployments.c.id)
    held = select(positions.c.deployment_id).join(book, book.c.id == positions.c.deployment_id)
    holds = exists(held.where(is_own, positions.c.quantity != 0))
    query = (
        select(deployments.c.id, deployments.c.symbol)
        .where(deployments.c.exchange == exchange, deployments.c.set_id.is_(None))
        .where(deployments.c.stage.not_in(_ENDED) | holds)
        .order_by(deployments.c.challenges.is_not(None), deployments.c.id)
    )
    return [row.id for row in connection.execute(query) if symbol in symbols_of(row.symbol)]


def _is(exchange: str, symbol: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return whitelist.c.exchange == exchange, whitelist.c.symbol == symbol


def _leaving(row: Row[Any]) -> Leaving | None:
    if row.leaving_since is None:
        return None
    return Leaving(row.symbol, row.leaving_since, row.leaving_by, row.leaving_reason)
