"""What a position's liquidation price is: the venue's word, else what margin and brackets make of it."""

import asyncio
import math
from decimal import Decimal
from typing import NamedTuple

from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.risk.liquidation import MarginThen, liquidation_of
from quant_pipelines.trading.execution import Bracket, Execution
from quant_pipelines.trading.venue import AccountPosition, OrderVenue

_SECONDS = 1.0
"""How long the venue may take to tell: what is held is looked after meanwhile by nobody."""
_AGAIN_SECONDS = 30.0
"""How long a price counts while the position is the same: wallet and other positions move it slowly."""


class _Computed(NamedTuple):
    quantity: Decimal
    price: Decimal | None
    until: float


class LiquidationPrices:
    """Prices of one symbol of an account.

    Parameters
    ----------
    venue
        The account.

    Attributes
    ----------
    fault
        Why nobody knows the price, in one sentence; empty while it is known.
    """

    def __init__(self, venue: OrderVenue) -> None:
        self._venue = venue
        self._brackets: tuple[Bracket, ...] = ()
        self._brackets_until = 0.0
        self._computed = _Computed(Decimal(0), None, 0.0)
        self.fault = ""

    async def completed(self, held: AccountPosition) -> AccountPosition:
        """Position with its liquidation price; None stays where no price liquidates it, or with a fault."""
        self.fault = ""
        if not held.quantity or held.liquidation_price is not None:
            return held
        known, now = self._computed, asyncio.get_running_loop().time()
        if known.quantity != held.quantity or now >= known.until:
            try:
                async with asyncio.timeout(_SECONDS):
                    price = await self._price(held, now)
            except (ExchangeError, TimeoutError, ValueError) as error:
                why = str(error) or "it did not answer in time"
                self.fault = f"the venue tells no liquidation price, and it can't be computed: {why}"
                return held
            self._computed = known = _Computed(held.quantity, price, now + _AGAIN_SECONDS)
        return held._replace(liquidation_price=known.price)

    async def _price(self, held: AccountPosition, now: float) -> Decimal | None:
        if now >= self._brackets_until:
            self._brackets = await self._venue.brackets(held.symbol)
            self._brackets_until = now + DAY_MS / 1000
        terms = Execution(brackets=self._brackets).margin
        price = liquidation_of(float(held.quantity), await self._margin(held), terms)
        return None if price is None else Decimal(repr(price))

    async def _margin(self, held: AccountPosition) -> MarginThen:
        mark = math.nan if held.mark_price is None else float(held.mark_price)
        if held.isolated_margin:
            return MarginThen(mark, float(held.isolated_margin), 0.0)
        balance = await self._venue.balance()
        return MarginThen(mark, float(balance.margin), float(balance.maintenance))
