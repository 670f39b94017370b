"""Books of a world: what each deployment earns in a day, written where the runner writes it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, Engine, Row, func, insert, select

from quant_pipelines.core.stages import LADDER, ORDER_STAGES
from quant_pipelines.store.capital_changes import read_capital
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
from quant_pipelines.trading.capital import TRANSFER
from tests.life.days import ends_at
from tests.life.truth import Traded, Truth, Unit

_FILLS_A_DAY: Final = 3
_SLIP: Final = 0.0002
"""Standard deviation of what a day's execution costs or brings, fraction of the equity."""
_PRICE: Final = Decimal(100)


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
            for row in connection.execute(traded.order_by(deployments.c.id)).all():
                self._book(connection, row, day)
                if row.stage in ORDER_STAGES:
                    self._fill(connection, row, at)

    def _book(self, connection: Connection, row: Row[Any], day: int) -> None:
        newest = select(equity.c.equity, equity.c.ts).where(equity.c.deployment_id == row.id)
        last = connection.execute(newest.order_by(equity.c.ts.desc()).limit(1)).one_or_none()
        paid = select(income.c.amount, income.c.ts).where(income.c.deployment_id == row.id)
        flows = connection.execute(paid).all()
        before = float(row.capital) if last is None else last.equity
        before += sum(float(flow.amount) for flow in flows if last is None or flow.ts == last.ts)
        chance = np.random.default_rng([self._seed, 2, day])
        traded = Traded(Unit(row.strategy, row.symbol), row.content_hash[-1], row.parameters["window"])
        earned = self._truth.earned(traded, day) + _SLIP * chance.standard_normal()
        level = before * max(1.0 + earned, 0.0)
        values = {"deployment_id": row.id, "ts": ends_at(day), "cash": level, "position": 0.0, "price": 1.0}
        connection.execute(insert(equity), [values | {"equity": level}])
        self._pay(connection, row, sum((flow.amount for flow in flows), row.capital), ends_at(day))

    def _pay(self, connection: Connection, row: Row[Any], paid_in: Decimal, at: datetime) -> None:
        """Pay a book what its capital has changed by, as the runner does at a close."""
        wanted = read_capital(connection, row.id)
        if wanted is not None and wanted != paid_in:
            flow = {"deployment_id": row.id, "kind": TRANSFER, "ts": at, "amount": wanted - paid_in}
            connection.execute(insert(income).values(flow))

    def _fill(self, connection: Connection, row: Row[Any], at: datetime) -> None:
        for order, fill, meant in self._orders(row, at):
            connection.execute(insert(intents).values(meant))
            connection.execute(insert(orders).values(order))
            connection.execute(insert(fills).values(fill))

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
