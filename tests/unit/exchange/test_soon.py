"""A venue that is silent keeps nobody waiting: what it was asked to change is looked up instead."""

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from quant_pipelines.core.errors import OutcomeUnknown
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.trading.venue import LimitOrder


async def silent(*_wanted: Any) -> None:
    await asyncio.Event().wait()


class SilentOrders(CcxtOrders):
    """Reaches nobody."""

    async def _id(self, symbol: str) -> str:
        return symbol


@pytest.mark.parametrize("what", ["change of order", "cancel of order", "cancel of stop"])
def test_a_silent_venue_leaves_the_outcome_unknown_within_a_second(what: str) -> None:
    async def ask() -> None:
        orders = SilentOrders(ExchangeSettings(base_url="http://127.0.0.1:1"), "", "")
        client, orders._client = (
            orders._client,
            SimpleNamespace(fapiPrivatePutOrder=silent, fapiPrivateDeleteOrder=silent, cancel_order=silent),
        )
        try:
            if what == "change of order":
                await orders.amend(LimitOrder("x", "BTC", "buy", Decimal(1), Decimal(2), 0))
            elif what == "cancel of order":
                await orders.cancel_order("BTC", "x")
            else:
                await orders.cancel_stop("BTC", "x")
        finally:
            await client.close()

    with pytest.raises(OutcomeUnknown, match=f"did not answer {what} x within 1 s"):
        asyncio.run(asyncio.wait_for(ask(), 30.0))
