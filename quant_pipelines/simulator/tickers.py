"""The last 24 hours in one row: REST ticker and the ticker streams."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS
from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import MarketPort
from quant_pipelines.simulator.seconds import CLOSE, HIGH, LOW, OPEN, QUOTE_VOLUME, TRADES, VOLUME

_NAMES = {
    "priceChange": "change",
    "priceChangePercent": "change_percent",
    "weightedAvgPrice": "average",
    "lastPrice": "last",
    "lastQty": "last_quantity",
    "openPrice": "open",
    "highPrice": "high",
    "lowPrice": "low",
    "volume": "volume",
    "quoteVolume": "quote_volume",
    "openTime": "open_ms",
    "lastId": "trades",
    "count": "trades",
}


class Ticker(NamedTuple):
    """A symbol's last 24 hours, numbers as the venue writes them."""

    open_ms: int
    open: str
    high: str
    low: str
    last: str
    change: str
    change_percent: str
    average: str
    volume: str
    quote_volume: str
    last_quantity: str
    trades: int


def ticker_at(market: MarketPort, listing: Listing, now_ms: int) -> Ticker | None:
    """Return the ticker of the 24 hours before ``now_ms``; None if nothing traded in them."""
    open_ms = (now_ms - DAY_MS) // MINUTE_MS * MINUTE_MS + MINUTE_MS
    _, rows = market.bars(listing.name, MINUTE_MS, first_ms=open_ms, last_ms=now_ms, now_ms=now_ms)
    if not len(rows):
        return None
    opened, last = float(rows[0, OPEN]), float(rows[-1, CLOSE])
    volume, quote_volume = float(rows[:, VOLUME].sum()), float(rows[:, QUOTE_VOLUME].sum())

    def price(value: float) -> str:
        return f"{value:.{listing.price_decimals}f}"

    def quantity(value: float) -> str:
        return f"{value:.{listing.quantity_decimals}f}"

    return Ticker(
        open_ms=open_ms,
        open=price(opened),
        high=price(float(rows[:, HIGH].max())),
        low=price(float(rows[:, LOW].min())),
        last=price(last),
        change=price(last - opened),
        change_percent=f"{(last / opened - 1) * 100:.3f}",
        average=price(quote_volume / volume if volume and quote_volume else last),
        volume=quantity(volume),
        quote_volume=f"{quote_volume:.2f}",
        last_quantity=quantity(market.second(listing.name, now_ms).quantity),
        trades=int(rows[:, TRADES].sum()),
    )


def text_of(value: float | None) -> str:
    """Price or rate as the venue writes it; empty where it is not known."""
    return "" if value is None else f"{value:.8f}"


def ticker_document(market: MarketPort, listing: Listing, now_ms: int) -> dict[str, Any] | None:
    """Row of ``GET /fapi/v1/ticker/24hr``."""
    ticker = ticker_at(market, listing, now_ms)
    if ticker is None:
        return None
    return {"symbol": listing.name, **named(ticker, _NAMES), "closeTime": now_ms, "firstId": 1}


def named(ticker: Ticker, names: Mapping[str, str]) -> dict[str, Any]:
    """Fields of a ticker under the names that a message has for them."""
    return {name: getattr(ticker, field) for name, field in names.items()}
