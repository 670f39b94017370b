"""The simulator's market, as the venue sees it: the very numbers that its public endpoints print."""

from decimal import Decimal

from quant_pipelines.simulator.book import Level, book_at
from quant_pipelines.simulator.ports import DerivativesPort, MarketPort
from quant_pipelines.simulator.venue.play import DueFunding
from quant_pipelines.simulator.venue.state import BookLevel, MarketDepth, Quote


class SimulatedMarket:
    """Market of the simulator.

    Parameters
    ----------
    market, derivatives
        What is played.
    """

    def __init__(self, market: MarketPort, derivatives: DerivativesPort) -> None:
        self._market = market
        self._derivatives = derivatives

    def quote(self, symbol: str, ts_ms: int) -> Quote:
        """Prices in a second, and what traded in it; where mark is not known, the last price stands in."""
        listing, second = self._market.listings[symbol], self._market.second(symbol, ts_ms)
        mark = self._derivatives.mark_price(listing, ts_ms)
        return Quote(
            ts_ms=ts_ms,
            last=Decimal(f"{second.price:.{listing.price_decimals}f}"),
            mark=Decimal(f"{second.price if mark is None else mark:.8f}"),
            traded=Decimal(f"{second.quantity:.{listing.quantity_decimals}f}"),
        )

    def depth(self, symbol: str, ts_ms: int) -> MarketDepth:
        """Book in a second."""
        book = book_at(self._market, self._market.listings[symbol], ts_ms)
        return MarketDepth(_levels(book.bids), _levels(book.asks))

    def funding(self, symbol: str, ts_ms: int) -> DueFunding | None:
        """Funding that is due at exactly this moment; its stamp is a few milliseconds later."""
        listing = self._market.listings[symbol]
        if ts_ms not in self._derivatives.slots(listing, ts_ms, ts_ms):
            return None
        funding = self._derivatives.funding(listing, ts_ms)
        mark = self.quote(symbol, ts_ms).mark if funding.mark_price is None else funding.mark_price
        return DueFunding(Decimal(f"{funding.rate:.8f}"), Decimal(f"{mark:.8f}"))


def _levels(levels: list[Level]) -> list[BookLevel]:
    return [(Decimal(price), Decimal(quantity)) for price, quantity in levels]
