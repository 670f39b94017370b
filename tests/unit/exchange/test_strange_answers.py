"""An answer that can't be read is no refusal, and a number that is none is booked by nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from ccxt.base.errors import OperationRejected

from quant_pipelines.core.errors import ExchangeUnavailable, OutcomeUnknown
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.exchange.venue_rows import balance_of, event_of, order_of, position_of, stop_of, trade_of
from quant_pipelines.trading.venue import LimitOrder, MarketOrder, VenueOrder

SYMBOL = "BTC/USDT:USDT"
ANSWER = {"clientOrderId": "q1", "orderId": "1", "status": "NEW", "executedQty": "0", "price": "0"}
STRANGE: list[dict[str, Any]] = [
    {**ANSWER, "status": "PENDING_NEW"},
    {**ANSWER, "executedQty": "NaN"},
    {**ANSWER, "executedQty": None},
    {**ANSWER, "price": ""},
    {name: value for name, value in ANSWER.items() if name != "status"},
]
TRADE = {
    "id": 1,
    "orderId": 2,
    "side": "BUY",
    "qty": "1",
    "price": "100",
    "commission": "0.1",
    "time": 0,
    "realizedPnl": "0",
}
HELD = {"positionAmt": "1", "positionSide": "BOTH", "markPrice": "100"}


class Answered(CcxtOrders):
    """A venue that takes each order and answers so."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(ExchangeSettings(base_url="http://127.0.0.1:9"), "", "")
        self._answer = answer

    async def _order(self, *_arguments: Any) -> Any:
        return self._answer


class Refusing(Answered):
    """A venue whose symbols need not be loaded."""

    async def _id(self, symbol: str) -> str:
        return symbol


async def at_market(venue: CcxtOrders) -> VenueOrder:
    return await venue.send(MarketOrder("q1", SYMBOL, "buy", Decimal(1), 0))


async def at_a_limit(venue: CcxtOrders) -> VenueOrder:
    return await venue.place_limit(LimitOrder("q1", SYMBOL, "buy", Decimal(1), Decimal(90), 0))


@pytest.mark.parametrize("answer", STRANGE)
@pytest.mark.parametrize("send", [at_market, at_a_limit])
def test_an_order_that_was_taken_and_is_told_strangely_is_looked_up(
    send: Callable[[CcxtOrders], Awaitable[VenueOrder]], answer: dict[str, Any]
) -> None:
    async def sent() -> None:
        async with Answered(answer) as venue:
            await send(venue)

    with pytest.raises(OutcomeUnknown, match="order q1"):
        asyncio.run(sent())


@pytest.mark.parametrize("strange", ["NaN", "Infinity", "", None, "much"])
def test_a_number_that_is_none_is_an_answer_that_can_not_be_read(strange: Any) -> None:
    stop = {"clientAlgoId": "s", "algoId": 7, "side": "SELL", "closePosition": True, "algoStatus": "NEW"}
    funds = {"totalUnrealizedProfit": "0", "totalMaintMargin": "0", "availableBalance": "0"}
    reads: list[Callable[[], Any]] = [
        lambda: order_of({**ANSWER, "executedQty": strange}),
        lambda: trade_of({**TRADE, "qty": strange}),
        lambda: trade_of({**TRADE, "commission": strange}),
        lambda: position_of({**HELD, "positionAmt": strange}, SYMBOL),
        lambda: balance_of({**funds, "totalWalletBalance": strange}),
        lambda: stop_of({**stop, "triggerPrice": "90", "quantity": "NaN"}),
    ]
    for read in reads:
        with pytest.raises(ExchangeUnavailable, match="expected a number"):
            read()


@pytest.mark.parametrize("strange", ["NaN", "Infinity", "", None])
def test_a_price_that_is_not_known_is_none(strange: Any) -> None:
    held = position_of({**HELD, "markPrice": strange, "liquidationPrice": strange}, SYMBOL)
    assert (held.quantity, held.mark_price, held.liquidation_price) == (1, None, None)


def test_a_fill_of_no_number_is_swept_for() -> None:
    row = {"s": "BTCUSDT", "X": "FILLED", "z": "1", "c": "q1", "i": 1, "p": "0", "x": "TRADE", "t": 5}
    row |= {"S": "BUY", "l": "NaN", "L": "100", "n": "0.1", "T": 0, "rp": "0"}
    assert event_of({"e": "ORDER_TRADE_UPDATE", "o": row}, SYMBOL, "BTCUSDT") == (None,)


@pytest.mark.parametrize(("code", "is_told"), [("-2011", False), ("-2015", True), ("-1021", True)])
@pytest.mark.parametrize("what", ["order", "stop"])
def test_a_cancel_that_is_refused_is_told_unless_there_was_nothing(
    what: str, code: str, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(*_wanted: Any) -> None:
        raise OperationRejected(f'binanceusdm {{"code":{code},"msg":"no"}}')

    async def cancel() -> None:
        async with Refusing({}) as venue:
            venue._client.fapiPrivateDeleteOrder = venue._client.cancel_order = refuse
            await (venue.cancel_order if what == "order" else venue.cancel_stop)(SYMBOL, "q1")

    asyncio.run(cancel())
    assert [code in record.getMessage() for record in caplog.records] == [True] * is_told
