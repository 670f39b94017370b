"""The port between a deployment and whoever holds its book: paper, or an account at a venue.

A broker is used by one thread at a time; the trader sees to that.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple, Protocol

from live_runner.book.decision import Decided
from live_runner.book.plan import DeploymentPlan
from quant_pipelines.accounting import Account
from quant_pipelines.accounting.margin import NO_BACKING, Backing
from quant_pipelines.backtest import Book, ExecutionBar
from quant_pipelines.backtest.bar.stops import StopInputs
from quant_pipelines.backtest.book.event_run import EventRun
from quant_pipelines.risk.account_view import OpenExposure
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.trading import Fill, Income, OrderState, Position
from quant_pipelines.trading import BookView
from quant_pipelines.trading.legs import Loss


class Stepped(NamedTuple):
    """What a closed bar did to a book, as it is to be stored with the bar."""

    fills: tuple[Fill, ...] = ()
    income: tuple[Income, ...] = ()
    orders: tuple[OrderState, ...] = ()

    @classmethod
    def of(cls, parts: Sequence["Stepped"]) -> "Stepped":
        """Return what several bars did, in their order."""
        fills, income, orders = (tuple(chain.from_iterable(one)) for one in zip(*parts, strict=True))
        return cls(fills, income, orders)


class Broker(Protocol):
    """Holds the book of one deployment."""

    @property
    def venue(self) -> str:
        """``paper``, or the ccxt id of the exchange."""

    @property
    def account(self) -> Account:
        """Cash and position."""

    @property
    def equity(self) -> float:
        """Equity at the last bar's close, quote."""

    @property
    def paid_in(self) -> Decimal:
        """Capital that it has, quote: at the start, and what was paid in since, less what was taken out."""

    @property
    def stop_tightening(self) -> float:
        """Factor of the equity's slope on the distances of stops; 1 where the broker has no such stop."""

    @property
    def stop_price(self) -> float | None:
        """Level of the tightest stop that stands, quote per base; None where none does."""

    @property
    def n_fills(self) -> int:
        """Number of fills."""

    @property
    def closes_with_bars(self) -> bool:
        """Whether a flattening is decided at the next bar; else the venue's link does it at once."""

    @property
    def waits_for(self) -> str:
        """Why nothing may be decided now, as one clause; empty when something may."""

    @property
    def has_news(self) -> bool:
        """Whether an event strategy has to be told something."""

    @property
    def paper_book(self) -> Book | None:
        """Book whose margin the legs of a set share; None where a venue looks at it."""

    @property
    def lost(self) -> Loss | None:
        """Why it does not hold what was decided for a leg; see ``legs``."""

    @property
    def at_desk(self) -> "AtDesk | None":
        """The event strategy at its desk; None for one that has a target."""

    def learn(self, target: float) -> None:
        """Take up what a leg's target is now, before it is decided on: a loss may end with it."""

    def wake(self) -> None:
        """Have whoever closes at once look at the book."""

    def ahead(self, bars: Sequence[ExecutionBar]) -> EventRun | None:
        """Return the event strategy at a copy of its desk, as it is once these bars are booked, or None."""

    def stops_at(self, bars: Sequence[ExecutionBar]) -> bool:
        """Whether a stop closes what is held, or moves, at the close of these bars: that waits for nobody."""

    def is_booked(self, name: str) -> bool:
        """Whether any fill of an order is booked."""

    def is_open(self, name: str) -> bool:
        """Whether an order that may add to the position may be filled yet."""

    def complete(self, decided: Decided) -> Decided:
        """Return the decision with what it does to an order that still works."""

    def step(self, bar: ExecutionBar, backing: Backing = NO_BACKING) -> Stepped:
        """Take a closed bar; ``backing`` is what the other legs of a set have behind a paper book."""

    def pay(self, amount: Decimal, at_ms: int) -> Income:
        """Pay capital in at the close of the bar that was taken last, or out where it is negative.

        Returns the row that is to be stored with the bar.
        """

    def position(self) -> Position:
        """Position by the decimals, once it is proven that the floats agree.

        Raises
        ------
        ReconciliationError
            If they don't.
        """

    def view(self, *, volatility: float, data_age_seconds: float) -> BookView:
        """Return what a decision sees; what is ordered but not filled counts as held."""

    @property
    def expected_position(self) -> float:
        """Position with what fills for certain, base, signed."""

    def open_orders(self) -> tuple[OpenExposure, ...]:
        """Orders that may still add to the position, those with an unknown outcome included."""

    def checkpoint(self) -> dict[str, Any]:
        """State as a JSON document, from which a restart goes on."""

    def take(self, decided: Decided, now_ms: int) -> None:
        """Take over a decision whose signal and intent are committed."""


class EventBroker(Protocol):
    """What a broker does besides for an event strategy, which places and takes back its orders by itself."""

    needs_approval: bool
    """Whether its account is asked about each order that may open."""

    @property
    def account(self) -> Account:
        """Cash and position."""

    def view(self, *, volatility: float, data_age_seconds: float) -> BookView:
        """Return what a decision sees."""

    def read(self, inputs: StopInputs) -> None:
        """Take over what the stops read at the bar that is decided on."""

    def canceled(self, numbers: tuple[int, ...], reason: str) -> tuple[OrderState, ...]:
        """States of orders that have ended with being taken back."""

    def closing(self, decided: Decided) -> Decided:
        """Return a decision to close as it is to be committed."""

    def kept_orders(self) -> tuple[OpenExposure, ...]:
        """Orders that may still add to the position, without those that were taken back."""


class AtDesk(NamedTuple):
    """An event strategy with its desk, and the broker behind it."""

    run: EventRun
    broker: EventBroker


class Opened(NamedTuple):
    """Broker that goes on where the rows end, and what it was told last.

    Parameters
    ----------
    broker
        The broker.
    booked_until_ms
        Close of the last booked execution bar, milliseconds UTC; None before the first one.
    decided_ms
        Close of the last bar that was decided on, milliseconds UTC; 0 before the first one.
    """

    broker: Broker
    booked_until_ms: int | None
    decided_ms: int


OpenBroker = Callable[[Journal, DeploymentPlan, int], Opened]
"""Opens the broker of a deployment from its rows, for a writer's epoch."""
