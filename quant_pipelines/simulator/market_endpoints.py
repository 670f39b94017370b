"""Public endpoints of the venue: one table from path to what answers and what it weighs."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple

from quant_pipelines.simulator.best_prices import best_prices, last_prices
from quant_pipelines.simulator.book import book_at
from quant_pipelines.simulator.contracts import exchange_info, funding_info
from quant_pipelines.simulator.klines import continuous_kline_rows, kline_rows
from quant_pipelines.simulator.measurements import STATISTICS
from quant_pipelines.simulator.price_klines import (
    index_price_kline_rows,
    mark_price_kline_rows,
    premium_kline_rows,
)
from quant_pipelines.simulator.prints import aggregate_rows, old_trade_rows, trade_rows
from quant_pipelines.simulator.queries import VenueError
from quant_pipelines.simulator.question import Question
from quant_pipelines.simulator.rare_answers import (
    composite_indices,
    constituents,
    deleveraging_risks,
    delisted_prices,
    trading_schedule,
)
from quant_pipelines.simulator.tickers import text_of, ticker_document

_DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)
_USUAL_FUNDINGS, _MOST_FUNDINGS = 100, 1000
_RECENT_FUNDINGS = 200


class MarketEndpoint(NamedTuple):
    """What answers, and what it weighs."""

    answer: Callable[[Question], Any]
    weight: int = 1


def _tickers(asked: Question) -> Any:
    found = (ticker_document(asked.market, listing, asked.now_ms) for listing in asked.trading())
    return asked.one_or_all([row for row in found if row is not None])


def _depth(asked: Question) -> dict[str, Any]:
    asked.query.text("symbol")
    [listing] = asked.trading()
    limit = asked.query.integer("limit", 500)
    if limit not in _DEPTH_LIMITS:
        raise VenueError(-4021, f"{limit} is not valid depth limit.")
    book = book_at(asked.market, listing, asked.now_ms)
    return {
        "lastUpdateId": book.update_id,
        "E": asked.now_ms,
        "T": asked.now_ms,
        "bids": book.bids[:limit],
        "asks": book.asks[:limit],
    }


def _funding_rates(asked: Question) -> list[dict[str, Any]]:
    """Page forwards from ``startTime``; without it the newest before ``endTime`` or now, oldest first."""
    is_open = not {"startTime", "endTime"} & set(asked.query.values)
    limit = asked.query.limit(_RECENT_FUNDINGS if is_open else _USUAL_FUNDINGS, _MOST_FUNDINGS)
    last = min(asked.query.integer("endTime", asked.now_ms), asked.now_ms)
    rows: list[dict[str, Any]] = []
    for listing in asked.query.listings(asked.market.listings):
        slots = asked.derivatives.slots(listing, asked.query.integer("startTime", 0), last)
        for slot in slots[:limit] if "startTime" in asked.query.values else slots[-limit:]:
            funding = asked.derivatives.funding(listing, slot)
            if funding.ts_ms > asked.now_ms:
                continue
            row = {
                "symbol": listing.name,
                "fundingTime": funding.ts_ms,
                "fundingRate": f"{funding.rate:.8f}",
                "markPrice": text_of(funding.mark_price),
            }
            rows.append(row)
    rows.sort(key=itemgetter("fundingTime"))
    return rows[:limit] if "startTime" in asked.query.values else rows[-limit:]


def _premium_index(asked: Question) -> Any:
    rows = []
    for listing in asked.trading():
        mark = asked.derivatives.mark_price(listing, asked.now_ms)
        if mark is None:
            continue
        index = text_of(asked.derivatives.index_price(listing, asked.now_ms))
        row = {
            "symbol": listing.name,
            "markPrice": text_of(mark),
            "indexPrice": index,
            "estimatedSettlePrice": index,
            "lastFundingRate": text_of(asked.derivatives.expected_rate(listing, asked.now_ms)),
            "interestRate": "0.00010000",
            "nextFundingTime": asked.derivatives.next_slot(listing, asked.now_ms),
            "time": asked.now_ms,
        }
        rows.append(row)
    return asked.one_or_all(rows)


def _open_interest(asked: Question) -> Any:
    listing = asked.query.listing(asked.market.listings)
    interest = asked.derivatives.open_interest(listing, asked.now_ms)
    if interest is None:
        return []
    return {
        "openInterest": f"{interest:.{listing.quantity_decimals}f}",
        "symbol": listing.name,
        "time": asked.now_ms,
    }


MARKET_ENDPOINTS: dict[str, MarketEndpoint] = {
    "/fapi/v1/ping": MarketEndpoint(lambda _: {}),
    "/fapi/v1/time": MarketEndpoint(lambda asked: {"serverTime": asked.now_ms}),
    "/fapi/v1/exchangeInfo": MarketEndpoint(lambda asked: exchange_info(asked.market, asked.now_ms)),
    "/fapi/v1/fundingInfo": MarketEndpoint(lambda asked: funding_info(asked.market.listings.values())),
    "/fapi/v1/klines": MarketEndpoint(kline_rows, 10),
    "/fapi/v1/continuousKlines": MarketEndpoint(continuous_kline_rows, 10),
    "/fapi/v1/markPriceKlines": MarketEndpoint(mark_price_kline_rows, 10),
    "/fapi/v1/indexPriceKlines": MarketEndpoint(index_price_kline_rows, 10),
    "/fapi/v1/premiumIndexKlines": MarketEndpoint(premium_kline_rows, 10),
    "/fapi/v1/aggTrades": MarketEndpoint(aggregate_rows, 20),
    "/fapi/v1/trades": MarketEndpoint(trade_rows, 5),
    "/fapi/v1/historicalTrades": MarketEndpoint(old_trade_rows, 20),
    "/fapi/v1/ticker/24hr": MarketEndpoint(_tickers, 40),
    "/fapi/v1/ticker/bookTicker": MarketEndpoint(best_prices, 5),
    "/fapi/v1/ticker/price": MarketEndpoint(last_prices, 2),
    "/fapi/v2/ticker/price": MarketEndpoint(last_prices, 2),
    "/fapi/v1/depth": MarketEndpoint(_depth, 20),
    "/fapi/v1/rpiDepth": MarketEndpoint(_depth, 20),
    "/fapi/v1/fundingRate": MarketEndpoint(_funding_rates),
    "/fapi/v1/premiumIndex": MarketEndpoint(_premium_index),
    "/fapi/v1/openInterest": MarketEndpoint(_open_interest),
    "/fapi/v1/constituents": MarketEndpoint(constituents, 2),
    "/fapi/v1/indexInfo": MarketEndpoint(composite_indices),
    "/fapi/v1/assetIndex": MarketEndpoint(composite_indices),
    "/fapi/v1/symbolAdlRisk": MarketEndpoint(deleveraging_risks),
    "/fapi/v1/tradingSchedule": MarketEndpoint(trading_schedule, 5),
    "/futures/data/delivery-price": MarketEndpoint(delisted_prices),
    **{f"/futures/data/{name}": MarketEndpoint(answer) for name, answer in STATISTICS.items()},
}
