"""Bars of mark and index prices, told by the prices at their ends; what is not known is not there."""

from collections.abc import Callable
from typing import Any

from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import MarketPort
from quant_pipelines.simulator.queries import Query
from quant_pipelines.simulator.tickers import text_of

Price = Callable[[Listing, int], float | None]


def price_kline_rows(
    market: MarketPort, price: Price, query: Query, now_ms: int, *, by: str
) -> list[list[Any]]:
    """Body of ``markPriceKlines`` and ``indexPriceKlines``; the open bar comes last.

    Parameters
    ----------
    market
        What is listed, and since when.
    price
        Price at a moment.
    query
        ``interval``, ``limit``, ``startTime``, ``endTime`` and what ``by`` names.
    now_ms
        The venue's time.
    by
        Parameter that names the contract: ``symbol`` or ``pair``.
    """
    name = query.text(by)
    listing = Query({**query.values, "symbol": name}).listing(market.listings)
    step, limit = query.interval(), query.limit(500, 1500)
    first, last = query.span(step_ms=step, limit=limit, now_ms=now_ms)
    first = max(-(-first // step) * step, market.first_bar_ms(listing.name, step) + step)
    last = min(last, now_ms, first + (limit - 1) * step)
    rows = []
    for ts in range(first, last + 1, step):
        opened, closed = price(listing, ts), price(listing, min(ts + step, now_ms))
        if opened is None or closed is None:
            continue
        low, high = sorted((opened, closed))
        prices = [text_of(price) for price in (opened, high, low, closed)]
        rows.append([ts, *prices, "0", ts + step - 1, "0", 60, "0", "0", "0"])
    return rows
