"""The whole of one account at Binance USDⓈ-M: what it holds and what works there, whoever ordered it."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from quant_pipelines.core.orders import Side
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.exchange.venue_rows import each, side_of_row
from quant_pipelines.trading.direct import WorkingOrder

_NOTIONAL_MARGIN = Decimal("1.1")
"""The smallest order is so much larger than the venue's minimum: the price may fall meanwhile."""
_OF_ALL_SYMBOLS = 40
"""Weight of a list that no symbol narrows."""


class SmallestOrder(NamedTuple):
    """Quantity of a small order, base; last price and its tick, quote per base."""

    quantity: Decimal
    price: Decimal
    tick_size: Decimal

    def price_at(self, share: Decimal) -> Decimal:
        """Share of the last price, on a tick."""
        return (self.price * share // self.tick_size) * self.tick_size


class CcxtAccount(CcxtOrders):
    """One account, read and cleared as a whole; arguments are those of `CcxtReads`."""

    def use_demo(self) -> None:
        """Talk to the exchange's demo venue from now on, which has keys of its own."""
        self._client.enable_demo_trading(True)

    async def working(self) -> list[WorkingOrder]:
        """Orders and conditional orders that wait, of every symbol."""
        client = self._client
        return [
            *await self._all("open orders", client.fapiPrivateGetOpenOrders, self._working_order),
            *await self._all("open stops", client.fapiPrivateGetOpenAlgoOrders, self._working_stop),
        ]

    async def smallest_order(self, symbol: str) -> SmallestOrder:
        """Read what the smallest order would be now.

        Raises
        ------
        ExchangeUnavailable, ExchangeRefused
            If the venue does not answer, or has no such symbol.
        """
        market_id = await self._id(symbol)
        call, wanted = self._client.fapiPublicV2GetTickerPrice, {"symbol": market_id}
        price = await self._ask("price", call, wanted, weight=1, read=lambda told: Decimal(told["price"]))
        market = self._client.markets[symbol]
        lot, tick = (Decimal(str(market["precision"][name])) for name in ("amount", "price"))
        least = Decimal(str(market["limits"]["cost"]["min"] or 0)) * _NOTIONAL_MARGIN
        return SmallestOrder((least / price // lot + 1) * lot, price, tick)

    async def _all(
        self, what: str, call: Any, read: Callable[[dict[str, Any]], WorkingOrder]
    ) -> list[WorkingOrder]:
        await self._load()
        return await self._ask(what, call, {}, weight=_OF_ALL_SYMBOLS, read=partial(each, read))

    def _working_order(self, row: dict[str, Any]) -> WorkingOrder:
        return self._working(row, row["clientOrderId"], is_conditional=False)

    def _working_stop(self, row: dict[str, Any]) -> WorkingOrder:
        return self._working(row, row["clientAlgoId"], is_conditional=True)

    def _working(self, row: dict[str, Any], name: str, *, is_conditional: bool) -> WorkingOrder:
        side: Side = side_of_row(row)
        reduces = bool(row["reduceOnly"]) or bool(row["closePosition"])
        return WorkingOrder(
            self._symbol(row["symbol"]), str(name), side, reduces=reduces, is_conditional=is_conditional
        )


def demo_account(settings: ExchangeSettings, key: str, secret: str) -> CcxtAccount:
    """Account at the exchange's demo venue; where the settings name an address, at that one."""
    account = CcxtAccount(settings, key, secret)
    if settings.base_url is None:
        account.use_demo()
    return account
