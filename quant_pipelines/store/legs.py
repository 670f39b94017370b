"""Legs of instrument sets in PostgreSQL: a book for each symbol, made with its set."""

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, insert, select

from quant_pipelines.core.instrument_sets import is_set, symbols_of
from quant_pipelines.store.asked_once import is_among
from quant_pipelines.store.tables import deployments


def add_legs(connection: Connection, deployment_id: int) -> list[int]:
    """Store the legs of a deployment that was just made; returns their ids, in the order of the symbols.

    None for one symbol. Each has an equal share of the capital, to the last digit as a backtest's book has.
    """
    query = select(deployments).where(deployments.c.id == deployment_id)
    row = dict(connection.execute(query).mappings().one())
    if not is_set(row["symbol"]):
        return []
    symbols = symbols_of(row["symbol"])
    capital = Decimal(repr(float(row["capital"]) * (1.0 / len(symbols))))
    row |= {"set_id": row.pop("id"), "stage": None, "verdict_id": None, "capital": capital}
    made = insert(deployments).returning(deployments.c.id)
    return [connection.execute(made.values(row | {"symbol": one})).scalar_one() for one in symbols]


def leg_ids(connection: Connection, deployment_id: int) -> list[int]:
    """Ids of the books of a deployment: its legs in their order, or its own where it has none."""
    query = select(deployments.c.id).where(deployments.c.set_id == deployment_id).order_by(deployments.c.id)
    return list(connection.execute(query).scalars()) or [deployment_id]


def books_of(connection: Connection, deployment_ids: Sequence[int]) -> dict[int, list[int]]:
    """Ids of the books of many deployments, as ``leg_ids`` says them of one."""
    legs: dict[int, list[int]] = {}
    for row in connection.execute(_legs(), {"sets": list(deployment_ids)}):
        legs.setdefault(row.set_id, []).append(row.id)
    return {one: legs.get(one, [one]) for one in deployment_ids}


@cache
def _legs() -> Select[Any]:
    query = select(deployments.c.set_id, deployments.c.id).where(is_among(deployments.c.set_id, "sets"))
    return query.order_by(deployments.c.id)


def is_book_of(book_id: ColumnElement[int], deployment_id: int) -> ColumnElement[bool]:
    """Condition that a book is that of a deployment, or of one of its legs."""
    legs = select(deployments.c.id).where(deployments.c.set_id == deployment_id)
    return (book_id == deployment_id) | book_id.in_(legs)
