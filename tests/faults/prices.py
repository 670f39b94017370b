"""The market as the venue plays it, with jumps that nobody else has seen."""

from decimal import Decimal

from quant_pipelines.simulator.ports import DerivativesPort, MarketPort
from quant_pipelines.simulator.venue.played import SimulatedMarket
from quant_pipelines.simulator.venue.state import BookLevel, MarketDepth, Quote

_TICK = Decimal("0.1")


class GappedMarket(SimulatedMarket):
    """Market of the simulator, a factor away.

    Attributes
    ----------
    factor
        Multiplies every price; 1 is the market that the public endpoints print.
    """

    def __init__(self, market: MarketPort, derivatives: DerivativesPort) -> None:
        super().__init__(market, derivatives)
        self.factor = Decimal(1)

    def quote(self, symbol: str, ts_ms: int) -> Quote:
        """Prices in a second, and what traded in it."""
        quote = super().quote(symbol, ts_ms)
        if self.factor == 1:
            return quote
        return quote._replace(last=self._moved(quote.last), mark=self._moved(quote.mark))

    def depth(self, symbol: str, ts_ms: int) -> MarketDepth:
        """Book in a second."""
        depth = super().depth(symbol, ts_ms)
        return depth if self.factor == 1 else MarketDepth(self._levels(depth.bids), self._levels(depth.asks))

    def _levels(self, levels: list[BookLevel]) -> list[BookLevel]:
        return [(self._moved(price), quantity) for price, quantity in levels]

    def _moved(self, price: Decimal) -> Decimal:
        return (price * self.factor).quantize(_TICK)
