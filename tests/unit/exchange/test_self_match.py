"""Every order says what happens if it would trade with one of ours."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.trading.venue import LimitOrder, MarketOrder, StopOrder

SYMBOL = "BTC/USDT:USDT"
ANSWER = {"clientOrderId": "q1", "orderId": "1", "status": "NEW", "executedQty": "0", "price": "0"}


class Recorded(CcxtOrders):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__(ExchangeSettings(base_url="http://127.0.0.1:9"), "", "")
        self.sent: list[dict[str, Any]] = []

    async def _order(self, *arguments: Any) -> Any:
        self.sent.append(arguments[-1])
        return {"info": ANSWER, **ANSWER}


def test_orders_and_stops_name_the_mode_of_self_trade_prevention() -> None:
    async def send() -> list[dict[str, Any]]:
        async with Recorded() as venue:
            await venue.send(MarketOrder("q1", SYMBOL, "buy", Decimal(1), 0))
            await venue.place_limit(LimitOrder("q3", SYMBOL, "buy", Decimal(1), Decimal(90), 0))
            await venue.place_stop(StopOrder("q2", SYMBOL, "sell", Decimal(90), 0))
            return venue.sent

    assert [one["selfTradePreventionMode"] for one in asyncio.run(send())] == ["EXPIRE_MAKER"] * 3


def test_a_stop_closes_all_or_reduces_unless_it_may_open() -> None:
    async def send() -> list[set[str]]:
        async with Recorded() as venue:
            whole = StopOrder("q2", SYMBOL, "sell", Decimal(90), 0)
            part = replace(whole, quantity=Decimal(1))
            for stop in (whole, part, replace(part, reduce_only=False)):
                await venue.place_stop(stop)
            return [{"closePosition", "reduceOnly"} & one.keys() for one in venue.sent]

    assert asyncio.run(send()) == [{"closePosition"}, {"reduceOnly"}, set()]
