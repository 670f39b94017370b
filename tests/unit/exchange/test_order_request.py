"""Orders that are no stops reach the venue as ccxt's own ``create_order`` would send them."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from yarl import URL

from quant_pipelines.core.errors import ExchangeRefused, OutcomeUnknown
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.exchange.order_request import send_order
from quant_pipelines.trading.venue import LimitOrder, MarketOrder

SYMBOL = "BTC/USDT:USDT"
ANSWER = '{"clientOrderId": "q1-x", "orderId": 1, "status": "NEW", "executedQty": "0", "price": "0"}'
KINDS = ("spot", "margin", "swap", "future", "option", "linear", "inverse", "contract")
MARKET = {
    **dict.fromkeys(KINDS, False),
    **dict.fromkeys(("swap", "linear", "contract"), True),
    "id": "BTCUSDT",
    "symbol": SYMBOL,
    "type": "swap",
    "base": "BTC",
    "quote": "USDT",
    "settle": "USDT",
    "precision": {"amount": 0.001, "price": 0.1},
    "limits": {"amount": {"min": 0.001}},
    "info": {"orderTypes": ["MARKET", "LIMIT"]},
}
NOW_MS = 1_767_225_600_123
EVERY = {"selfTradePreventionMode": "EXPIRE_MAKER", "timestamp": NOW_MS, "recvWindow": 2000}
REDUCES = {"reduceOnly": True}


class Venue:
    """Answers every order alike, and keeps what was sent."""

    def __init__(self, answer: str = ANSWER) -> None:
        self.headers = dict[str, str]()
        self.answer, self.sent = answer, list[tuple[str, bytes, dict[str, str]]]()

    @asynccontextmanager
    async def post(
        self, url: URL, *, data: bytes, headers: dict[str, str], **_more: Any
    ) -> AsyncIterator[Any]:
        self.sent.append((str(url), data, headers))

        async def text(**_more: Any) -> str:
            return self.answer

        yield SimpleNamespace(status=200, reason="OK", headers={}, text=text)

    async def close(self) -> None:
        """End."""


class Orders(CcxtOrders):
    """Knows one market without asking."""

    def __init__(self, venue: Venue) -> None:
        settings = ExchangeSettings(base_url="http://127.0.0.1:9")
        super().__init__(settings, "key", "secret", clock=lambda: NOW_MS, open_session=lambda: venue)
        self.client = self._client
        self.client.markets, self.client.markets_by_id = {SYMBOL: MARKET}, {"BTCUSDT": [MARKET]}


MARKET_ORDER = MarketOrder("q1-x", SYMBOL, "sell", Decimal("0.0509"), NOW_MS)
LIMIT_ORDER = LimitOrder("q1-x", SYMBOL, "buy", Decimal("0.050"), Decimal("90000.10"), NOW_MS)
NAMED = {"newClientOrderId": "q1-x"}
OF_SEND = NAMED | EVERY
AT_ONCE = {"timeInForce": "IOC"}


@pytest.mark.parametrize(
    ("order", "kind", "price", "params"),
    [
        (MARKET_ORDER, "market", None, OF_SEND),
        (replace(MARKET_ORDER, reduce_only=True), "market", None, OF_SEND | REDUCES),
        (replace(MARKET_ORDER, limit_price=Decimal("88888.8")), "limit", "88888.8", OF_SEND | AT_ONCE),
        (
            replace(MARKET_ORDER, limit_price=Decimal(88888), reduce_only=True),
            "limit",
            "88888",
            OF_SEND | REDUCES | AT_ONCE,
        ),
        (replace(LIMIT_ORDER, post_only=False), "limit", "90000.10", NAMED | {"timeInForce": "GTC"} | EVERY),
        (replace(LIMIT_ORDER, post_only=True), "limit", "90000.10", NAMED | {"timeInForce": "GTX"} | EVERY),
    ],
)
def test_an_order_is_sent_byte_for_byte_as_ccxt_sends_it(
    order: MarketOrder | LimitOrder, kind: str, price: str | None, params: dict[str, Any]
) -> None:
    venue = Venue()

    async def send() -> None:
        async with Orders(venue) as orders:
            quantity = format(order.quantity, "f")
            await orders.client.create_order(SYMBOL, kind, order.side, quantity, price, dict(params))
            await (orders.send(order) if isinstance(order, MarketOrder) else orders.place_limit(order))

    asyncio.run(send())
    theirs, ours = venue.sent
    assert theirs == ours
    assert ours[0] == "http://127.0.0.1:9/fapi/v1/order"
    assert b"&signature=" in ours[1]


@pytest.mark.parametrize(
    "answer", ["{}", "[]", '{"clientOrderId": "q1-y", "orderId": 1}', '{"clientOrderId": "q1-x"}']
)
def test_an_answer_that_does_not_name_the_order_leaves_its_outcome_unknown(answer: str) -> None:
    async def send() -> None:
        async with Orders(Venue(answer)) as orders:
            await orders.send(MARKET_ORDER)

    with pytest.raises(OutcomeUnknown, match="q1-x"):
        asyncio.run(send())


def test_less_than_a_lot_is_refused_before_it_is_sent() -> None:
    venue = Venue()

    async def send() -> None:
        async with Orders(venue) as orders:
            await orders.send(replace(MARKET_ORDER, quantity=Decimal("0.0001")))

    with pytest.raises(ExchangeRefused, match="minimum amount precision"):
        asyncio.run(send())
    assert not venue.sent


def test_an_order_of_a_market_outside_of_ascii_is_signed_as_ccxt_signs_it() -> None:
    venue, market = Venue(), MARKET | {"id": "币安人生USDT"}

    async def send() -> None:
        async with Orders(venue) as orders:
            orders.client.markets = {SYMBOL: market}
            request = {"symbol": market["id"], "side": "SELL", **NAMED, **REDUCES, **EVERY}
            await orders.client.fapiPrivatePostOrder(dict(request))
            await send_order(orders.client, request)

    asyncio.run(send())
    theirs, ours = venue.sent
    assert theirs == ours


def test_a_key_that_signs_by_a_certificate_is_left_to_ccxt() -> None:
    venue = Venue()
    secret = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    async def send() -> None:
        async with Orders(venue) as orders:
            orders.client.secret = secret.decode()
            await orders.send(MARKET_ORDER)

    asyncio.run(send())
    signature = dict(parse_qsl(venue.sent[0][1].decode()))["signature"]
    assert len(b64decode(signature)) == 64
