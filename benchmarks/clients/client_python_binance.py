"""python-binance at the venue; started by ``clients.py`` in its own environment."""

import asyncio
import json
import sys
from typing import Any

from binance import AsyncClient, BinanceSocketManager

URL = sys.argv[1]
BTC = "BTCUSDT"
SPOKEN_WITHIN_SECONDS = 6
CALLS: dict[str, dict[str, Any]] = {
    "futures_exchange_info": {},
    "futures_symbol_ticker": {"symbol": BTC},
    "futures_orderbook_ticker": {"symbol": BTC},
    "futures_recent_trades": {"symbol": BTC, "limit": 2},
    "futures_historical_trades": {"symbol": BTC, "limit": 2},
    "futures_klines": {"symbol": BTC, "interval": "1w", "limit": 2},
    "futures_continuous_klines": {"pair": BTC, "contractType": "PERPETUAL", "interval": "3d"},
    "futures_mark_price": {},
    "futures_funding_rate": {},
    "futures_global_longshort_ratio": {"symbol": BTC, "period": "5m"},
    "futures_taker_longshort_ratio": {"symbol": BTC, "period": "5m"},
    "futures_account": {},
    "futures_account_balance": {},
    "futures_get_multi_assets_mode": {},
    "futures_get_position_mode": {},
    "futures_leverage_bracket": {},
    "futures_income_history": {},
    "futures_change_leverage": {"symbol": BTC, "leverage": 5},
    "futures_create_test_order": {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": 0.01},
    "futures_create_order": {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": 0.01},
    "futures_position_information": {},
    "futures_account_trades": {"symbol": BTC},
}


async def answers(client: AsyncClient) -> dict[str, bool]:
    return {name: bool(await getattr(client, name)(**params)) for name, params in CALLS.items()}


async def batch(client: AsyncClient) -> bool:
    price = float((await client.futures_symbol_ticker(symbol=BTC))["price"])
    order = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    orders = [order | {"price": f"{price * 0.97:.1f}"} for _ in range(2)]
    placed = await client.futures_place_batch_order(batchOrders=orders)
    numbers = [one["orderId"] for one in placed]
    canceled = await client.futures_cancel_orders(symbol=BTC, orderidlist=numbers)
    return [one["status"] for one in canceled] == ["CANCELED", "CANCELED"]


async def streams(manager: BinanceSocketManager) -> dict[str, bool]:
    sockets = {
        "kline": manager.kline_futures_socket(BTC),
        "trades": manager.aggtrade_futures_socket(BTC),
        "all marks": manager.all_mark_price_socket(),
        "best prices": manager.symbol_ticker_futures_socket(BTC),
        "ticker": manager.individual_symbol_ticker_futures_socket(BTC),
        "all best prices": manager.all_ticker_futures_socket(),
        "all tickers": manager.futures_ticker_socket(),
        "depth": manager.futures_depth_socket(BTC),
        "several": manager.futures_multiplex_socket(["btcusdt@kline_1m", "ethusdt@markPrice"]),
    }
    found = {}
    for name, socket in sockets.items():
        async with socket as stream:
            message = await asyncio.wait_for(stream.recv(), SPOKEN_WITHIN_SECONDS)
        found[f"stream: {name}"] = message.get("e") != "error"
    return found


async def user_stream(client: AsyncClient, manager: BinanceSocketManager) -> bool:
    async with manager.futures_user_socket() as stream:
        await client.futures_create_order(
            symbol=BTC, side="SELL", type="MARKET", quantity=0.01, reduceOnly="true"
        )
        events = {(await asyncio.wait_for(stream.recv(), SPOKEN_WITHIN_SECONDS))["e"] for _ in range(3)}
    return events == {"ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"}


async def main() -> None:
    socket_url = URL.replace("http", "ws", 1)
    AsyncClient.FUTURES_URL, AsyncClient.FUTURES_DATA_URL = f"{URL}/fapi", f"{URL}/futures/data"
    AsyncClient.WS_FUTURES_URL = f"{socket_url}/ws-fapi/v1"
    BinanceSocketManager.FSTREAM_URL = f"{socket_url}/"
    client = AsyncClient("demo", "demo")
    manager = BinanceSocketManager(client)
    try:
        checks = await answers(client) | {"batch": await batch(client)} | await streams(manager)
        checks["user stream"] = await user_stream(client, manager)
        checks["WebSocket API"] = "bids" in await client.ws_futures_get_order_book(symbol=BTC)
    finally:
        await client.close_connection()
    print(json.dumps(checks))


asyncio.run(main())
