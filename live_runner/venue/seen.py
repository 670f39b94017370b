"""What an event strategy sees of its book at a venue: values of one moment, which no fill changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from quant_pipelines.accounting import Account
from quant_pipelines.store.trading import Position
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading import BookView

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class SeenAtVenue:
    """Position and orders of a deployment as they were; see `resting_book.AtVenue`.

    Parameters
    ----------
    account, equity, close
        Cash and position; quote; quote per base.
    held
        Position by the decimals.
    seen
        What a decision sees.
    orders
        Those that the strategy sees or is to be told of, by their names.
    booked, missing
        Base that is booked of each, and that is filled and not booked yet.
    """

    account: Account
    equity: float
    close: float
    held: Position
    seen: BookView
    orders: Mapping[str, PlacedOrder]
    booked: Mapping[str, Decimal]
    missing: Mapping[str, Decimal]

    def position(self) -> Position:
        """Position by the decimals."""
        return self.held

    def view(self, *, volatility: float, data_age_seconds: float) -> BookView:
        """Return what a decision sees."""
        return self.seen._replace(volatility=float(volatility), data_age_seconds=float(data_age_seconds))

    def filled(self, name: str) -> Decimal:
        """Return the base that is booked of an order."""
        return self.booked.get(name, _ZERO)

    def unbooked(self, name: str) -> Decimal:
        """Quantity that the venue says was filled, and is not booked yet."""
        return self.missing[name]
