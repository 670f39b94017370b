"""Bars as the venue writes them: compact JSON rows, numbers as text in tick and lot steps."""

from quant_pipelines.core.series import Window
from quant_pipelines.simulator.intervals import bars_between
from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.queries import VenueError
from quant_pipelines.simulator.question import Question


def continuous_kline_rows(asked: Question) -> bytes:
    """Body of ``GET /fapi/v1/continuousKlines``: a pair's perpetual, the only contract that it has."""
    if asked.query.text("contractType") != "PERPETUAL":
        raise VenueError(-4104, "Invalid contract type.")
    return kline_rows(asked._replace(query=asked.query.renamed("pair", "symbol")))


def kline_rows(asked: Question) -> bytes:
    """Body of ``GET /fapi/v1/klines``; the bar that is still open comes last when the page reaches now."""
    market, _, query, now_ms = asked
    listing, interval = query.listing(market.listings), query.interval()
    limit = query.limit(500, 1500)
    first, last = query.span(interval, limit=limit, now_ms=now_ms)
    first = max(first, interval.floor(market.first_bar_ms(listing.name, interval.grid_ms)))
    last = min(last, interval.after(first, limit - 1))
    ts, rows = bars_between(market, listing.name, interval, opens=Window(first, last + 1), now_ms=now_ms)
    template = _template(listing)
    body = ",".join(
        [
            template
            % (opened, *prices_and_volume, interval.after(opened) - 1, quote, trades, taker, taker_quote)
            for opened, (*prices_and_volume, quote, trades, taker, taker_quote) in zip(
                ts.tolist(), rows.tolist(), strict=True
            )
        ]
    )
    return f"[{body}]".encode()


def _template(listing: Listing) -> str:
    decimals = max(listing.price_decimals, listing.past_price_decimals)
    price, quantity = f'"%.{decimals}f"', f'"%.{listing.quantity_decimals}f"'
    quote = f'"%.{decimals + listing.quantity_decimals}f"'
    return f'[%d,{price},{price},{price},{price},{quantity},%d,{quote},%d,{quantity},{quote},"0"]'
