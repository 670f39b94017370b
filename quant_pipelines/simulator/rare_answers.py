"""Public answers that are asked for rarely, most of them about what this venue does not list."""

from typing import Any

from quant_pipelines.simulator.question import Question
from quant_pipelines.simulator.tickers import text_of


def constituents(asked: Question) -> dict[str, Any]:
    """Body of ``GET /fapi/v1/constituents``: the index of a simulated market has one source, itself."""
    listing = asked.query.listing(asked.market.listings)
    index = asked.derivatives.index_price(listing, asked.now_ms)
    source = {
        "exchange": "simulated",
        "symbol": listing.name,
        "price": text_of(index),
        "weight": "1",
    }
    found = [] if index is None else [source]
    return {"symbol": listing.name, "time": asked.now_ms, "constituents": found}


def delisted_prices(asked: Question) -> list[Any]:
    """Body of ``GET /futures/data/delivery-price``: dated contracts are not listed."""
    asked.query.renamed("pair", "symbol").listing(asked.market.listings)
    return []


def composite_indices(asked: Question) -> list[Any]:
    """Body of ``GET /fapi/v1/indexInfo``: contracts on composite indices are not listed."""
    asked.query.listings(asked.market.listings)
    return []


def deleveraging_risks(asked: Question) -> Any:
    """Body of ``GET /fapi/v1/symbolAdlRisk``: nobody is deleveraged here."""
    rows = [
        {"symbol": listing.name, "adlRisk": "low", "updateTime": asked.now_ms}
        for listing in asked.query.listings(asked.market.listings)
    ]
    return asked.one_or_all(rows)


def trading_schedule(asked: Question) -> dict[str, Any]:
    """Body of ``GET /fapi/v1/tradingSchedule``: no contract here has hours."""
    return {"updateTime": asked.now_ms, "marketSchedules": {}}
