"""The market as the venue plays it, with jumps that nobody else has seen."""

from decimal import Decimal

from quant_pipelines.simulator.ports import DerivativesPort, MarketPort
from quant_pipelines.simulator.venue.played import SimulatedMarket
from quant_pipelines.simulator.venue.state import BookLevel, MarketDepth, Quote

_TICK, _LOT = Decimal("0.1"), Decimal("0.001")


class GappedMarket(SimulatedMarket):
    """Market of the simulator, a factor away.

    Attributes
    ----------
    factor
        Multiplies every price; 1 is the market that the public endpoints print.
    share
        Multiplies every quantity in the book.
    """

    def __init__(self, market: MarketPort, derivatives: DerivativesPort) -> None:
        super().__init__(market, derivatives)
        self.factor = self.share = Decimal(1)

    def quote(self, symbol: str, ts_ms: int) -> Quote:
        """Prices in a second, and what traded in it."""
        quote = super().quote(symbol, ts_ms)
        if self.factor == 1:
            return quote
        return quote._replace(last=self._moved(quote.last), mark=self._moved(quote.mark))

    def depth(self, symbol: str, ts_ms: int) -> MarketDepth:
        """Book in a second."""
        depth = super().depth(symbol, ts_ms)
        if self.factor == self.share == 1:
            return depth
        return MarketDepth(self._levels(depth.bids), self._levels(depth.asks))

    def _levels(self, levels: list[BookLevel]) -> list[BookLevel]:
        left = ((self._moved(price), (quantity * self.share).quantize(_LOT)) for price, quantity in levels)
        return [level for level in left if level[1]]

    def _moved(self, price: Decimal) -> Decimal:
        return (price * self.factor).quantize(_TICK)
