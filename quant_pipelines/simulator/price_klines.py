"""Bars of mark, index and premium, told by the prices at their ends; what is not known is not there."""

from collections.abc import Callable
from typing import Any

from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.question import Question
from quant_pipelines.simulator.tickers import text_of

Price = Callable[[Listing, int], float | None]


def mark_price_kline_rows(asked: Question) -> list[list[Any]]:
    """Body of ``GET /fapi/v1/markPriceKlines``."""
    return _rows(asked, asked.derivatives.mark_price)


def index_price_kline_rows(asked: Question) -> list[list[Any]]:
    """Body of ``GET /fapi/v1/indexPriceKlines``."""
    of_pair = asked._replace(query=asked.query.renamed("pair", "symbol"))
    return _rows(of_pair, asked.derivatives.index_price)


def premium_kline_rows(asked: Question) -> list[list[Any]]:
    """Body of ``GET /fapi/v1/premiumIndexKlines``: how far mark lies from index, as a fraction."""

    def premium(listing: Listing, at_ms: int) -> float | None:
        mark, index = (
            price(listing, at_ms) for price in (asked.derivatives.mark_price, asked.derivatives.index_price)
        )
        return None if mark is None or not index else mark / index - 1

    return _rows(asked, premium)


def _rows(asked: Question, price: Price) -> list[list[Any]]:
    """Bars of a page; the open one comes last."""
    market, _, query, now_ms = asked
    listing = query.listing(market.listings)
    interval, limit = query.interval(), query.limit(500, 1500)
    first, last = query.span(interval, limit=limit, now_ms=now_ms)
    known = market.first_bar_ms(listing.name, interval.grid_ms)
    first = max(first, interval.after(known))
    last = min(last, interval.after(first, limit - 1))
    rows = []
    for number in range(interval.number_of(first), interval.number_of(last) + 1):
        ts, end = interval.open_of(number), interval.open_of(number + 1)
        opened, closed = price(listing, ts), price(listing, min(end, now_ms))
        if opened is None or closed is None:
            continue
        low, high = sorted((opened, closed))
        prices = [text_of(price) for price in (opened, high, low, closed)]
        rows.append([ts, *prices, "0", end - 1, "0", 60, "0", "0", "0"])
    return rows
