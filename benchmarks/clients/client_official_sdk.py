"""Binance's own SDK at the venue, its models checking every shape; started by ``clients.py``."""

import asyncio
import json
import logging
import sys
from typing import Any

from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
    DerivativesTradingUsdsFutures,
)
from binance_sdk_derivatives_trading_usds_futures.rest_api.models import (
    ModifyMultipleOrdersBatchOrdersParameterInner as Change,
)
from binance_sdk_derivatives_trading_usds_futures.rest_api.models import (
    PlaceMultipleOrdersBatchOrdersParameterInner as Order,
)

URL = sys.argv[1]
BTC = "BTCUSDT"
HEARD_AFTER_SECONDS = 3
WITHOUT_PARAMETERS = [
    "exchange_information",
    "account_information_v2",
    "account_information_v3",
    "futures_account_balance_v2",
    "futures_account_balance_v3",
    "futures_account_configuration",
    "get_bnb_burn_status",
    "get_current_multi_assets_mode",
    "get_current_position_mode",
    "get_income_history",
    "notional_and_leverage_brackets",
    "query_user_rate_limit",
    "symbol_configuration",
    "mark_price",
    "ticker24hr_price_change_statistics",
    "symbol_price_ticker",
    "symbol_price_ticker_v2",
    "symbol_order_book_ticker",
    "get_funding_rate_info",
    "get_funding_rate_history",
    "position_information_v2",
    "position_information_v3",
    "current_all_open_orders",
    "current_all_algo_open_orders",
    "users_force_orders",
    "position_adl_quantile_estimation",
]
OF_A_SYMBOL = [
    "user_commission_rate",
    "order_book",
    "recent_trades_list",
    "old_trades_lookup",
    "compressed_aggregate_trades_list",
    "open_interest",
    "symbol_price_ticker",
    "symbol_order_book_ticker",
    "mark_price",
    "account_trade_list",
    "all_orders",
    "query_all_algo_orders",
    "rpi_order_book",
]
OF_A_PERIOD = [
    "long_short_ratio",
    "open_interest_statistics",
    "taker_buy_sell_volume",
    "top_trader_long_short_ratio_accounts",
    "top_trader_long_short_ratio_positions",
]


class Complaints(logging.Handler):
    """What the SDK says of answers that don't fit its models."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def answers(rest: Any) -> dict[str, bool]:
    asked = [(name, {}) for name in WITHOUT_PARAMETERS]
    asked += [(name, {"symbol": BTC}) for name in OF_A_SYMBOL]
    asked += [(name, {"symbol": BTC, "period": "5m"}) for name in OF_A_PERIOD]
    pair = {"pair": BTC, "contract_type": "PERPETUAL"}
    asked += [
        ("kline_candlestick_data", {"symbol": BTC, "interval": "1w"}),
        ("mark_price_kline_candlestick_data", {"symbol": BTC, "interval": "1M"}),
        ("premium_index_kline_data", {"symbol": BTC, "interval": "3d"}),
        ("index_price_kline_candlestick_data", {"pair": BTC, "interval": "1d"}),
        ("continuous_contract_kline_candlestick_data", pair | {"interval": "3d"}),
        ("basis", pair | {"period": "5m"}),
        ("change_initial_leverage", {"symbol": BTC, "leverage": 6}),
        ("test_order", {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": 0.01}),
    ]
    return {name: getattr(rest, name)(**params).data() is not None for name, params in asked}


def orders(rest: Any) -> dict[str, bool]:
    price = round(float(rest.symbol_price_ticker(symbol=BTC).data().actual_instance.price) * 0.97, 1)
    wanted = {"symbol": BTC, "side": "BUY", "quantity": 0.01, "price": price}
    order = rest.new_order(type="LIMIT", time_in_force="GTC", **wanted).data()
    rest.modify_order(order_id=order.order_id, **wanted | {"quantity": 0.02})
    changes = rest.get_order_modify_history(symbol=BTC, order_id=order.order_id).data()
    rest.cancel_order(symbol=BTC, order_id=order.order_id)
    plain = Order(type="LIMIT", timeInForce="GTC", **wanted)
    numbers = [one.order_id for one in rest.place_multiple_orders(batch_orders=[plain, plain]).data()]
    changed = [Change(orderId=number, **wanted | {"quantity": 0.02}) for number in numbers]
    amended = rest.modify_multiple_orders(batch_orders=changed).data()
    canceled = rest.cancel_multiple_orders(symbol=BTC, order_id_list=numbers).data()
    return {
        "amendments": len(changes) == 1,
        "batch": [one.status for one in [*amended, *canceled]] == ["NEW", "NEW", "CANCELED", "CANCELED"],
    }


async def streams(client: Any) -> dict[str, bool]:
    heard: set[str] = set()
    connection = await client.websocket_streams.create_connection()
    subscribed = {
        "trades": connection.aggregate_trade_streams(symbol=BTC),
        "all mini tickers": connection.all_market_mini_tickers_stream(),
        "all tickers": connection.all_market_tickers_streams(),
        "continuous kline": connection.continuous_contract_kline_candlestick_streams(
            pair="btcusdt", contract_type="perpetual", interval="1w"
        ),
        "mini ticker": connection.individual_symbol_mini_ticker_stream(symbol=BTC),
        "ticker": connection.individual_symbol_ticker_streams(symbol=BTC),
        "kline": connection.kline_candlestick_streams(symbol=BTC, interval="1M"),
        "mark": connection.mark_price_stream(symbol=BTC),
        "all marks": connection.mark_price_stream_for_all_market(),
        "all best prices": connection.all_book_tickers_stream(),
        "depth": connection.diff_book_depth_streams(symbol=BTC, update_speed="100ms"),
        "best prices": connection.individual_symbol_book_ticker_streams(symbol=BTC),
        "top of book": connection.partial_book_depth_streams(symbol=BTC, levels=5),
        "rpi depth": connection.rpi_diff_book_depth_streams(symbol=BTC),
    }
    for name, subscription in subscribed.items():
        (await subscription).on("message", lambda _message, name=name: heard.add(name))
    key = client.rest_api.start_user_data_stream().data().listen_key
    (await connection.user_data(key)).on("message", lambda _message: heard.add("user"))
    buy = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": 0.01}
    await asyncio.to_thread(lambda: client.rest_api.new_order(**buy))
    await asyncio.sleep(HEARD_AFTER_SECONDS)
    await connection.close_connection(close_session=True)
    return {f"stream: {name}": name in heard for name in [*subscribed, "user"]}


async def socket_api(client: Any) -> dict[str, bool]:
    connection = await client.websocket_api.create_connection()
    sell = {"symbol": BTC, "side": "SELL", "type": "MARKET", "quantity": 0.01}
    answered = [
        await connection.order_book(symbol=BTC),
        await connection.account_information_v2(),
        await connection.position_information(),
        await connection.new_order(**sell),
    ]
    await connection.close_connection(close_session=True)
    return {"WebSocket API": all(answer.data().status == 200 for answer in answered)}


async def main() -> None:
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    socket_url = URL.replace("http", "ws", 1)
    keys = {"api_key": "demo", "api_secret": "demo"}
    client = DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(base_path=URL, **keys),
        config_ws_api=ConfigurationWebSocketAPI(stream_url=f"{socket_url}/ws-fapi/v1", **keys),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=socket_url),
    )
    checks = answers(client.rest_api) | orders(client.rest_api)
    checks |= await streams(client) | await socket_api(client)
    checks["every answer fits its model"] = not complaints.texts
    sys.stderr.write("\n".join(complaints.texts))
    print(json.dumps(checks))


asyncio.run(main())
