"""Gate v4, USDT futures: seconds, contracts of 0.0001, candles as objects, sells as negative sizes."""

from types import MappingProxyType
from typing import Any

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms
from tests.contract.venues import truth
from tests.contract.venues.venue import Query, Venue

_STEPS = {"1m": MINUTE_MS, "5m": 5 * MINUTE_MS, "1h": HOUR_MS, "1d": DAY_MS}
_ID = "BTC_USDT"
SIZE = 0.0001


class Gate(Venue):
    """See the module."""

    id = "gate"
    rest = MappingProxyType(
        {
            "/api/v4/spot/time": "time",
            "/api/v4/futures/usdt/contracts": "contracts",
            "/api/v4/futures/btc/contracts": "no_contracts",
            "/api/v4/futures/usdt/funding_rate": "funding",
            "/api/v4/futures/usdt/candlesticks": "candles",
            "/api/v4/futures/usdt/trades": "trades",
            "/api/v4/futures/usdt/order_book": "book",
            "/api/v4/futures/usdt/contract_stats": "stats",
        }
    )

    def time(self, _query: Query) -> Any:
        return {"server_time": self.now()}

    def no_contracts(self, _query: Query) -> Any:
        return []

    def contracts(self, _query: Query) -> Any:
        live = {"name": _ID, "type": "direct", "quanto_multiplier": f"{SIZE}", "funding_interval": 14_400,
                "leverage_min": "1", "leverage_max": "100", "order_price_round": "0.1", "status": "trading",
                "order_size_min": 1, "order_size_max": 1_000_000, "order_price_deviate": "0.5",
                "mark_price": "60000", "create_time": truth.LISTED // 1000, "funding_rate": "0.0001",
                "in_delisting": False}  # fmt: skip
        return [live, {**live, "name": "OLD_USDT", "status": "delisted"}]

    def funding(self, query: Query) -> Any:
        first, last = int(query["from"]), int(query["to"])
        rows = [
            {"t": truth.stamp(slot) // 1000, "r": f"{truth.rate(slot):.8f}"}
            for slot in truth.funding_slots()
            if first <= truth.stamp(slot) // 1000 <= last
        ]
        return self.page(rows, int(query["limit"]))[::-1]

    def candles(self, query: Query) -> Any:
        step, first, last = _STEPS[query["interval"]], int(query["from"]) * 1000, int(query["to"]) * 1000
        found = truth.bars(step, first, last, self.now())
        price = {"mark_": truth.mark, "index_": truth.index}.get(query["contract"].removesuffix(_ID))
        if price is not None:
            shared = [(one.ts, f"{price(one.ts)}") for one in found]
            return self.page([{"t": ts // 1000, "o": p, "h": p, "l": p, "c": p} for ts, p in shared], 2000)
        return self.page([self._candle(one) for one in found], 2000)

    def _candle(self, one: truth.Bar) -> dict[str, Any]:
        return {"t": one.ts // 1000, "v": round(one.volume / SIZE), "c": f"{one.close}", "h": f"{one.high}",
                "l": f"{one.low}", "o": f"{one.open}", "sum": f"{one.quote_volume}"}  # fmt: skip

    def trades(self, query: Query) -> Any:
        first, last = int(query["from"]) * 1000, int(query["to"]) * 1000 + 999
        rows = [self._trade(one) for one in truth.prints(first, last, self.now())]
        return self.page(rows, int(query["limit"]))[::-1]

    def _trade(self, one: truth.Print) -> dict[str, Any]:
        size = round(one.quantity / SIZE) * (1 if one.side == "buy" else -1)
        return {"id": one.id, "create_time": one.ts // 1000, "create_time_ms": one.ts / 1000,
                "contract": _ID, "size": size, "price": f"{one.price}"}  # fmt: skip

    def book(self, query: Query) -> Any:
        limit = int(query["limit"])
        bids, asks = (
            [{"p": f"{price}", "s": round(size / SIZE)} for price, size in side[:limit]]
            for side in truth.book()
        )
        return {
            "id": 123,
            "current": self.now() / 1000,
            "update": self.now() / 1000,
            "asks": asks,
            "bids": bids,
        }

    def stats(self, query: Query) -> Any:
        step = _STEPS[query["interval"]]
        first = -(-int(query["from"]) * 1000 // step) * step
        rows = [
            {"time": ts // 1000, "open_interest": round(truth.interest(ts) / SIZE), "open_interest_usd": 1.0}
            for ts in range(first, self.now() + 1, step)
        ]
        return self.page(rows, int(query["limit"]), newest=False)

    def wanted(self, message: Any) -> tuple[list[str], Any]:
        channel = message["channel"]
        if channel.endswith("ping"):
            return [], {"time": message["time"], "channel": channel.replace("ping", "pong"), "event": ""}
        told = {name: message.get(name) for name in ("id", "time", "channel")}
        return [channel], {**told, "event": "subscribe", "result": {"status": "success"}, "error": None}

    def push(self, key: str, beat: int) -> Any:
        now = self.now()
        shared = {"time": now // 1000, "time_ms": now, "channel": key, "event": "update"}
        if key == "futures.candlesticks":
            one = self._candle(truth.bar(floor_ms(now, MINUTE_MS)))
            return {**shared, "result": [{**one, "n": f"1m_{_ID}", "w": False}]}
        if key == "futures.trades":
            trade = self._trade(truth.print_of(beat))
            return {**shared, "result": [{**trade, "create_time": now // 1000, "create_time_ms": now}]}
        if key == "futures.book_ticker":
            bids, asks = truth.book()
            sides = {"b": f"{bids[0][0]}", "B": round(bids[0][1] / SIZE),
                     "a": f"{asks[0][0]}", "A": round(asks[0][1] / SIZE)}  # fmt: skip
            return {**shared, "result": {"t": now, "u": beat, "s": _ID, **sides}}
        row = {"contract": _ID, "last": "60000", "mark_price": f"{truth.mark(now)}", "funding_rate": "0.0001",
               "index_price": f"{truth.index(now)}", "volume_24h_base": "1"}  # fmt: skip
        return {**shared, "result": [row]}
