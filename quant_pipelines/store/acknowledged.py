"""Looks that a person goes on from although their replay gave something else: added, never changed."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, exists, insert, select

from quant_pipelines.core.clock import utc_now
from quant_pipelines.store.tables import acknowledged_looks, capital_looks, capital_results


class Acknowledged(NamedTuple):
    """What was acknowledged of an exchange.

    Parameters
    ----------
    spent
        Error that was spent in its calendar year by each acknowledged look, by its day.
    until
        Day up to which nothing of a record counts, by record.
    """

    spent: Mapping[date, float]
    until: Mapping[int, date]


def read_acknowledged(connection: Connection, exchange: str) -> Acknowledged:
    """Read all that was acknowledged of an exchange."""
    table = acknowledged_looks.c
    query = select(table.look_day, table.alpha_spent, table.record_ids).where(table.exchange == exchange)
    spent, until = dict[date, float](), dict[int, date]()
    for row in connection.execute(query.order_by(table.look_day)):
        spent[row.look_day] = row.alpha_spent
        until |= dict.fromkeys(row.record_ids, row.look_day)
    return Acknowledged(spent, until)


def is_vouched() -> ColumnElement[bool]:
    """Condition that nothing was acknowledged of a result, in a query of results and their looks."""
    table = acknowledged_looks.c
    named = (
        select(table.id)
        .where(table.exchange == capital_looks.c.exchange, table.look_day >= capital_looks.c.look_day)
        .where(capital_results.c.record_id == table.record_ids.any_())
    )
    return ~exists(named.correlate(capital_looks, capital_results))


def save_acknowledged(connection: Connection, row: Mapping[str, Any]) -> None:
    """Add what was acknowledged, in the caller's transaction."""
    connection.execute(insert(acknowledged_looks).values(**row, created_at=utc_now()))
