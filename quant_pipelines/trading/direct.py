"""An account as the venue alone knows it: positions and orders, whoever they are of."""

from typing import NamedTuple, Protocol

from quant_pipelines.core.orders import Side
from quant_pipelines.trading.flatten import ClosingTerms
from quant_pipelines.trading.venue import AccountPosition, MarketOrder, VenueOrder


class WorkingOrder(NamedTuple):
    """Order that waits at the venue.

    Parameters
    ----------
    symbol, name, side
        Of what, our or somebody's name for it, and what it would do.
    reduces
        Whether it can only reduce a position.
    is_conditional
        Whether it is a stop or a take-profit, which the venue keeps apart.
    """

    symbol: str
    name: str
    side: Side
    reduces: bool
    is_conditional: bool


class AccountVenue(Protocol):
    """An account at a venue, as a whole; errors are those of `OrderVenue`."""

    async def holdings(self) -> list[AccountPosition]:
        """Positions that are not zero."""

    async def working(self) -> list[WorkingOrder]:
        """Orders and conditional orders that wait, of every symbol."""

    async def cancel_order(self, symbol: str, client_order_id: str) -> None:
        """Cancel an order; that there is none (any more) is fine, and proves nothing."""

    async def cancel_stop(self, symbol: str, client_order_id: str) -> None:
        """Cancel a conditional order, likewise."""

    async def send(self, order: MarketOrder) -> VenueOrder:
        """Send an order that is done at once."""

    async def closing_terms(self, symbol: str) -> ClosingTerms:
        """Tell what the venue takes of an order that closes."""

    async def now_ms(self) -> int:
        """Tell the venue's time."""
