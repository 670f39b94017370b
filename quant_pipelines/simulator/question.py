"""One question to a public endpoint: who is asked, for what, and when."""

from typing import Any, NamedTuple

from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import DerivativesPort, MarketPort
from quant_pipelines.simulator.queries import Query, VenueError


class Question(NamedTuple):
    """A request's parameters, the market that they are about, and the venue's time."""

    market: MarketPort
    derivatives: DerivativesPort
    query: Query
    now_ms: int

    def trading(self) -> list[Listing]:
        """Contract named by the optional ``symbol``, else all, as far as they are trading.

        Raises
        ------
        VenueError
            -1122 if the one that is named is not.
        """
        listings = self.query.listings(self.market.listings)
        trading = [one for one in listings if self.market.is_trading(one.name, self.now_ms)]
        if self.query.values.get("symbol") and not trading:
            raise VenueError(-1122, "Invalid symbol status.")
        return trading

    def one_or_all(self, rows: list[dict[str, Any]]) -> Any:
        """Document of the symbol that was asked for, else all; what is missing is an empty list."""
        return rows[0] if rows and self.query.values.get("symbol") else rows
