"""The runner's rows in the memory of one process, by the rules that PostgreSQL keeps for the real ones."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias

from quant_pipelines.core.errors import ReconciliationError, StoreError
from quant_pipelines.core.income_kinds import TRANSFER, asked_again_since
from quant_pipelines.core.stages import LADDER
from quant_pipelines.store.certificates import Permits
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.heartbeats import Alert, Heartbeat, halt_alert, trip_of
from quant_pipelines.store.journal import Controls
from quant_pipelines.store.rearmed import EquityThen, Rearmed, gains_of
from quant_pipelines.store.trading import (
    Booking,
    Fill,
    Income,
    Intent,
    OrderState,
    Position,
    Signal,
    StoredBook,
)
from quant_pipelines.store.venue_orders import OrderStep, PlacedOrder, Received
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.orders import FINAL, OPEN, OrderProgress, is_late, predecessors
from tests.nothing_stored import NothingStored

Moment: TypeAlias = Literal["before", "after"]
Key: TypeAlias = tuple[Any, ...]


class StandingAlert(NamedTuple):
    """An alert, and when it was resolved."""

    alert: Alert
    resolved_at: datetime | None = None


class Committed(NamedTuple):
    """A row as it was written: its table, its key, and the row."""

    table: str
    key: Key
    row: Any


@dataclass
class Tables:
    """All rows; a write works on a copy."""

    epochs: list[str] = field(default_factory=list)
    checkpoints: dict[int, tuple[datetime, dict[str, Any]]] = field(default_factory=dict)
    fills: dict[Key, tuple[int, Fill]] = field(default_factory=dict)
    income: dict[Key, Income] = field(default_factory=dict)
    equity: dict[Key, Any] = field(default_factory=dict)
    signals: dict[Key, Signal] = field(default_factory=dict)
    positions: dict[Key, Position] = field(default_factory=dict)
    orders: dict[str, PlacedOrder] = field(default_factory=dict)
    slots: dict[Key, str] = field(default_factory=dict)
    """Deployment, close and purpose to the one intent that they may have."""
    reasons: dict[str, str] = field(default_factory=dict)
    alerts: list[StandingAlert] = field(default_factory=list)
    heartbeats: dict[str, Heartbeat] = field(default_factory=dict)
    limits: dict[str, dict[str, float]] = field(default_factory=dict)
    log: list[Committed] = field(default_factory=list)
    """Every row in the order of its commit."""

    def copied(self) -> "Tables":
        return Tables(*(copy(getattr(self, one.name)) for one in fields(self)))

    def add(self, table: str, key: Key, row: Any) -> None:
        """Insert a row, once."""
        rows = getattr(self, table)
        if key in rows:
            raise ReconciliationError(f"a row is stored already: {table} {key}")
        rows[key] = row
        self.log.append(Committed(table, key, row))

    def put(self, table: str, key: Key, row: Any) -> None:
        """Insert or replace a row."""
        getattr(self, table)[key] = row
        self.log.append(Committed(table, key, row))


class MemoryJournal:
    """`Journal` without a server.

    Parameters
    ----------
    deployments
        What is deployed.
    approved
        Keys of deployments whose real orders are approved.

    Attributes
    ----------
    tables
        All rows that are committed.
    at_commit
        Called around each commit; what it raises behind one leaves the outcome unknown to the caller.
    """

    market = NothingStored()

    def __init__(self, deployments: Iterable[Deployment] = (), approved: Iterable[str] = ()) -> None:
        self.deployments = {one.id: one for one in deployments}
        self.approved = frozenset(approved)
        self.certified: set[str] = set()
        self.tables = Tables()
        self.at_commit: Callable[[Moment], None] = lambda _moment: None
        self._lock = threading.RLock()

    def open_epoch(self, writer: str, at: datetime) -> int:
        with self._write() as tables:
            tables.epochs.append(writer)
            return len(tables.epochs)

    def seed_limits(self, limits: dict[str, float], at: datetime) -> None:
        with self._write() as tables:
            tables.limits["account"] = limits | tables.limits.get("account", {})

    def read_controls(self) -> Controls:
        halts: dict[str, tuple[Trip, ...]] = {}
        for alert, resolved_at in self.tables.alerts:
            if alert.severity == "halt" and resolved_at is None:
                halts[alert.source] = (*halts.get(alert.source, ()), trip_of(alert._asdict()))
        limits = {scope: dict(limits) for scope, limits in self.tables.limits.items()}
        return Controls(limits, halts, self._rearmed(), gains_of(self.tables.heartbeats))

    def read_deployments(self) -> list[Deployment]:
        return [one for key, one in sorted(self.deployments.items()) if self._is_traded(one)]

    def read_permits(self, deployment: Deployment, version: str) -> Permits:
        return Permits(deployment.key in self.approved, version in self.certified)

    def read_book(self, deployment_id: int) -> StoredBook:
        tables = self.tables
        bar_close, state = tables.checkpoints.get(deployment_id, (None, None))
        waiting = [one.intent for one in self.read_orders(deployment_id) if one.progress.status in OPEN]
        fills = [fill for whose, fill in tables.fills.values() if whose == deployment_id]
        income = [row for key, row in tables.income.items() if key[0] == deployment_id]
        signals = [row for key, row in tables.signals.items() if key[0] == deployment_id]
        return StoredBook(
            state=None if state is None else as_json(state),
            bar_close=bar_close,
            open_intents=tuple(sorted(waiting, key=lambda intent: intent.bar_close)),
            fills=tuple(sorted(fills, key=lambda fill: (fill.trade_id, fill.part))),
            income=tuple(sorted(income, key=lambda row: row.ts)),
            last_signal=max(signals, key=lambda signal: signal.bar_close, default=None),
            elsewhere=self._elsewhere(deployment_id),
            paid_elsewhere=self._paid_elsewhere(deployment_id),
        )

    def read_orders(self, deployment_id: int) -> list[PlacedOrder]:
        mine = [name for key, name in self.tables.slots.items() if key[0] == deployment_id]
        return [self.tables.orders[name] for name in mine]

    def book(self, epoch: int, booking: Booking, at: datetime, beside: Sequence[Booking] = ()) -> None:
        with self._write(epoch) as tables:
            for one in (booking, *beside):
                _book(tables, epoch, one, at)

    def book_decision(
        self, epoch: int, booking: Booking, at: datetime, beside: Sequence[Booking] = ()
    ) -> None:
        with self._write(epoch) as tables:
            for one in (booking, *beside):
                booked, _ = tables.checkpoints.get(one.deployment_id, (None, None))
                if booked != one.bar_close:
                    raise ReconciliationError(
                        f"a decision on {one.bar_close}, and bars are booked up to {booked}"
                    )
                tables.checkpoints[one.deployment_id] = booked, as_json(one.state)
                _add_decision(tables, epoch, one, at)

    def add_order(self, epoch: int, deployment: Deployment, intent: Intent, at: datetime) -> None:
        with self._write(epoch) as tables:
            _add_intent(
                tables, deployment.id, PlacedOrder(intent, epoch, None, OrderProgress("SUBMITTED"), at)
            )

    def follow_order(self, epoch: int, step: OrderStep, at: datetime) -> None:
        with self._write(epoch) as tables:
            _advance(tables, step, at)

    def receive(self, epoch: int, received: Sequence[Received], at: datetime) -> None:
        with self._write(epoch) as tables:
            for one in received:
                _receive(tables, one, at)

    def write_alert(self, alert: Alert) -> None:
        with self._write() as tables:
            _alert(tables, alert)

    def follow_standing(self, scope: str, found: Iterable[Alert], at: datetime) -> None:
        now = {alert.source: alert for alert in found}
        with self._write() as tables:
            standing = set[str]()
            for row, (alert, resolved_at) in enumerate(tables.alerts):
                if resolved_at is None and (alert.source == scope or alert.source.startswith(f"{scope}:")):
                    standing.add(alert.source)
                    if alert.source not in now:
                        tables.alerts[row] = StandingAlert(alert, at)
            for alert in now.values():
                if alert.source not in standing:
                    _alert(tables, alert)

    def write_heartbeat(self, heartbeat: Heartbeat) -> None:
        with self._write() as tables:
            tables.heartbeats[heartbeat.service] = heartbeat

    def resolve(self, source: str, at: datetime) -> None:
        """Resolve the halts of a source, as an operator does."""
        with self._write() as tables:
            tables.alerts = [
                StandingAlert(alert, resolved_at or (at if alert.source == source else None))
                for alert, resolved_at in tables.alerts
            ]

    def _rearmed(self) -> tuple[Rearmed, ...]:
        newest: dict[Key, Rearmed] = {}
        alerts = enumerate(self.tables.alerts)
        ended = [(at, number, alert) for number, (alert, at) in alerts if at and alert.severity == "halt"]
        for at, _, alert in sorted(ended, key=lambda one: one[:2], reverse=True):
            event = trip_of(alert._asdict()).event
            worth = self._equity_then(alert.source, at) if event == "account_loss" else {}
            newest.setdefault((alert.source, event), Rearmed(alert.source, event, at, worth))
        return tuple(newest.values())

    def _equity_then(self, source: str, at: datetime) -> dict[int, EquityThen]:
        worth: dict[int, EquityThen] = {}
        for (key, ts), point in sorted(self.tables.equity.items()):
            if ts <= at and source == f"account:{self.deployments[key].account_id}":
                worth[key] = EquityThen(ts, point.equity)
        return worth

    def _is_traded(self, deployment: Deployment) -> bool:
        if deployment.stage in LADDER:
            return True
        held = self.tables.positions.get((deployment.id, deployment.symbol))
        booked = dict[str | None, Decimal]()
        for _, fill in self.tables.fills.values():
            booked[fill.client_order_id] = booked.get(fill.client_order_id, Decimal(0)) + fill.quantity
        waits = any(
            one.progress.status not in FINAL
            or one.progress.filled_quantity > booked.get(one.intent.client_order_id, Decimal(0))
            for one in self.read_orders(deployment.id)
        )
        return waits or (held is not None and bool(held.quantity))

    def _elsewhere(self, deployment_id: int) -> dict[str, Decimal]:
        mine = {name for key, name in self.tables.slots.items() if key[0] == deployment_id}
        booked: dict[str, Decimal] = {}
        for whose, fill in self.tables.fills.values():
            if whose != deployment_id and fill.client_order_id in mine:
                booked[fill.client_order_id] = booked.get(fill.client_order_id, Decimal(0)) + fill.quantity
        return booked

    def _paid_elsewhere(self, deployment_id: int) -> frozenset[tuple[str, datetime]]:
        own = self.deployments.get(deployment_id)
        if own is None:
            return frozenset()
        place, known = (own.account_id, own.symbol), self.deployments.items()
        others = {key for key, one in known if key != own.id and (one.account_id, one.symbol) == place}
        rows = [(key[0], row) for key, row in self.tables.income.items() if row.kind != TRANSFER]
        since = asked_again_since(
            own.created_at, max((row.ts for whose, row in rows if whose == own.id), default=None)
        )
        return frozenset((row.kind, row.ts) for whose, row in rows if whose in others and row.ts >= since)

    @contextmanager
    def _write(self, epoch: int | None = None) -> Iterator[Tables]:
        """Keep all of a write or nothing of it."""
        with self._lock:
            if epoch is not None and epoch != len(self.tables.epochs):
                newest = len(self.tables.epochs)
                raise StoreError(f"epoch {epoch} is over: writer {newest} has taken over the trading books")
            tables = self.tables.copied()
            yield tables
            self.at_commit("before")
            self.tables = tables
            self.at_commit("after")


def as_json(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document as a column of JSON gives it back."""
    back: dict[str, Any] = json.loads(json.dumps(document))
    return back


def _receive(tables: Tables, received: Received, at: datetime) -> None:
    key = received.deployment_id
    for fill in received.fills:
        tables.add("fills", (received.venue, received.symbol, fill.trade_id, fill.part), (key, fill))
    for row in received.income:
        tables.add("income", (key, row.kind, row.ts), row)
    for step in received.orders:
        _advance(tables, step, at)
    tables.put("positions", (key, received.symbol), received.position)
    if received.halt:
        _alert(tables, halt_alert(f"deployment:{key}", Trip("failed", received.halt), at))


def _progress(state: OrderState) -> OrderProgress:
    return OrderProgress(state.status, state.filled_quantity)


def _advance(tables: Tables, step: OrderStep, at: datetime) -> None:
    status, filled = step.progress
    known = tables.orders.get(step.client_order_id)
    before = None if known is None else known.progress.status
    gets_number = known is not None and known.venue_order_id is None and step.venue_order_id
    is_known_late = gets_number and before is not None and is_late(before, status)
    is_later = before in (*predecessors(status), status) or is_known_late
    if known is None or not is_later or known.progress.filled_quantity > filled:
        raise ReconciliationError(
            f"order {step.client_order_id} can't become {status}, {filled} filled: "
            "it is unknown, or further already"
        )
    number = step.venue_order_id or known.venue_order_id
    _put_order(tables, replace(known, progress=step.progress, venue_order_id=number, stamp=at), step.reason)


def _put_order(tables: Tables, order: PlacedOrder, reason: str) -> None:
    name = order.intent.client_order_id
    tables.orders[name], tables.reasons[name] = order, reason
    tables.log.append(Committed("orders", (name,), (order.progress, order.venue_order_id, reason)))


def _add_intent(tables: Tables, deployment_id: int, order: PlacedOrder) -> None:
    intent = order.intent
    slot = (deployment_id, intent.bar_close, intent.purpose)
    if slot in tables.slots or intent.client_order_id in tables.orders:
        raise ReconciliationError(f"a row is stored already: intent {intent.client_order_id} of {slot}")
    tables.slots[slot] = intent.client_order_id
    tables.log.append(Committed("intents", (intent.client_order_id,), intent))
    _put_order(tables, order, "")


def _book(tables: Tables, epoch: int, booking: Booking, at: datetime) -> None:
    key, place = booking.deployment_id, (booking.venue, booking.symbol)
    before, _ = tables.checkpoints.get(key, (None, None))
    if before is not None and before >= booking.bar_close:
        raise ReconciliationError(f"deployment {key}: the bars up to {booking.bar_close} were booked before")
    tables.checkpoints[key] = booking.bar_close, as_json(booking.state)
    for fill in booking.fills:
        tables.add("fills", (*place, fill.trade_id, fill.part), (key, fill))
    for row in booking.income:
        tables.add("income", (key, row.kind, row.ts), row)
    for point in booking.equity:
        tables.add("equity", (key, point.ts), point)
    for state in booking.orders:
        _advance(tables, OrderStep(state.client_order_id, _progress(state), None, state.reason), at)
    tables.put("positions", (key, booking.symbol), booking.position)
    _add_decision(tables, epoch, booking, at)


def _add_decision(tables: Tables, epoch: int, booking: Booking, at: datetime) -> None:
    if booking.signal is not None:
        signal = replace(booking.signal, decision=as_json(booking.signal.decision))
        tables.add("signals", (booking.deployment_id, signal.bar_close), signal)
    for intent in booking.intents:
        order = PlacedOrder(intent, epoch, None, OrderProgress("INITIALIZED"), at)
        _add_intent(tables, booking.deployment_id, order)


def _alert(tables: Tables, alert: Alert) -> None:
    same = (alert.severity, alert.source, alert.message)
    if alert.severity == "halt" and any(
        (known.severity, known.source, known.message) == same and resolved_at is None
        for known, resolved_at in tables.alerts
    ):
        return
    tables.alerts.append(StandingAlert(alert))
    tables.log.append(Committed("alerts", (len(tables.alerts),), alert))
