"""Names of market streams: what each one tells, or why it will never tell anything."""

from typing import Any, NamedTuple

from quant_pipelines.simulator.events import (
    ALL_KINDS,
    ARRAY_KINDS,
    CONTINUOUS_KINDS,
    KINDS,
    Maker,
    MarketMoment,
    Message,
    mark_price_updates,
)
from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import DerivativesPort, MarketPort

_PERPETUAL = "_perpetual"


class Stream(NamedTuple):
    """What a stream speaks of, who makes its messages, and whether they come in one list."""

    listings: tuple[Listing, ...]
    make: Maker
    is_list: bool = False


def messages_of(
    name: str, market: MarketPort, derivatives: DerivativesPort, *, now_ms: int, before_ms: int
) -> list[Any]:
    """Messages of a stream such as ``btcusdt@kline_1m`` for this second; none when unknown."""
    stream = _stream_of(name, market)
    if stream is None:
        return []
    messages: list[Message] = []
    for listing in stream.listings:
        if market.is_trading(listing.name, now_ms):
            messages += stream.make(MarketMoment(market, derivatives, listing, now_ms, before_ms))
    return [messages] if stream.is_list and messages else list(messages)


def why_silent(name: str, market: MarketPort, derivatives: DerivativesPort, now_ms: int) -> str | None:
    """Sentence that says why a market stream would never speak; empty when it will, None for other names."""
    if not {"@", "!"} & set(name):
        return None
    stream = _stream_of(name, market)
    if stream is None:
        lower = name.lower()
        near = f"; names are written like {lower}" if _stream_of(lower, market) else ""
        return f"stream {name!r} is not served and would stay silent{near}"
    if not any(market.is_trading(listing.name, now_ms) for listing in stream.listings):
        return f"stream {name!r} would stay silent: its symbol is not trading"
    if stream.make is mark_price_updates and not any(map(derivatives.has_marks, stream.listings)):
        return f"stream {name!r} would stay silent: what is played here has no mark prices"
    return ""


def _stream_of(name: str, market: MarketPort) -> Stream | None:
    everything = tuple(market.listings.values())
    if name in ARRAY_KINDS:
        return Stream(everything, ARRAY_KINDS[name], is_list=True)
    if name in ALL_KINDS:
        return Stream(everything, ALL_KINDS[name])
    symbol, _, kind = name.partition("@")
    kinds = CONTINUOUS_KINDS if symbol.endswith(_PERPETUAL) else KINDS
    listing = market.listings.get(symbol.removesuffix(_PERPETUAL).upper())
    if listing is None or kind not in kinds or symbol != symbol.lower():
        return None
    return Stream((listing,), kinds[kind])
