"""Binance's request for an order that is no stop: what ccxt's ``create_order`` asks for, byte for byte.

ccxt works out anew for each order which of its kinds at all of Binance's markets it is. This is the answer
for the two that an exit waits for; ccxt still rounds, signs, sends, and says what a refusal means.
"""

from collections.abc import Mapping
from typing import Any

_TAKEN = ("side", "quantity", "newClientOrderId", "price")


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
