"""NautilusTrader's Binance adapter at the venue; started by ``clients.py`` in its own environment.

One strategy hears bars, trades, quotes, book and mark price, and lets a market order, a stop, single and
listed limit orders, a change, cancels and the close of its position go through the venue.
"""

import asyncio
import json
import sys
from collections import Counter
from datetime import timedelta
from typing import Any

from nautilus_trader.adapters.binance import (
    BINANCE,
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceLiveDataClientFactory,
    BinanceLiveExecClientFactory,
)
from nautilus_trader.config import InstrumentProviderConfig, LoggingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import BookType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

URL = sys.argv[1]
BTC = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
BARS = BarType.from_str("BTCUSDT-PERP.BINANCE-1-MINUTE-LAST-EXTERNAL")
SECONDS_A_STEP, SECONDS_TO_START, STEPS = 2, 12, 9


class Proof(Strategy):
    def on_start(self) -> None:
        self.heard: Counter[str] = Counter()
        self.price = 0.0
        self.plan = iter(
            [
                self.enter,
                self.guard,
                self.rest,
                self.change,
                self.cancel_two,
                self.list,
                self.clear,
                self.leave,
            ]
        )
        self.subscribe_quote_ticks(BTC)
        self.subscribe_trade_ticks(BTC)
        self.subscribe_order_book_deltas(BTC, BookType.L2_MBP)
        self.subscribe_bars(BARS)
        self.subscribe_mark_prices(BTC)
        self.request_bars(BARS, start=self.clock.utc_now() - timedelta(hours=1))
        self.clock.set_timer("step", timedelta(seconds=SECONDS_A_STEP), callback=self.step)

    def on_stop(self) -> None:
        self.unsubscribe_bars(BARS)

    def on_quote_tick(self, quote: Any) -> None:
        self.heard["quotes"] += 1
        self.price = quote.bid_price.as_double()

    def on_trade_tick(self, _trade: Any) -> None:
        self.heard["trades"] += 1

    def on_order_book_deltas(self, _deltas: Any) -> None:
        self.heard["book"] += 1

    def on_mark_price(self, _mark: Any) -> None:
        self.heard["marks"] += 1

    def on_historical_data(self, _bar: Any) -> None:
        self.heard["history"] += 1

    def on_event(self, event: Any) -> None:
        self.heard[type(event).__name__] += 1

    def step(self, _event: Any) -> None:
        if self.price:
            next(self.plan, lambda: None)()

    def limit(self, share: float) -> Any:
        return self.order_factory.limit(BTC, OrderSide.BUY, self.quantity(0.01), self.at(share))

    def quantity(self, quantity: float) -> Any:
        return self.cache.instrument(BTC).make_qty(quantity)

    def at(self, share: float) -> Any:
        return self.cache.instrument(BTC).make_price(self.price * share)

    def enter(self) -> None:
        self.submit_order(self.order_factory.market(BTC, OrderSide.BUY, self.quantity(0.01)))

    def guard(self) -> None:
        quantity, level = self.quantity(0.01), self.at(0.95)
        stop = self.order_factory.stop_market(BTC, OrderSide.SELL, quantity, level, reduce_only=True)
        self.submit_order(stop)

    def rest(self) -> None:
        self.limits = [self.limit(share) for share in (0.97, 0.969, 0.968)]
        for order in self.limits:
            self.submit_order(order)

    def change(self) -> None:
        self.modify_order(self.limits[0], self.quantity(0.02), self.at(0.965))

    def cancel_two(self) -> None:
        self.cancel_orders(self.limits[:2])

    def list(self) -> None:
        self.submit_order_list(self.order_factory.create_list([self.limit(0.96), self.limit(0.959)]))

    def clear(self) -> None:
        self.cancel_all_orders(BTC)

    def leave(self) -> None:
        self.close_all_positions(BTC)


def node_of(strategy: Strategy) -> TradingNode:
    socket_url = URL.replace("http", "ws", 1)
    account = {"api_key": "demo", "api_secret": "demo", "account_type": BinanceAccountType.USDT_FUTURES}
    common = account | {
        "base_url_http": URL,
        "instrument_provider": InstrumentProviderConfig(load_ids=frozenset([BTC])),
    }
    config = TradingNodeConfig(
        logging=LoggingConfig(log_level="WARN", log_colors=False),
        data_clients={BINANCE: BinanceDataClientConfig(base_url_ws=socket_url, **common)},
        exec_clients={
            BINANCE: BinanceExecClientConfig(
                base_url_ws=f"{socket_url}/ws-fapi/v1", base_url_ws_stream=socket_url, **common
            )
        },
    )
    node = TradingNode(config=config)
    node.trader.add_strategy(strategy)
    node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
    node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
    node.build()
    return node


async def trade(node: TradingNode) -> None:
    running = asyncio.ensure_future(node.run_async())
    await asyncio.sleep(SECONDS_TO_START + STEPS * SECONDS_A_STEP)
    await node.stop_async()
    running.cancel()


def main() -> None:
    strategy = Proof()
    node = node_of(strategy)
    node.kernel.loop.run_until_complete(trade(node))
    heard = strategy.heard
    counted = {
        "OrderAccepted": 8,
        "OrderFilled": 2,
        "OrderUpdated": 1,
        "OrderCanceled": 6,
        "PositionClosed": 1,
    }
    checks = {f"{name} is {count}": heard[name] == count for name, count in counted.items()}
    checks |= {f"heard {name}": heard[name] > 0 for name in ("quotes", "trades", "book", "marks", "history")}
    print("\n" + json.dumps(checks | {"nothing was rejected": not heard["OrderRejected"]}))


main()
