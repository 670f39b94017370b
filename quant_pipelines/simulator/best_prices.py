"""Best bid and ask, and the last price, of one symbol or all."""

from typing import Any

from quant_pipelines.simulator.book import book_at
from quant_pipelines.simulator.question import Question


def best_prices(asked: Question) -> Any:
    """Body of ``GET /fapi/v1/ticker/bookTicker``."""
    rows = []
    for listing in asked.trading():
        book = book_at(asked.market, listing, asked.now_ms)
        (bid, bid_size), (ask, ask_size) = book.bids[0], book.asks[0]
        row = {
            "symbol": listing.name,
            "bidPrice": bid,
            "bidQty": bid_size,
            "askPrice": ask,
            "askQty": ask_size,
            "time": asked.now_ms,
            "lastUpdateId": book.update_id,
        }
        rows.append(row)
    return asked.one_or_all(rows)


def last_prices(asked: Question) -> Any:
    """Body of ``GET /fapi/v1/ticker/price`` and of its version 2, which say the same."""
    rows = [
        {
            "symbol": listing.name,
            "price": f"{asked.market.price(listing.name, asked.now_ms):.{listing.price_decimals}f}",
            "time": asked.now_ms,
        }
        for listing in asked.trading()
    ]
    return asked.one_or_all(rows)
