"""Binance's request for an order that is no stop: what ccxt's ``create_order`` asks for, byte for byte.

ccxt works out anew for each order which of its kinds at all of Binance's markets it is. This is the answer
for the two that an exit waits for, signed with the key's secret as Binance describes it; ccxt still rounds,
sends, and says what a refusal means. Keys that sign by a certificate are left to ccxt altogether.
"""

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

_TAKEN = ("side", "quantity", "newClientOrderId", "price")
_FORM = "application/x-www-form-urlencoded"


def order_request(client: Any, symbol: str, kind: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of ``POST /fapi/v1/order``.

    Parameters
    ----------
    client
        ccxt's client, whose markets are loaded.
    symbol
        ccxt form.
    kind
        ``market`` or ``limit``.
    words
        ``side``, ``quantity`` (base, as text, cut to the lot here), ``newClientOrderId``, for a limit
        ``price`` and ``timeInForce``, and what is said besides, in the words of Binance.

    Raises
    ------
    ccxt.InvalidOrder
        If nothing is left of the quantity.
    """
    request = {
        "symbol": client.markets[symbol]["id"],
        "side": words["side"].upper(),
        "newClientOrderId": words["newClientOrderId"],
        "newOrderRespType": "RESULT",
        "type": kind.upper(),
        "quantity": client.amount_to_precision(symbol, words["quantity"]),
    }
    if kind == "limit":
        request["price"] = client.price_to_precision(symbol, words["price"])
    return request | {name: one for name, one in words.items() if name not in _TAKEN}


async def send_order(client: Any, request: Mapping[str, Any]) -> Any:
    """Send what `order_request` returned, once; returns what the venue says to it.

    Parameters
    ----------
    client
        ccxt's client, which has a key.
    request
        With its ``timestamp``, milliseconds UTC.

    Raises
    ------
    ccxt.BaseError
        As ``client.fetch``: whatever the venue refuses, or does not answer.
    """
    if "PRIVATE KEY" in client.secret:
        return await client.fapiPrivatePostOrder(dict(request))
    texts = {name: str(one).lower() if isinstance(one, bool) else one for name, one in request.items()}
    query = urlencode({"timestamp": 0, **texts}, quote_via=quote)  # it stands first, as ccxt has it
    signature = hmac.digest(client.secret.encode(), query.encode(), "sha256").hex()
    headers = {"X-MBX-APIKEY": client.apiKey, "Content-Type": _FORM}
    url = f"{client.urls['api']['fapiPrivate']}/order"
    return await client.fetch(url, "POST", headers, f"{query}&signature={signature}")
