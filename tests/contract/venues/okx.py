"""OKX v5, linear swaps: pages newest first, quantities in contracts of 0.01, times in text milliseconds."""

from types import MappingProxyType
from typing import Any

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms
from tests.contract.venues import truth
from tests.contract.venues.venue import Query, Venue

_STEPS = {"1m": MINUTE_MS, "5m": 5 * MINUTE_MS, "1H": HOUR_MS, "1Dutc": DAY_MS}
_ID = "BTC-USDT-SWAP"
SIZE = 0.01


def _answer(data: Any) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": data}


class Okx(Venue):
    """See the module."""

    id = "okx"
    newest_first = True
    rest = MappingProxyType(
        {
            "/api/v5/public/time": "time",
            "/api/v5/public/instruments": "instruments",
            "/api/v5/public/funding-rate": "funding_now",
            "/api/v5/public/funding-rate-history": "funding",
            "/api/v5/market/candles": "candles",
            "/api/v5/market/history-candles": "candles",
            "/api/v5/market/mark-price-candles": "mark_candles",
            "/api/v5/market/history-mark-price-candles": "mark_candles",
            "/api/v5/market/index-candles": "index_candles",
            "/api/v5/market/history-index-candles": "index_candles",
            "/api/v5/market/history-trades": "trades",
            "/api/v5/market/books": "book",
            "/api/v5/rubik/stat/contracts/open-interest-history": "interest",
        }
    )

    def time(self, _query: Query) -> Any:
        return _answer([{"ts": str(self.now())}])

    def instruments(self, query: Query) -> Any:
        assert query["instType"] == "SWAP"
        shared = {"instType": "SWAP", "ctType": "linear", "ctMult": "1", "settleCcy": "USDT", "state": "live",
                  "baseCcy": "", "quoteCcy": "", "lever": "100", "lotSz": "0.01", "minSz": "0.01",
                  "tickSz": "0.1", "listTime": str(truth.LISTED), "expTime": "", "ctVal": "0.01"}  # fmt: skip
        live = {**shared, "instId": _ID, "uly": "BTC-USDT", "instFamily": "BTC-USDT", "ctValCcy": "BTC"}
        halted = {**shared, "instId": "OLD-USDT-SWAP", "uly": "OLD-USDT", "instFamily": "OLD-USDT"}
        return _answer([live, {**halted, "state": "suspend"}])

    def funding_now(self, query: Query) -> Any:
        assert query["instId"] == "ANY"
        row = {"instType": "SWAP", "instId": _ID, "fundingRate": "0.0001", "nextFundingRate": "",
               "fundingTime": str(truth.TODAY),
               "nextFundingTime": str(truth.TODAY + 4 * HOUR_MS)}  # fmt: skip
        return _answer([row])

    def funding(self, query: Query) -> Any:
        before, after = int(query.get("before", 0)), int(query.get("after", 2**60))
        slots = [slot for slot in truth.funding_slots() if before < truth.stamp(slot) < after]
        rows = [
            {"instId": _ID, "instType": "SWAP", "fundingTime": str(truth.stamp(slot)),
             "fundingRate": f"{truth.rate(slot):.8f}", "realizedRate": f"{truth.rate(slot):.8f}"}
            for slot in slots
        ]  # fmt: skip
        return _answer(self.page(rows, min(int(query["limit"]), 100)))

    def _bars(self, query: Query) -> list[truth.Bar]:
        after = min(int(query.get("after", 2**60)) - 1, self.now())
        rows = truth.bars(_STEPS[query["bar"]], int(query.get("before", 0)) + 1, after, self.now())
        return self.page(rows, min(int(query["limit"]), 100))

    def candles(self, query: Query) -> Any:
        assert query["instId"] == _ID
        return _answer(
            [
                [str(one.ts), *(f"{price}" for price in one[1:5]), f"{one.volume / SIZE}", f"{one.volume}",
                 f"{one.quote_volume}", "1"]
                for one in self._bars(query)
            ]
        )  # fmt: skip

    def mark_candles(self, query: Query) -> Any:
        assert query["instId"] == _ID
        return _answer([self._price_row(one.ts, truth.mark(one.ts)) for one in self._bars(query)])

    def index_candles(self, query: Query) -> Any:
        assert query["instId"] == "BTC-USDT"
        return _answer([self._price_row(one.ts, truth.index(one.ts)) for one in self._bars(query)])

    def _price_row(self, ts: int, price: float) -> list[str]:
        return [str(ts), f"{price}", f"{price + 1}", f"{price - 1}", f"{price}", "1"]

    def trades(self, query: Query) -> Any:
        assert query["type"] == "2"
        end = int(query["after"])
        rows = [self._trade(one) for one in truth.prints(end - DAY_MS, end - 1, self.now())]
        return _answer(self.page(rows, min(int(query["limit"]), 100)))

    def _trade(self, one: truth.Print) -> dict[str, str]:
        return {"instId": _ID, "tradeId": str(one.id), "px": f"{one.price}", "sz": f"{one.quantity / SIZE}",
                "side": one.side, "ts": str(one.ts)}  # fmt: skip

    def book(self, _query: Query) -> Any:
        bids, asks = (
            [[f"{price}", f"{size / SIZE}", "0", "3"] for price, size in side] for side in truth.book()
        )
        return _answer([{"bids": bids, "asks": asks, "ts": str(self.now())}])

    def interest(self, query: Query) -> Any:
        first, end = int(query["begin"]) + 1, min(int(query["end"]), self.now())
        step = truth.INTEREST_STEP_MS
        rows = [
            [str(ts), f"{truth.interest(ts) / SIZE}", f"{truth.interest(ts)}", "1"]
            for ts in range(-(-first // step) * step, end, step)
        ]
        return _answer(self.page(rows, int(query["limit"])))

    def wanted(self, message: Any) -> tuple[list[str], Any]:
        topics = [topic["channel"] for topic in message["args"]]
        return topics, {"event": "subscribe", "arg": message["args"][0], "connId": "a4d3ae55"}

    def push(self, key: str, beat: int) -> Any:
        now = self.now()
        arg = {"channel": key, "instId": _ID}
        if key == "candle1m":
            one = truth.bar(floor_ms(now, MINUTE_MS))
            row = [str(one.ts), *(f"{price}" for price in one[1:5]), f"{one.volume / SIZE}", f"{one.volume}",
                   f"{one.quote_volume}", "0"]  # fmt: skip
            return {"arg": arg, "data": [row]}
        if key == "trades":
            return {"arg": arg, "data": [{**self._trade(truth.print_of(beat)), "ts": str(now), "count": "1"}]}
        if key == "bbo-tbt":
            bids, asks = truth.book()
            sides = {
                name: [[f"{side[0][0]}", f"{side[0][1] / SIZE}", "0", "1"]]
                for name, side in (("bids", bids), ("asks", asks))
            }
            return {"arg": arg, "data": [{**sides, "ts": str(now), "seqId": beat}]}
        price = f"{truth.mark(now)}"
        return {"arg": arg, "data": [{"instType": "SWAP", "instId": _ID, "markPx": price, "ts": str(now)}]}
