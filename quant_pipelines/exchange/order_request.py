"""Binance's request for an order that is no stop: what ccxt's ``create_order`` asks for, byte for byte.

ccxt works out anew for each order which of its kinds at all of Binance's markets it is. This is the answer
for the two that an exit waits for; ccxt still rounds, signs, sends, and says what a refusal means.
"""

from typing import Any

from quant_pipelines.core.orders import Side

_PLACED = ("newClientOrderId", "quantity", "price")


def order_request(client: Any, symbol: str, kind: str, side: Side, params: dict[str, Any]) -> dict[str, Any]:
    """Parameters of ``POST /fapi/v1/order``.

    Parameters
    ----------
    client
        ccxt's client, whose markets are loaded.
    symbol
        ccxt form.
    kind
        ``market`` or ``limit``.
    side
        Of the order.
    params
        ``newClientOrderId``, ``quantity`` (base, as text, cut to the lot here), for a limit ``price`` and
        ``timeInForce``, and what is said besides, in the words of Binance.

    Raises
    ------
    ccxt.InvalidOrder
        If nothing is left of the quantity.
    """
    request = {
        "symbol": client.markets[symbol]["id"],
        "side": side.upper(),
        "newClientOrderId": params["newClientOrderId"],
        "newOrderRespType": "RESULT",
        "type": kind.upper(),
        "quantity": client.amount_to_precision(symbol, params["quantity"]),
    }
    if kind == "limit":
        request["price"] = client.price_to_precision(symbol, params["price"])
    return request | {name: one for name, one in params.items() if name not in _PLACED}
