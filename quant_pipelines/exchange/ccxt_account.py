"""The whole of one account at Binance USDⓈ-M: what it holds and what works there, whoever ordered it."""

from decimal import Decimal
from typing import Any, NamedTuple

from quant_pipelines.core.errors import ExchangeRefused
from quant_pipelines.core.orders import Side
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.exchange.errors import translated
from quant_pipelines.exchange.venue_rows import side_of_row
from quant_pipelines.trading.direct import AccountPosition, WorkingOrder

_BOTH = "BOTH"
_NOTIONAL_MARGIN = Decimal("1.1")
"""The smallest order is so much larger than the venue's minimum: the price may fall meanwhile."""


class SmallestOrder(NamedTuple):
    """Quantity of a small order, base; last price and its tick, quote per base."""

    quantity: Decimal
    price: Decimal
    tick_size: Decimal

    def price_at(self, share: Decimal) -> Decimal:
        """Share of the last price, on a tick."""
        return (self.price * share // self.tick_size) * self.tick_size


class CcxtAccount(CcxtOrders):
    """One account, read and cleared as a whole; arguments are those of `CcxtOrders`."""

    def use_demo(self) -> None:
        """Talk to the exchange's demo venue from now on, which has keys of its own."""
        self._client.enable_demo_trading(True)

    async def holdings(self) -> list[AccountPosition]:
        """Positions that are not zero.

        Raises
        ------
        ExchangeUnavailable, ExchangeRefused
            If the venue does not answer, or refuses.
        """
        rows = await self._all("positions", self._client.fapiPrivateV3GetPositionRisk, weight=5)
        held = ((row, Decimal(row["positionAmt"])) for row in rows)
        return [
            AccountPosition(self._symbol(row["symbol"]), quantity, is_hedged=row["positionSide"] != _BOTH)
            for row, quantity in held
            if quantity
        ]

    async def working(self) -> list[WorkingOrder]:
        """Orders and conditional orders that wait, of every symbol."""
        client = self._client
        orders = await self._all("open orders", client.fapiPrivateGetOpenOrders, weight=40)
        stops = await self._all("open stops", client.fapiPrivateGetOpenAlgoOrders, weight=40)
        return [
            *(self._working(row, row["clientOrderId"], is_conditional=False) for row in orders),
            *(self._working(row, row["clientAlgoId"], is_conditional=True) for row in stops),
        ]

    async def cancel_order(self, symbol: str, client_order_id: str) -> None:
        """Cancel an order; that there is none (any more) is fine, and proves nothing.

        Raises
        ------
        ExchangeUnavailable, OutcomeUnknown
            If it may still work.
        """
        wanted = {"symbol": await self._id(symbol), "origClientOrderId": client_order_id}
        try:
            with translated(f"cancel of order {client_order_id}", sends_order=True):
                await self._client.fapiPrivateDeleteOrder(wanted)
        except ExchangeRefused:
            return

    async def rest(self, symbol: str, client_order_id: str, quantity: Decimal, price: Decimal) -> None:
        """Place a buy order that rests in the book, or is refused.

        Raises
        ------
        ExchangeUnavailable, ExchangeRefused, OutcomeUnknown
            If it does not rest, or nobody can tell.
        """
        await self._id(symbol)
        params = {"newClientOrderId": client_order_id, "timeInForce": "GTX"}
        with translated(f"order {client_order_id}", sends_order=True):
            await self._client.create_order(
                symbol, "limit", "buy", format(quantity, "f"), format(price, "f"), params
            )

    async def smallest_order(self, symbol: str) -> SmallestOrder:
        """Read what the smallest order would be now.

        Raises
        ------
        ExchangeUnavailable, ExchangeRefused
            If the venue does not answer, or has no such symbol.
        """
        market_id = await self._id(symbol)
        told = await self._ask(
            "price", self._client.fapiPublicV2GetTickerPrice, {"symbol": market_id}, weight=1
        )
        price, market = Decimal(told["price"]), self._client.markets[symbol]
        lot, tick = (Decimal(str(market["precision"][name])) for name in ("amount", "price"))
        least = Decimal(str(market["limits"]["cost"]["min"] or 0)) * _NOTIONAL_MARGIN
        return SmallestOrder((least / price // lot + 1) * lot, price, tick)

    async def _all(self, what: str, call: Any, *, weight: int) -> list[dict[str, Any]]:
        await self._load()
        return list(await self._ask(what, call, {}, weight=weight))

    def _symbol(self, market_id: str) -> str:
        """Our name of a market; the venue's own where it trades something that we know nothing of."""
        known = self._client.markets_by_id.get(market_id)
        return str(known[0]["symbol"]) if known else market_id

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
