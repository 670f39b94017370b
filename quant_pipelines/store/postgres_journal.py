"""`Journal` over PostgreSQL: each method is one function of the store, each write one transaction."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg import IntegrityError as RefusedRow
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from quant_pipelines.core.asof import KnownPoints
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.core.price_factors import PriceFactor
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.stages import LADDER
from quant_pipelines.store import certificates, deployments, heartbeats, outages, trading, venue_orders
from quant_pipelines.store.bars import read_bars
from quant_pipelines.store.certificates import Permits
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.epochs import open_epoch
from quant_pipelines.store.heartbeats import Alert, Heartbeat
from quant_pipelines.store.journal import Controls
from quant_pipelines.store.known_points import read_points
from quant_pipelines.store.market_events import Levels, read_books
from quant_pipelines.store.price_factors import read_factors
from quant_pipelines.store.rearmed import gains_of, read_rearmed
from quant_pipelines.store.stored_books import read_book
from quant_pipelines.store.trading import Booking, Intent, StoredBook
from quant_pipelines.store.venue_orders import OrderStep, PlacedOrder, Received


@dataclass(frozen=True, slots=True)
class PostgresMarket:
    """`MarketRows` over an engine; see there."""

    engine: Engine

    def bars(self, series: Series, window: Window) -> Bars:
        return read_bars(self.engine, series, window)

    def factors(self, exchange: str, symbol: str) -> tuple[PriceFactor, ...]:
        return read_factors(self.engine, exchange, symbol)

    def points(self, exchange: str, symbol: str, name: str, window: Window) -> KnownPoints:
        return read_points(self.engine, exchange, symbol, name, window)

    def books(self, exchange: str, symbol: str, window: Window) -> list[tuple[int, Levels, Levels]]:
        return read_books(self.engine, exchange, symbol, window)


@dataclass(frozen=True, slots=True)
class PostgresJournal:
    """`Journal` over an engine; see there."""

    engine: Engine

    @property
    def market(self) -> PostgresMarket:
        return PostgresMarket(self.engine)

    def open_epoch(self, writer: str, at: datetime) -> int:
        return open_epoch(self.engine, writer, at)

    def seed_limits(self, limits: dict[str, float], at: datetime) -> None:
        deployments.seed_limits(self.engine, limits, at)

    def read_controls(self) -> Controls:
        limits, halts = deployments.read_limits(self.engine), heartbeats.read_halts(self.engine)
        with transaction(self.engine) as connection:
            gains = gains_of(heartbeats.read_heartbeats(connection))
            return Controls(limits, halts, read_rearmed(connection), gains)

    def read_deployments(self) -> list[Deployment]:
        return deployments.read_deployments(self.engine, LADDER, with_leaving=True)

    def read_permits(self, deployment: Deployment, version: str) -> Permits:
        of_code = (self.engine, deployment.exchange, version)
        return Permits(
            deployments.has_approval(self.engine, deployment),
            certificates.is_certified(*of_code),
            certificates.has_safe_timer(*of_code),
        )

    def read_book(self, deployment_id: int) -> StoredBook:
        return read_book(self.engine, deployment_id)

    def read_orders(self, deployment_id: int) -> list[PlacedOrder]:
        return venue_orders.read_orders(self.engine, deployment_id)

    def book(self, epoch: int, booking: Booking, at: datetime, beside: Sequence[Booking] = ()) -> None:
        with _each_once():
            trading.book(self.engine, epoch, booking, at, beside)

    def book_decision(
        self, epoch: int, booking: Booking, at: datetime, beside: Sequence[Booking] = ()
    ) -> None:
        with _each_once():
            trading.book_decision(self.engine, epoch, booking, at, beside)

    def add_order(self, epoch: int, deployment: Deployment, intent: Intent, at: datetime) -> None:
        with _each_once():
            venue_orders.add_order(self.engine, epoch, deployment, intent, at)

    def follow_order(self, epoch: int, step: OrderStep, at: datetime) -> None:
        venue_orders.follow_order(self.engine, epoch, step, at)

    def receive(self, epoch: int, received: Sequence[Received], at: datetime) -> None:
        with _each_once():
            venue_orders.receive(self.engine, epoch, received, at)

    def write_alert(self, alert: Alert) -> None:
        if alert.severity == "halt":
            heartbeats.write_halt(self.engine, alert.source, heartbeats.trip_of(alert._asdict()), alert.at)
        else:
            heartbeats.write_alert(self.engine, alert)

    def follow_standing(self, scope: str, found: Iterable[Alert], at: datetime) -> None:
        outages.follow_standing(self.engine, scope, found, at)

    def write_heartbeat(self, heartbeat: Heartbeat) -> None:
        heartbeats.write_heartbeat(self.engine, heartbeat)


@contextmanager
def _each_once() -> Iterator[None]:
    """Say of a row whose key is taken that it contradicts the rows."""
    try:
        yield
    except (IntegrityError, RefusedRow) as error:
        cause = error.orig if isinstance(error, IntegrityError) else error
        raise ReconciliationError(f"a row is stored already: {' '.join(str(cause).split())}") from error
