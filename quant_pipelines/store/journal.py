"""The port to the rows of the live runner: whoever trades reads and writes them through this alone.

A write is stored whole or not at all. `StoreError` out of one means that nobody knows which: read again.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol

from quant_pipelines.core.asof import KnownPoints
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.price_factors import PriceFactor
from quant_pipelines.core.series import Series, Window
from quant_pipelines.store.certificates import Permits
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.heartbeats import Alert, Heartbeat
from quant_pipelines.store.market_events import Levels
from quant_pipelines.store.rearmed import Rearmed
from quant_pipelines.store.trading import Booking, Intent, StoredBook
from quant_pipelines.store.venue_orders import OrderStep, PlacedOrder, Received
from quant_pipelines.trading.breaker import Trip


class Controls(NamedTuple):
    """What operators and breakers allow, and what they did.

    Parameters
    ----------
    limits
        In force, by scope and name.
    halts
        In force, by source.
    rearmed
        The newest re-arming of each source and event.
    gains
        Highest gain over its capital that each account had, quote, by the last sign of life of a runner.
    """

    limits: dict[str, dict[str, float]]
    halts: dict[str, tuple[Trip, ...]]
    rearmed: tuple[Rearmed, ...] = ()
    gains: Mapping[int, float] = MappingProxyType({})


class MarketRows(Protocol):
    """What others stored of the market; every read is of one moment, oldest first, and empty without rows."""

    def bars(self, series: Series, window: Window) -> Bars:
        """Bars with open times in a window."""

    def factors(self, exchange: str, symbol: str) -> tuple[PriceFactor, ...]:
        """Factors of a symbol's prices at redenominations and splits."""

    def points(self, exchange: str, symbol: str, name: str, window: Window) -> KnownPoints:
        """Values of one input with times in a window, and when each was known."""

    def books(self, exchange: str, symbol: str, window: Window) -> list[tuple[int, Levels, Levels]]:
        """Order books that became known in a window: when (ms), bids, asks."""


class Journal(Protocol):
    """Rows of the runner.

    Every method that takes an epoch raises `StoreError` once a later one was opened, and every one of them
    raises it while the rows are away. `ReconciliationError`: what is written contradicts what is stored.

    Attributes
    ----------
    market
        What others stored of the market.
    """

    @property
    def market(self) -> MarketRows: ...  # noqa: D102

    def open_epoch(self, writer: str, at: datetime) -> int:
        """Begin a new writer's epoch, once every write of the writer before has ended."""

    def seed_limits(self, limits: dict[str, float], at: datetime) -> None:
        """Store the account's limits where none are stored yet."""

    def read_controls(self) -> Controls:
        """Limits and halts in force, and what a restart must still know of those that ended."""

    def read_deployments(self) -> list[Deployment]:
        """Read what is traded, and what has left but still holds or orders something; oldest first."""

    def read_permits(self, deployment: Deployment, version: str) -> Permits:
        """Whether real orders of a deployment are approved, and this version of the code is certified."""

    def read_book(self, deployment_id: int) -> StoredBook:
        """Everything a restart needs for one deployment, as of one moment."""

    def read_orders(self, deployment_id: int) -> list[PlacedOrder]:
        """Every order of a deployment, oldest first."""

    def book(self, epoch: int, booking: Booking, at: datetime, beside: Sequence[Booking] = ()) -> None:
        """Store what closed bars did; refused if they, a fill or an intent of theirs are stored already.

        ``beside``: those of the other legs of its set, which are stored with it or not at all.
        """

    def book_decision(
        self, epoch: int, booking: Booking, at: datetime, beside: Sequence[Booking] = ()
    ) -> None:
        """Store a decision that was taken after its bar was booked, with the state after it.

        Refused if a later bar is booked. ``beside`` as in `book`.
        """

    def add_order(self, epoch: int, deployment: Deployment, intent: Intent, at: datetime) -> None:
        """Store an intent that no bar's booking carries, as about to be sent."""

    def follow_order(self, epoch: int, step: OrderStep, at: datetime) -> None:
        """Store how far an order is; refused if its state would go back."""

    def receive(self, epoch: int, received: Sequence[Received], at: datetime) -> None:
        """Book what was filled and paid, of several books as one; refused if one was booked before."""

    def write_alert(self, alert: Alert) -> None:
        """Store an alert; a halt that stands for the same reason already stays as it is."""

    def follow_standing(self, scope: str, found: Iterable[Alert], at: datetime) -> None:
        """Write an alert for each outage of a scope that begins, and the end of each that is over."""

    def write_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Replace a service's sign of life."""
