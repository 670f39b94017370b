"""Bybit v5, linear perpetuals: pages newest first, base units, intervals in minutes."""

from types import MappingProxyType
from typing import Any

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms
from tests.contract.venues import truth
from tests.contract.venues.venue import Query, Venue

_STEPS = {"1": MINUTE_MS, "5": 5 * MINUTE_MS, "60": HOUR_MS, "D": DAY_MS}
_ID = "BTCUSDT"


class Bybit(Venue):
    """See the module."""

    id = "bybit"
    newest_first = True
    rest = MappingProxyType(
        {
            "/v5/market/time": "time",
            "/v5/market/instruments-info": "instruments",
            "/v5/market/funding/history": "funding",
            "/v5/market/kline": "candles",
            "/v5/market/mark-price-kline": "mark_candles",
            "/v5/market/index-price-kline": "index_candles",
            "/v5/market/recent-trade": "trades",
            "/v5/market/orderbook": "book",
            "/v5/market/open-interest": "interest",
        }
    )

    def _wrapped(self, result: Any) -> dict[str, Any]:
        return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": self.now()}

    def time(self, _query: Query) -> Any:
        now = self.now()
        return self._wrapped({"timeSecond": str(now // 1000), "timeNano": f"{now}000000"})

    def instruments(self, query: Query) -> Any:
        contract = {
            "symbol": _ID, "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": "BTC",
            "quoteCoin": "USDT", "settleCoin": "USDT", "launchTime": str(truth.LISTED), "deliveryTime": "0",
            "fundingInterval": 240,
            "priceFilter": {"minPrice": "0.1", "maxPrice": "1999999", "tickSize": "0.1"},
            "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
            "lotSizeFilter": {"maxOrderQty": "1190", "minOrderQty": "0.001", "qtyStep": "0.001",
                              "minNotionalValue": "5"},
        }  # fmt: skip
        halted = {**contract, "symbol": "OLDUSDT", "baseCoin": "OLD", "status": "Closed"}
        listed = [] if query.get("status") == "PreLaunch" else [contract, halted]
        return self._wrapped({"category": query["category"], "list": listed, "nextPageCursor": ""})

    def funding(self, query: Query) -> Any:
        first, last = int(query["startTime"]), int(query["endTime"])
        rows = [
            {"symbol": _ID, "fundingRate": f"{truth.rate(slot):.8f}",
             "fundingRateTimestamp": str(truth.stamp(slot))}
            for slot in truth.funding_slots()
            if first <= truth.stamp(slot) <= last
        ]  # fmt: skip
        return self._wrapped({"category": "linear", "list": self.page(rows, min(int(query["limit"]), 200))})

    def _bars(self, query: Query) -> list[truth.Bar]:
        rows = truth.bars(_STEPS[query["interval"]], int(query["start"]), int(query["end"]), self.now())
        return self.page(rows, min(int(query["limit"]), 1000))

    def candles(self, query: Query) -> Any:
        rows = [
            [str(one.ts), *(f"{value}" for value in one[1:5]), f"{one.volume}", f"{one.quote_volume}"]
            for one in self._bars(query)
        ]
        return self._wrapped({"category": "linear", "symbol": _ID, "list": rows})

    def mark_candles(self, query: Query) -> Any:
        return self._prices([(one.ts, truth.mark(one.ts)) for one in self._bars(query)])

    def index_candles(self, query: Query) -> Any:
        return self._prices([(one.ts, truth.index(one.ts)) for one in self._bars(query)])

    def _prices(self, points: list[tuple[int, float]]) -> Any:
        rows = [[str(ts), f"{price}", f"{price + 1}", f"{price - 1}", f"{price}"] for ts, price in points]
        return self._wrapped({"category": "linear", "symbol": _ID, "list": rows})

    def trades(self, query: Query) -> Any:
        rows = [
            {"execId": str(one.id), "symbol": _ID, "price": f"{one.price}", "size": f"{one.quantity}",
             "side": one.side.title(), "time": str(one.ts), "isBlockTrade": False}
            for one in truth.prints(self.now() - DAY_MS, self.now(), self.now())
        ]  # fmt: skip
        return self._wrapped({"category": "linear", "list": self.page(rows, min(int(query["limit"]), 1000))})

    def book(self, query: Query) -> Any:
        bids, asks = ([[f"{price}", f"{size}"] for price, size in side] for side in truth.book())
        limit = int(query["limit"])
        return self._wrapped(
            {"s": _ID, "b": bids[:limit], "a": asks[:limit], "ts": self.now(), "u": 1, "seq": 1}
        )

    def interest(self, query: Query) -> Any:
        step = truth.INTEREST_STEP_MS
        first, last = int(query["startTime"]), min(int(query["endTime"]), self.now())
        rows = [
            {"openInterest": f"{truth.interest(ts)}", "timestamp": str(ts)}
            for ts in range(-(-first // step) * step, last + 1, step)
        ]
        page = self.page(rows, min(int(query["limit"]), 200))
        return self._wrapped({"symbol": _ID, "category": "linear", "list": page, "nextPageCursor": ""})

    def wanted(self, message: Any) -> tuple[list[str], Any]:
        acknowledgment = {"success": True, "ret_msg": "", "conn_id": "1", "op": message["op"]}
        return list(message.get("args", [])), {**acknowledgment, "req_id": message.get("req_id", "")}

    def push(self, key: str, beat: int) -> Any:
        now = self.now()
        if key.startswith("kline"):
            one = truth.bar(floor_ms(now, MINUTE_MS))
            row = {"start": one.ts, "end": one.ts + 59_999, "interval": "1", "open": f"{one.open}",
                   "close": f"{one.close}", "high": f"{one.high}", "low": f"{one.low}",
                   "volume": f"{one.volume}", "turnover": f"{one.quote_volume}", "confirm": False,
                   "timestamp": now}  # fmt: skip
            return {"topic": key, "type": "snapshot", "ts": now, "data": [row]}
        if key.startswith("publicTrade"):
            one_trade = truth.print_of(beat)
            row = {"T": now, "s": _ID, "S": one_trade.side.title(), "v": f"{one_trade.quantity}",
                   "p": f"{one_trade.price}", "L": "PlusTick", "i": str(one_trade.id),
                   "BT": False}  # fmt: skip
            return {"topic": key, "type": "snapshot", "ts": now, "data": [row]}
        if key.startswith("orderbook"):
            bids, asks = ([[f"{side[0][0]}", f"{side[0][1]}"]] for side in truth.book())
            data = {"s": _ID, "b": bids, "a": asks, "u": beat, "seq": beat}
            return {"topic": key, "type": "snapshot", "ts": now, "data": data, "cts": now}
        data = {"symbol": _ID, "lastPrice": "60000", "markPrice": f"{truth.mark(now)}",
                "indexPrice": f"{truth.index(now)}", "fundingRate": "0.0001",
                "nextFundingTime": str(truth.TODAY + DAY_MS)}  # fmt: skip
        return {"topic": key, "type": "snapshot", "ts": now, "cs": beat, "data": data}
