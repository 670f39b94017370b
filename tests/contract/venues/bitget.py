"""Bitget v2, USDT futures: funding by page number, no history of open interest, base units."""

from types import MappingProxyType
from typing import Any

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms
from tests.contract.venues import truth
from tests.contract.venues.venue import Query, Venue

_STEPS = {"1m": MINUTE_MS, "5m": 5 * MINUTE_MS, "1H": HOUR_MS, "1Dutc": DAY_MS, "1D": DAY_MS}
_ID = "BTCUSDT"


class Bitget(Venue):
    """See the module."""

    id = "bitget"
    rest = MappingProxyType(
        {
            "/api/v2/public/time": "time",
            "/api/v2/mix/market/contracts": "contracts",
            "/api/v2/mix/market/history-fund-rate": "funding",
            "/api/v2/mix/market/candles": "candles",
            "/api/v2/mix/market/history-candles": "candles",
            "/api/v2/mix/market/history-mark-candles": "mark_candles",
            "/api/v2/mix/market/history-index-candles": "index_candles",
            "/api/v2/mix/market/fills-history": "trades",
            "/api/v2/mix/market/merge-depth": "book",
            "/api/v2/mix/market/open-interest": "interest",
        }
    )

    def _wrapped(self, data: Any) -> dict[str, Any]:
        return {"code": "00000", "msg": "success", "requestTime": self.now(), "data": data}

    def time(self, _query: Query) -> Any:
        return self._wrapped({"serverTime": str(self.now())})

    def contracts(self, query: Query) -> Any:
        live = {"symbol": _ID, "baseCoin": "BTC", "quoteCoin": "USDT", "makerFeeRate": "0.0002",
                "takerFeeRate": "0.0006", "supportMarginCoins": ["USDT"], "minTradeNum": "0.001",
                "priceEndStep": "1", "volumePlace": "3", "pricePlace": "1", "sizeMultiplier": "0.001",
                "symbolType": "perpetual", "minTradeUSDT": "5", "symbolStatus": "normal", "fundInterval": "4",
                "minLever": "1", "maxLever": "125", "deliveryTime": "", "launchTime": ""}  # fmt: skip
        halted = {**live, "symbol": "OLDUSDT", "baseCoin": "OLD", "symbolStatus": "off"}
        return self._wrapped([live, halted] if query["productType"] == "USDT-FUTURES" else [])

    def funding(self, query: Query) -> Any:
        rows = [
            {"symbol": _ID, "fundingRate": f"{truth.rate(slot):.8f}", "fundingTime": str(truth.stamp(slot))}
            for slot in reversed(truth.funding_slots())
        ]
        size, number = int(query["pageSize"]), int(query["pageNo"])
        return self._wrapped(self.page(rows[(number - 1) * size : number * size], size))

    def _bars(self, query: Query) -> list[truth.Bar]:
        first, last = int(query["startTime"]), int(query["endTime"]) - 1
        rows = truth.bars(_STEPS[query["granularity"]], first, last, self.now())
        return self.page(rows, min(int(query["limit"]), 1000))

    def candles(self, query: Query) -> Any:
        price = {"mark": truth.mark, "index": truth.index}.get(query.get("kLineType", ""))
        if price is not None:
            return self._prices([(one.ts, price(one.ts)) for one in self._bars(query)])
        return self._wrapped(
            [
                [str(one.ts), *(f"{value}" for value in one[1:5]), f"{one.volume}", f"{one.quote_volume}"]
                for one in self._bars(query)
            ]
        )

    def mark_candles(self, query: Query) -> Any:
        return self._prices([(one.ts, truth.mark(one.ts)) for one in self._bars(query)])

    def index_candles(self, query: Query) -> Any:
        return self._prices([(one.ts, truth.index(one.ts)) for one in self._bars(query)])

    def _prices(self, points: list[tuple[int, float]]) -> Any:
        return self._wrapped(
            [[str(ts), f"{p}", f"{p + 1}", f"{p - 1}", f"{p}", "0", "0"] for ts, p in points]
        )

    def trades(self, query: Query) -> Any:
        rows = [
            {"tradeId": str(one.id), "price": f"{one.price}", "size": f"{one.quantity}",
             "side": one.side.title(), "ts": str(one.ts), "symbol": _ID}
            for one in truth.prints(int(query["startTime"]), int(query["endTime"]), self.now())
        ]  # fmt: skip
        return self._wrapped(self.page(rows, int(query["limit"]))[::-1])

    def book(self, query: Query) -> Any:
        limit = int(query["limit"])
        bids, asks = ([[price, size] for price, size in side[:limit]] for side in truth.book())
        return self._wrapped({"asks": asks, "bids": bids, "ts": str(self.now()), "scale": "0.1"})

    def interest(self, _query: Query) -> Any:
        now = self.now()
        size = f"{truth.interest(floor_ms(now, truth.INTEREST_STEP_MS))}"
        return self._wrapped({"openInterestList": [{"symbol": _ID, "size": size}], "ts": str(now)})

    def wanted(self, message: Any) -> tuple[list[str], Any]:
        channels = [topic["channel"] for topic in message["args"]]
        return channels, {"event": "subscribe", "arg": message["args"][0]}

    def push(self, key: str, beat: int) -> Any:
        now = self.now()
        arg = {"instType": "USDT-FUTURES", "channel": key, "instId": _ID}
        if key == "candle1m":
            one = truth.bar(floor_ms(now, MINUTE_MS))
            volumes = [f"{one.volume}", f"{one.quote_volume}", f"{one.quote_volume}"]
            data: list[Any] = [[str(one.ts), *(f"{value}" for value in one[1:5]), *volumes]]
        elif key == "trade":
            trade = truth.print_of(beat)
            data = [{"ts": str(now), "price": f"{trade.price}", "size": f"{trade.quantity}",
                     "side": trade.side, "tradeId": str(trade.id)}]  # fmt: skip
        else:
            bids, asks = truth.book()
            data = [{"instId": _ID, "lastPr": "60000", "bidPr": f"{bids[0][0]}", "bidSz": f"{bids[0][1]}",
                     "askPr": f"{asks[0][0]}", "askSz": f"{asks[0][1]}", "markPrice": f"{truth.mark(now)}",
                     "indexPrice": f"{truth.index(now)}", "fundingRate": "0.0001", "symbolType": "1",
                     "nextFundingTime": str(truth.TODAY + DAY_MS), "ts": str(now)}]  # fmt: skip
        return {"action": "snapshot", "arg": arg, "data": data, "ts": now}
