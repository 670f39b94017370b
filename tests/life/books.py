"""Books of a world: what each deployment earns in a day, written where the runner writes it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, Row, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.core.stages import LADDER, ORDER_STAGES
from quant_pipelines.store.capital_changes import newest_capital
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.epochs import open_epoch
from quant_pipelines.store.tables import (
    deployments,
    equity,
    fills,
    income,
    intents,
    orders,
    strategy_versions,
)
from tests.life.days import ends_at
from tests.life.truth import Traded, Truth, Unit

_FILLS_A_DAY: Final = 3
_SLIP: Final = 0.0002
"""Standard deviation of what a day's execution costs or brings, fraction of the equity."""
_PRICE: Final = Decimal(100)


class Book(NamedTuple):
    """A book and what it trades as a part of: a leg and its set, or the same deployment twice."""

    row: Row[Any]
    whole: Row[Any]


def _books_of(connection: Connection, traded: Sequence[Row[Any]]) -> list[Book]:
    legs: dict[int, list[Row[Any]]] = {}
    query = select(deployments).where(deployments.c.set_id.in_([row.id for row in traded]))
    for leg in connection.execute(query.order_by(deployments.c.id)):
        legs.setdefault(leg.set_id, []).append(leg)
    return [Book(book, row) for row in traded for book in legs.get(row.id, [row])]


class Books:
    """Books of all deployments.

    Parameters
    ----------
    engine
        Product database.
    truth
        What the units earn.
    seed
        Of how orders are executed.
    """

    def __init__(self, engine: Engine, truth: Truth, seed: int) -> None:
        self._engine = engine
        self._truth = truth
        self._seed = seed
        self._epoch = open_epoch(engine, "life", ends_at(-1))

    def close(self, day: int) -> None:
        """Book a day of the year, once: deployments that trade earn what is true of their units."""
        at = ends_at(day)
        with transaction(self._engine) as connection:
            if connection.execute(select(func.count()).where(equity.c.ts == at)).scalar_one():
                return
            traded = (
                select(deployments, strategy_versions.c.content_hash)
                .join(strategy_versions, strategy_versions.c.id == deployments.c.strategy_version_id)
                .where(deployments.c.stage.in_(LADDER), deployments.c.created_at < at)
            )
            rows = connection.execute(traded.order_by(deployments.c.id)).all()
            books = _books_of(connection, rows)
            self._book(connection, books, day)
            filled = [one.row for one in books if one.whole.stage in ORDER_STAGES]
            self._fill(connection, filled, at)

    def _book(self, connection: Connection, books: Sequence[Book], day: int) -> None:
        """Book the day of each, and pay it what its capital has changed by, as the runner does at a close."""
        keys = [one.row.id for one in books]
        newest = select(equity.c.deployment_id, equity.c.equity, equity.c.ts)
        newest = newest.where(equity.c.deployment_id.in_(keys)).ext(distinct_on(equity.c.deployment_id))
        newest = newest.order_by(equity.c.deployment_id, equity.c.ts.desc())
        last = {row.deployment_id: row for row in connection.execute(newest)}
        paid = select(income.c.deployment_id, income.c.amount, income.c.ts)
        flows: dict[int, list[Row[Any]]] = {}
        for flow in connection.execute(paid.where(income.c.deployment_id.in_(keys))):
            flows.setdefault(flow.deployment_id, []).append(flow)
        wanted = select(deployments.c.id, newest_capital().label("capital")).where(deployments.c.id.in_(keys))
        capital = {row.id: row.capital for row in connection.execute(wanted)}
        slip = _SLIP * np.random.default_rng([self._seed, 2, day]).standard_normal()
        levels, payments = list[dict[str, Any]](), list[dict[str, Any]]()
        for row, whole in books:
            known, own = last.get(row.id), flows.get(row.id, [])
            before = float(row.capital) if known is None else known.equity
            before += sum(float(flow.amount) for flow in own if known is None or flow.ts == known.ts)
            unit = Unit(whole.strategy, whole.symbol)
            traded = Traded(unit, whole.content_hash[-1], whole.parameters["window"])
            level = before * max(1.0 + self._truth.earned(traded, day) + slip, 0.0)
            values = {"deployment_id": row.id, "ts": ends_at(day), "cash": level, "position": 0.0}
            levels.append(values | {"equity": level, "price": 1.0})
            lacks = capital[row.id] - sum((flow.amount for flow in own), row.capital)
            if lacks:
                flow = {"deployment_id": row.id, "kind": TRANSFER, "ts": ends_at(day), "amount": lacks}
                payments.append(flow)
        for table, made in ((equity, levels), (income, payments)):
            if made:
                connection.execute(insert(table), made)

    def _fill(self, connection: Connection, rows: Sequence[Row[Any]], at: datetime) -> None:
        made = [one for row in rows for one in self._orders(row, at)]
        for table, place in ((intents, 2), (orders, 0), (fills, 1)):
            if made:
                connection.execute(insert(table), [one[place] for one in made])

    def _orders(self, row: Row[Any], at: datetime) -> Iterator[tuple[dict[str, Any], ...]]:
        """Orders of a day at the venue, each filled at once."""
        for number in range(_FILLS_A_DAY):
            when = at - timedelta(hours=number + 1)
            name = f"life-{row.id}-{when:%y%m%d%H}"
            shared = {"client_order_id": name, "deployment_id": row.id, "side": "buy", "quantity": Decimal(1)}
            meant = {"epoch": self._epoch, "symbol": row.symbol, "order_type": "market", "purpose": "target"}
            meant |= {
                "bar_close": when,
                "committed_at": when,
                "decision_price": _PRICE,
                "arrival_price": _PRICE,
            }
            fill = {
                "venue": row.exchange,
                "symbol": row.symbol,
                "trade_id": name,
                "price": _PRICE,
                "fee": Decimal(0),
            }
            fill |= {"reason": "target", "ts": when, "booked_at": when}
            order = {
                "client_order_id": name,
                "status": "FILLED",
                "filled_quantity": Decimal(1),
                "updated_at": when,
            }
            yield order, shared | fill, shared | meant
