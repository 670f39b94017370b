"""The books of the deployments: what a closed bar did to one of them is one transaction.

Every write proves the writer's epoch first. Nothing here computes money; amounts come in as they are booked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.core.orders import CONDITIONAL, OrderKind, OrderStatus, Side
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.epochs import require_epoch
from quant_pipelines.store.tables import (
    checkpoints,
    equity,
    fills,
    income,
    intents,
    orders,
    positions,
    signals,
)
from quant_pipelines.store.value_rows import row_of
from quant_pipelines.trading.orders import LATE, UNPROVEN, OrderProgress, predecessors
from quant_pipelines.trading.purposes import Purpose


@dataclass(frozen=True, slots=True)
class Fill:
    """One row of ``trading.fills``; quantity in base, price in quote per base, fee in quote.

    ``realized_pnl`` is the profit before the fee as a venue books it, quote; None where no venue does.
    A trade that several books share has one row for each, whose ``part`` counts from 0.
    """

    trade_id: str
    client_order_id: str | None
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    reason: str
    ts: datetime
    realized_pnl: Decimal | None = None
    part: int = 0

    @property
    def signed_quantity(self) -> Decimal:
        """Change of the position, base."""
        return self.quantity if self.side == "buy" else -self.quantity


@dataclass(frozen=True, slots=True)
class Income:
    """One row of ``trading.income``; amount in quote, positive when received."""

    kind: str
    ts: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """One row of ``trading.equity``: a book at a bar's close, the bar as it was seen, the stop since."""

    ts: datetime
    cash: float
    position: float
    price: float
    equity: float
    open: float | None = None
    high: float | None = None
    low: float | None = None
    volume: float | None = None
    mark: float | None = None
    slots: tuple[tuple[int, float, float | None, float | None], ...] | None = None
    stop_price: float | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """One row of ``trading.positions``; quantity signed, prices in quote per base."""

    quantity: Decimal
    entry_price: Decimal
    realized_pnl: Decimal
    stop_price: Decimal | None


@dataclass(frozen=True, slots=True)
class Signal:
    """One row of ``trading.signals``: a decision, also one without an order."""

    bar_close: datetime
    target: float
    price: float
    decision: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Intent:
    """One row of ``trading.intents``, committed before its order exists.

    ``exit_reason`` names the stop or take-profit that the order stands for.
    ``price`` is the limit or the trigger, quote per base; None for a market order.
    ``decision_price`` is the close that it was decided on, or the trigger of a stop; ``arrival_price`` the
    last price that the stream had told by then; None where there was none.
    """

    client_order_id: str
    side: Side
    quantity: Decimal
    purpose: Purpose
    bar_close: datetime
    order_type: OrderKind = "market"
    exit_reason: str | None = None
    price: Decimal | None = None
    reduce_only: bool = False
    decision_price: Decimal | None = None
    arrival_price: Decimal | None = None

    @property
    def is_conditional(self) -> bool:
        """Whether a venue keeps it outside its book until its trigger is touched."""
        return self.order_type in CONDITIONAL


@dataclass(frozen=True, slots=True)
class OrderState:
    """New state of an order whose intent is stored."""

    client_order_id: str
    status: OrderStatus
    filled_quantity: Decimal = Decimal(0)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Booking:
    """What the execution bars up to ``bar_close`` did to one deployment.

    Parameters
    ----------
    deployment_id, venue, symbol
        Whose book.
    bar_close
        Close of the last execution bar that is in the state.
    state
        The broker's state, as its own document.
    position
        The position after the fills.
    fills, income, orders, equity
        New rows, oldest first.
    signal, intent
        The decision of the last bar, and the order that it wants.
    resting
        Orders that an event strategy wants besides.
    """

    deployment_id: int
    venue: str
    symbol: str
    bar_close: datetime
    state: dict[str, Any]
    position: Position
    fills: tuple[Fill, ...] = ()
    income: tuple[Income, ...] = ()
    orders: tuple[OrderState, ...] = ()
    equity: tuple[EquityPoint, ...] = ()
    signal: Signal | None = None
    intent: Intent | None = None
    resting: tuple[Intent, ...] = ()

    @property
    def intents(self) -> tuple[Intent, ...]:
        """All orders that are wanted."""
        return self.resting if self.intent is None else (self.intent, *self.resting)


@dataclass(frozen=True, slots=True)
class StoredBook:
    """All rows that a restart needs for one deployment.

    Parameters
    ----------
    state
        The broker's state at ``bar_close``; None before the first booking.
    bar_close
        Close of the last execution bar that was booked; None before the first booking.
    open_intents
        Intents whose orders are not final, oldest first.
    fills, income
        Everything booked so far, oldest first.
    last_signal
        The last decision; None before the first one.
    progress
        How far the orders of the open intents are, by client order id.
    elsewhere
        What the orders have filled in other books, by client order id: a stop over the net closes several.
    paid_elsewhere
        Kind and time of payments that other books of its symbol at its account have got, at a venue.
    """

    state: dict[str, Any] | None
    bar_close: datetime | None
    open_intents: tuple[Intent, ...]
    fills: tuple[Fill, ...]
    income: tuple[Income, ...]
    last_signal: Signal | None
    progress: Mapping[str, OrderProgress] = field(default_factory=dict)
    elsewhere: Mapping[str, Decimal] = field(default_factory=dict)
    paid_elsewhere: frozenset[tuple[str, datetime]] = frozenset()

    @property
    def holds_nothing(self) -> bool:
        """Whether nothing is held, and no order may fill any more."""
        return not self.open_intents and not sum(fill.signed_quantity for fill in self.fills)


def book(engine: Engine, epoch: int, booking: Booking, at: datetime, beside: Iterable[Booking] = ()) -> None:
    """Store a booking and those of the other legs of its set, whole or not at all.

    Raises
    ------
    StoreError
        If another writer has taken over, or the database does not answer; then read the books again.
    ReconciliationError
        If the bars were booked before.
    """
    with transaction(engine) as connection:
        require_epoch(connection, epoch)
        for one in (booking, *beside):
            _book(connection, epoch, one, at)


def _book(connection: Connection, epoch: int, booking: Booking, at: datetime) -> None:
    key = {"deployment_id": booking.deployment_id}
    _advance_checkpoint(connection, epoch, booking, at)
    where = {"venue": booking.venue, "symbol": booking.symbol, **key, "booked_at": at}
    _insert(connection, fills, [{**row_of(fill), **where} for fill in booking.fills])
    _insert(connection, income, [{**row_of(row), **key} for row in booking.income])
    _insert(connection, equity, [{**row_of(row), **key, "booked_at": at} for row in booking.equity])
    for state in booking.orders:
        advance_order(connection, state, at)
    _replace(connection, positions, {**key, "symbol": booking.symbol}, row_of(booking.position), at)
    _add_decision(connection, epoch, booking, at)


def book_decision(
    engine: Engine, epoch: int, booking: Booking, at: datetime, beside: Iterable[Booking] = ()
) -> None:
    """Store a decision that was taken after its bar was booked, with those of its set's other legs or none.

    Raises
    ------
    StoreError
        If another writer has taken over, or the database does not answer; then read the books again.
    ReconciliationError
        If a later bar is booked already.
    """
    with transaction(engine) as connection:
        require_epoch(connection, epoch)
        for one in (booking, *beside):
            _book_decision(connection, epoch, one, at)


def _book_decision(connection: Connection, epoch: int, booking: Booking, at: datetime) -> None:
    mine = checkpoints.c.deployment_id == booking.deployment_id
    booked = connection.execute(select(checkpoints.c.bar_close).where(mine)).scalar_one_or_none()
    if booked != booking.bar_close:
        raise ReconciliationError(
            f"deployment {booking.deployment_id}: a decision on the bar that closed at "
            f"{booking.bar_close:%Y-%m-%d %H:%M}, and bars are booked up to {booked}; expected the same"
        )
    connection.execute(update(checkpoints).where(mine).values(state=booking.state))
    _add_decision(connection, epoch, booking, at)


def advance_order(
    connection: Connection, state: OrderState, at: datetime, venue_order_id: str | None = None
) -> None:
    """Store how far an order is, within a transaction that has proven the epoch.

    Raises
    ------
    ReconciliationError
        If the order is unknown, or its state would go back.
    """
    may_follow: ColumnElement[bool] = orders.c.status.in_((*predecessors(state.status), state.status))
    if venue_order_id and state.status in LATE:
        may_follow |= orders.c.status.in_(UNPROVEN) & orders.c.venue_order_id.is_(None)
    values: dict[str, Any] = {
        "status": state.status,
        "filled_quantity": state.filled_quantity,
        "reason": state.reason,
        "updated_at": at,
    }
    if venue_order_id:
        values["venue_order_id"] = venue_order_id
    is_it = orders.c.client_order_id == state.client_order_id
    is_no_less = orders.c.filled_quantity <= state.filled_quantity
    if connection.execute(orders.update().where(is_it, may_follow, is_no_less).values(values)).rowcount != 1:
        raise ReconciliationError(
            f"order {state.client_order_id} can't become {state.status}, "
            f"{state.filled_quantity} filled: it is unknown, or further already"
        )


def _advance_checkpoint(connection: Connection, epoch: int, booking: Booking, at: datetime) -> None:
    values = {"bar_close": booking.bar_close, "state": booking.state, "epoch": epoch, "saved_at": at}
    query = upsert(checkpoints).values(deployment_id=booking.deployment_id, **values)
    later = query.on_conflict_do_update(
        index_elements=["deployment_id"],
        set_=values,
        where=checkpoints.c.bar_close < booking.bar_close,
    ).returning(checkpoints.c.deployment_id)
    if connection.execute(later).scalar_one_or_none() is None:
        raise ReconciliationError(
            f"deployment {booking.deployment_id}: the bars up to {booking.bar_close:%Y-%m-%d %H:%M} "
            "were booked before; expected a later bar"
        )


def _add_decision(connection: Connection, epoch: int, booking: Booking, at: datetime) -> None:
    if booking.signal is not None:
        stamp = {"deployment_id": booking.deployment_id, "decided_at": at}
        _insert(connection, signals, [{**row_of(booking.signal), **stamp}])
    for intent in booking.intents:
        _add_intent(connection, epoch, booking, intent, at)


def _add_intent(connection: Connection, epoch: int, booking: Booking, intent: Intent, at: datetime) -> None:
    values = {
        **row_of(intent),
        "deployment_id": booking.deployment_id,
        "symbol": booking.symbol,
        "epoch": epoch,
        "committed_at": at,
    }
    _insert(connection, intents, [values])
    begun = row_of(OrderState(intent.client_order_id, "INITIALIZED"))
    _insert(connection, orders, [begun | {"updated_at": at}])


def _replace(
    connection: Connection, table: Table, key: dict[str, Any], values: dict[str, Any], at: datetime
) -> None:
    row = values | {"updated_at": at}
    made = upsert(table).values(key | row).on_conflict_do_update(index_elements=list(key), set_=row)
    connection.execute(made)


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)
