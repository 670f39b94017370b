"""What every part of the venue works on: its books, its contracts, the prices and the time of now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from quant_pipelines.simulator.venue.contract import Contract
from quant_pipelines.simulator.venue.ledger import Ledger
from quant_pipelines.simulator.venue.records import ZERO
from quant_pipelines.simulator.venue.refusals import refusal

BookLevel: TypeAlias = tuple[Decimal, Decimal]
"""Price and quantity."""


class Quote(NamedTuple):
    """Prices of one symbol at one moment.

    Parameters
    ----------
    ts_ms
        Market time.
    last, mark
        Last traded price and mark price, quote per base.
    traded
        Quantity that traded at ``last`` since the quote before; limit orders in the book get no more than
        this. None sets no bound.
    """

    ts_ms: int
    last: Decimal
    mark: Decimal
    traded: Decimal | None = None


class MarketDepth(NamedTuple):
    """Resting quantity of other traders, best price first."""

    bids: list[BookLevel]
    asks: list[BookLevel]


DepthSource: TypeAlias = Callable[[str, int], MarketDepth]
"""Book of a symbol at a moment."""


@dataclass(slots=True)
class Venue:
    """The venue.

    Parameters
    ----------
    ledger
        Its books.
    contracts
        What it lists, by symbol.
    depth
        Book that takers meet.
    now_ms
        Time of the event or request that is being handled; whoever hands it in sets it.
    quotes
        Latest prices, by symbol.
    taken
        Quantity that our takers have taken from each side of the book since the last quote.
    warned
        Symbols whose position is close to liquidation and whose owner has been told.
    halted
        Symbols that take no order for now; a stop that triggers meanwhile is rejected.
    """

    ledger: Ledger
    contracts: Mapping[str, Contract]
    depth: DepthSource
    now_ms: int = 0
    quotes: dict[str, Quote] = field(default_factory=dict)
    taken: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    warned: set[str] = field(default_factory=set)
    halted: set[str] = field(default_factory=set)

    def quote(self, symbol: str) -> Quote:
        """Latest prices of a symbol.

        Raises
        ------
        VenueError
            -1000 if nothing has been played yet.
        """
        if symbol not in self.quotes:
            raise refusal("unknown")
        return self.quotes[symbol]

    def set_quote(self, symbol: str, quote: Quote) -> None:
        """Play one price; the book is full again."""
        self.quotes[symbol] = quote
        self.taken[symbol, "BUY"] = self.taken[symbol, "SELL"] = ZERO
