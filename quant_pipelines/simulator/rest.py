"""REST endpoints of the simulated venue, market data only: one table from path to answer."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import orjson
from aiohttp import web

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.simulator.book import book_at
from quant_pipelines.simulator.budget import Budget
from quant_pipelines.simulator.contracts import exchange_info, funding_info
from quant_pipelines.simulator.derivatives import OPEN_INTEREST_STEP_MS
from quant_pipelines.simulator.klines import kline_rows
from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import DerivativesPort, MarketPort
from quant_pipelines.simulator.price_klines import price_kline_rows
from quant_pipelines.simulator.prints import aggregate_rows
from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.tickers import text_of, ticker_document

_WEIGHTS = {
    "/fapi/v1/klines": 10,
    "/fapi/v1/markPriceKlines": 10,
    "/fapi/v1/indexPriceKlines": 10,
    "/fapi/v1/aggTrades": 20,
    "/fapi/v1/depth": 20,
    "/fapi/v1/ticker/24hr": 40,
}
_DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)
_OPEN_INTEREST_DAYS = 30  # the venue keeps no more


class RestAnswers:
    """Answers of the venue.

    Parameters
    ----------
    market, derivatives
        What the venue knows.
    clock
        Its time.
    budget
        Counts what is asked.
    """

    def __init__(
        self, market: MarketPort, derivatives: DerivativesPort, clock: Clock, budget: Budget
    ) -> None:
        self._market = market
        self._derivatives = derivatives
        self._clock = clock
        self._budget = budget
        self._answers: dict[str, Callable[[Query, int], Any]] = {
            "/fapi/v1/ping": lambda _query, _now: {},
            "/fapi/v1/time": lambda _query, now: {"serverTime": now},
            "/fapi/v1/exchangeInfo": lambda _query, now: exchange_info(market, now),
            "/fapi/v1/fundingInfo": lambda _query, _now: funding_info(market.listings.values()),
            "/fapi/v1/klines": lambda query, now: kline_rows(market, query, now),
            "/fapi/v1/markPriceKlines": lambda query, now: price_kline_rows(
                market, derivatives.mark_price, query, now, by="symbol"
            ),
            "/fapi/v1/indexPriceKlines": lambda query, now: price_kline_rows(
                market, derivatives.index_price, query, now, by="pair"
            ),
            "/fapi/v1/aggTrades": lambda query, now: aggregate_rows(market, query, now),
            "/fapi/v1/ticker/24hr": self._tickers,
            "/fapi/v1/depth": self._depth,
            "/fapi/v1/fundingRate": self._funding_rates,
            "/fapi/v1/premiumIndex": self._premium_index,
            "/fapi/v1/openInterest": self._open_interest,
            "/futures/data/openInterestHist": self._open_interest_history,
        }

    async def answer(self, request: web.Request) -> web.Response:
        """Response to any request; refusals carry the venue's error document."""
        answer = self._answers.get(request.path) if request.method == "GET" else None
        try:
            if answer is None:
                raise VenueError(-5000, f"Path {request.path}, Method {request.method} is invalid", 404)
            self._budget.spend(_WEIGHTS.get(request.path, 1), self._clock())
            body, status = answer(Query(request.query), self._clock()), 200
        except VenueError as error:
            body, status = {"code": error.code, "msg": error.message}, error.status
        payload = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = {"X-MBX-USED-WEIGHT-1M": str(self._budget.weight)}
        return web.Response(body=payload, status=status, content_type="application/json", headers=headers)

    def _tickers(self, query: Query, now: int) -> Any:
        found = (ticker_document(self._market, listing, now) for listing in self._trading(query, now))
        return _one_or_all(query, [row for row in found if row is not None])

    def _depth(self, query: Query, now: int) -> dict[str, Any]:
        [listing] = self._trading(query, now) if query.text("symbol") else []
        limit = query.integer("limit", 500)
        if limit not in _DEPTH_LIMITS:
            raise VenueError(-4021, f"{limit} is not valid depth limit.")
        book = book_at(self._market, listing, now)
        return {
            "lastUpdateId": book.update_id,
            "E": now,
            "T": now,
            "bids": book.bids[:limit],
            "asks": book.asks[:limit],
        }

    def _funding_rates(self, query: Query, now: int) -> list[dict[str, Any]]:
        limit = query.limit(100, 1000)
        rows: list[dict[str, Any]] = []
        for listing in query.listings(self._market.listings):
            first = query.integer("startTime", now - 7 * DAY_MS)
            last = min(query.integer("endTime", now), now)
            slots = self._derivatives.slots(listing, first, last)
            for slot in slots[:limit] if "startTime" in query.values else slots[-limit:]:
                funding = self._derivatives.funding(listing, slot)
                if funding.ts_ms > now:
                    continue
                row = {
                    "symbol": listing.name,
                    "fundingTime": funding.ts_ms,
                    "fundingRate": f"{funding.rate:.8f}",
                    "markPrice": text_of(funding.mark_price),
                }
                rows.append(row)
        return sorted(rows, key=itemgetter("fundingTime"))[:limit]

    def _premium_index(self, query: Query, now: int) -> Any:
        rows = []
        for listing in self._trading(query, now):
            mark = self._derivatives.mark_price(listing, now)
            if mark is None:
                continue
            index = text_of(self._derivatives.index_price(listing, now))
            row = {
                "symbol": listing.name,
                "markPrice": text_of(mark),
                "indexPrice": index,
                "estimatedSettlePrice": index,
                "lastFundingRate": text_of(self._derivatives.expected_rate(listing, now)),
                "interestRate": "0.00010000",
                "nextFundingTime": self._derivatives.next_slot(listing, now),
                "time": now,
            }
            rows.append(row)
        return _one_or_all(query, rows)

    def _open_interest(self, query: Query, now: int) -> Any:
        listing = query.listing(self._market.listings)
        interest = self._derivatives.open_interest(listing, now)
        if interest is None:
            return []
        return {
            "openInterest": f"{interest:.{listing.quantity_decimals}f}",
            "symbol": listing.name,
            "time": now,
        }

    def _open_interest_history(self, query: Query, now: int) -> list[dict[str, Any]]:
        listing = query.listing(self._market.listings)
        step = query.interval("period")
        if step < OPEN_INTEREST_STEP_MS:
            raise VenueError(-1120, "Invalid period.")
        limit = query.limit(30, 500)
        first, last = query.span(step_ms=step, limit=limit, now_ms=now)
        if first < now - _OPEN_INTEREST_DAYS * DAY_MS:
            raise VenueError(-1130, "parameter 'startTime' is invalid.")
        times = self._derivatives.interest_times(listing, first, min(last, now), step)
        return [self._interest_row(listing, ts) for ts in times[:limit]]

    def _interest_row(self, listing: Listing, ts: int) -> dict[str, Any]:
        interest = self._derivatives.open_interest(listing, ts) or 0.0
        price = self._market.minute_price(listing.name, ts)
        return {
            "symbol": listing.name,
            "sumOpenInterest": f"{interest:.8f}",
            "sumOpenInterestValue": text_of(None if price is None else interest * price),
            "timestamp": ts,
        }

    def _trading(self, query: Query, now: int) -> list[Listing]:
        listings = query.listings(self._market.listings)
        trading = [listing for listing in listings if self._market.is_trading(listing.name, now)]
        if query.values.get("symbol") and not trading:
            raise VenueError(-1122, "Invalid symbol status.")
        return trading


def _one_or_all(query: Query, rows: list[dict[str, Any]]) -> Any:
    """Document of the symbol that was asked for, else all; what is missing is an empty list."""
    return rows[0] if rows and query.values.get("symbol") else rows
