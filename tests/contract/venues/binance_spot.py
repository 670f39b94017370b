"""Binance spot: no funding, no mark, bars with their number of trades."""

from types import MappingProxyType
from typing import Any

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms
from tests.contract.venues import truth
from tests.contract.venues.venue import Query, Venue

_STEPS = {"1m": MINUTE_MS, "5m": 5 * MINUTE_MS, "1h": HOUR_MS, "1d": DAY_MS}
_ID = "BTCUSDT"


class BinanceSpot(Venue):
    """See the module."""

    id = "binance"
    symbol = "BTC/USDT"
    rest = MappingProxyType(
        {
            "/api/v3/time": "time",
            "/api/v3/exchangeInfo": "info",
            "/api/v3/klines": "klines",
            "/api/v3/aggTrades": "trades",
            "/api/v3/depth": "book",
        }
    )

    def time(self, _query: Query) -> Any:
        return {"serverTime": self.now()}

    def info(self, _query: Query) -> Any:
        filters = [
            {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1000000", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "9000", "stepSize": "0.00100000"},
            {"filterType": "NOTIONAL", "minNotional": "5.00", "applyMinToMarket": True},
        ]
        live = {"symbol": _ID, "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
                "baseAssetPrecision": 8, "quotePrecision": 8, "orderTypes": ["LIMIT", "MARKET"],
                "isSpotTradingAllowed": True, "isMarginTradingAllowed": True, "filters": filters,
                "permissions": [], "permissionSets": [["SPOT"]]}  # fmt: skip
        limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}]
        halted = {**live, "symbol": "OLDUSDT", "baseAsset": "OLD", "status": "BREAK"}
        return {"timezone": "UTC", "rateLimits": limits, "exchangeFilters": [], "symbols": [live, halted]}

    def klines(self, query: Query) -> Any:
        step, first, last = _STEPS[query["interval"]], int(query["startTime"]), int(query["endTime"])
        rows = [
            [one.ts, *(f"{value}" for value in one[1:6]), one.ts + step - 1, f"{one.quote_volume}", 17,
             "0", "0", "0"]
            for one in truth.bars(step, first, last, self.now())
        ]  # fmt: skip
        return self.page(rows, min(int(query["limit"]), 1000), newest=False)

    def trades(self, query: Query) -> Any:
        first, last = int(query["startTime"]), int(query["endTime"])
        rows = [self._trade(one) for one in truth.prints(first, last, self.now())]
        return self.page(rows, int(query["limit"]), newest=False)

    def _trade(self, one: truth.Print) -> dict[str, Any]:
        return {"a": one.id, "p": f"{one.price}", "q": f"{one.quantity}", "f": one.id, "l": one.id,
                "T": one.ts, "m": one.side == "sell", "M": True}  # fmt: skip

    def book(self, query: Query) -> Any:
        limit = int(query["limit"])
        bids, asks = ([[f"{price}", f"{size}"] for price, size in side[:limit]] for side in truth.book())
        return {"lastUpdateId": 7, "bids": bids, "asks": asks}

    def wanted(self, message: Any) -> tuple[list[str], Any]:
        return list(message["params"]), {"result": None, "id": message["id"]}

    def push(self, key: str, beat: int) -> Any:
        now = self.now()
        kind = key.partition("@")[2]
        if kind == "kline_1m":
            one = truth.bar(floor_ms(now, MINUTE_MS))
            row = {"t": one.ts, "T": one.ts + 59_999, "s": _ID, "i": "1m", "o": f"{one.open}",
                   "c": f"{one.close}", "h": f"{one.high}", "l": f"{one.low}", "v": f"{one.volume}",
                   "n": 17, "x": False, "q": f"{one.quote_volume}", "V": "0", "Q": "0", "B": "0"}  # fmt: skip
            return {"e": "kline", "E": now, "s": _ID, "k": row}
        if kind == "aggTrade":
            return {"e": "aggTrade", "E": now, "s": _ID, **self._trade(truth.print_of(beat)), "T": now}
        bids, asks = truth.book()
        return {"u": beat, "s": _ID, "b": f"{bids[0][0]}", "B": f"{bids[0][1]}",
                "a": f"{asks[0][0]}", "A": f"{asks[0][1]}"}  # fmt: skip
