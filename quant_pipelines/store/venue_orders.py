"""Orders and fills of a deployment at a venue, booked between two bars; the tables are those of paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, Table, insert, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.epochs import in_epoch, require_epoch
from quant_pipelines.store.heartbeats import halt_once
from quant_pipelines.store.tables import fills, income, intents, orders, positions
from quant_pipelines.store.trading import Fill, Income, Intent, OrderState, Position, advance_order
from quant_pipelines.store.value_rows import row_of, value_of
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.orders import OrderProgress

_ADD_INTENT = str(insert(intents).compile(dialect=PGDialect_psycopg()))  # type: ignore[no-untyped-call]
_ADD_ORDER = """
insert into trading.orders (client_order_id, status, filled_quantity, updated_at)
values (%s, 'SUBMITTED', 0, %s)
"""


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An intent with the state of its order; ``stamp`` is when that state was written."""

    intent: Intent
    epoch: int
    venue_order_id: str | None
    progress: OrderProgress
    stamp: datetime


@dataclass(frozen=True, slots=True)
class OrderStep:
    """New state of one order, with the venue's name for it where that is known."""

    client_order_id: str
    progress: OrderProgress
    venue_order_id: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """What a venue, or another book, filled and paid for one deployment, and the position after it.

    ``halt`` says why the deployment may not go on, if it may not: it halts with the same commit. ``orders``
    are those that went on with it.
    """

    deployment_id: int
    venue: str
    symbol: str
    fills: Sequence[Fill]
    income: Sequence[Income]
    position: Position
    halt: str = ""
    orders: Sequence[OrderStep] = ()


def read_orders(engine: Engine, deployment_id: int) -> list[PlacedOrder]:
    """Every order of a deployment, oldest first."""
    query = (
        select(
            intents, orders.c.venue_order_id, orders.c.status, orders.c.filled_quantity, orders.c.updated_at
        )
        .join(orders, orders.c.client_order_id == intents.c.client_order_id)
        .where(intents.c.deployment_id == deployment_id)
        .order_by(intents.c.committed_at)
    )
    with transaction(engine) as connection:
        return [
            PlacedOrder(
                value_of(Intent, row),
                row.epoch,
                row.venue_order_id,
                OrderProgress(row.status, row.filled_quantity),
                row.updated_at,
            )
            for row in connection.execute(query)
        ]


def add_order(engine: Engine, epoch: int, deployment: Deployment, intent: Intent, at: datetime) -> None:
    """Store an intent that no bar's booking carries (a stop, a flattening), as about to be sent.

    Raises
    ------
    StoreError
        If another writer has taken over, or the database does not answer.
    """
    whose = {"deployment_id": deployment.id, "symbol": deployment.symbol}
    row = {**row_of(intent), **whose, "epoch": epoch, "committed_at": at}
    with transaction(engine) as connection, in_epoch(connection, epoch) as driver:
        driver.execute(_ADD_INTENT, row)
        driver.execute(_ADD_ORDER, (intent.client_order_id, at))


def follow_order(engine: Engine, epoch: int, step: OrderStep, at: datetime) -> None:
    """Store how far an order is.

    Raises
    ------
    StoreError
        If another writer has taken over, or the database does not answer.
    ReconciliationError
        If the order's state would go back.
    """
    state = OrderState(step.client_order_id, *step.progress, step.reason)
    with transaction(engine) as connection:
        require_epoch(connection, epoch)
        advance_order(connection, state, at, step.venue_order_id)


def receive(engine: Engine, epoch: int, received: Sequence[Received], at: datetime) -> None:
    """Book fills and income of several books, each once, with the positions that they make.

    Raises
    ------
    StoreError
        If another writer has taken over, or the database does not answer; then read the books again.
    ReconciliationError
        If one of them was booked before.
    """
    with transaction(engine) as connection:
        require_epoch(connection, epoch)
        for one in received:
            _receive(connection, one, at)


def _receive(connection: Connection, received: Received, at: datetime) -> None:
    key = {"deployment_id": received.deployment_id}
    where = {"venue": received.venue, "symbol": received.symbol, **key, "booked_at": at}
    new_fills = [{**row_of(fill), **where} for fill in received.fills]
    new_income = [{**row_of(row), **key} for row in received.income]
    n_booked = sum(
        _insert_new(connection, table, rows) for table, rows in ((fills, new_fills), (income, new_income))
    )
    if n_booked != len(new_fills) + len(new_income):
        raise ReconciliationError(
            f"deployment {received.deployment_id}: {len(new_fills) + len(new_income) - n_booked} of the "
            "fills and payments were booked before; expected none"
        )
    for step in received.orders:
        advance_order(
            connection, OrderState(step.client_order_id, *step.progress, step.reason), at, step.venue_order_id
        )
    row = {**row_of(received.position), "updated_at": at}
    held = upsert(positions).values(**key, symbol=received.symbol, **row)
    connection.execute(held.on_conflict_do_update(index_elements=["deployment_id", "symbol"], set_=row))
    if received.halt:
        halt_once(connection, f"deployment:{received.deployment_id}", Trip("failed", received.halt), at)


def _insert_new(connection: Connection, table: Table, rows: list[dict[str, object]]) -> int:
    """Insert rows whose key is new; returns how many were."""
    n_new = 0
    for row in rows:
        query = upsert(table).values(row).on_conflict_do_nothing().returning(literal(1))
        n_new += len(connection.execute(query).all())
    return n_new
