"""Bars as the venue writes them: compact JSON rows, numbers as text in tick and lot steps."""

from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import MarketPort
from quant_pipelines.simulator.queries import Query


def kline_rows(market: MarketPort, query: Query, now_ms: int) -> bytes:
    """Body of ``GET /fapi/v1/klines``; the bar that is still open comes last when the page reaches now."""
    listing = query.listing(market.listings)
    step = query.interval()
    limit = query.limit(500, 1500)
    first, last = query.span(step_ms=step, limit=limit, now_ms=now_ms)
    first = max(-(-first // step) * step, market.first_bar_ms(listing.name, step))
    last = min(last, first + (limit - 1) * step)
    ts, rows = market.bars(listing.name, step, first_ms=first, last_ms=last, now_ms=now_ms)
    template = _template(listing)
    body = ",".join(
        [
            template % (opened, *prices_and_volume, opened + step - 1, quote, trades, taker, taker_quote)
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
