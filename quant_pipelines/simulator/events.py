"""Stream messages of one second: one table from the kind of stream to its document."""

from collections.abc import Callable
from typing import Any, NamedTuple

from quant_pipelines.simulator.book import book_at, changes
from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import DerivativesPort, MarketPort
from quant_pipelines.simulator.prints import aggregate_of
from quant_pipelines.simulator.queries import INTERVALS
from quant_pipelines.simulator.seconds import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    QUOTE_VOLUME,
    TAKER_QUOTE,
    TAKER_VOLUME,
    TRADES,
    VOLUME,
)
from quant_pipelines.simulator.tickers import text_of, ticker_at

Message = dict[str, Any]


class MarketMoment(NamedTuple):
    """What a message is made from: the venue, the contract, now and the second that was played before."""

    market: MarketPort
    derivatives: DerivativesPort
    listing: Listing
    now_ms: int
    before_ms: int


def messages_of(
    name: str, market: MarketPort, derivatives: DerivativesPort, *, now_ms: int, before_ms: int
) -> list[Message]:
    """Messages of a stream such as ``btcusdt@kline_1m`` for this second; none when unknown."""
    symbol, _, kind = name.partition("@")
    listing = market.listings.get(symbol.upper())
    if listing is None or not market.is_trading(listing.name, now_ms):
        return []
    moment = MarketMoment(market, derivatives, listing, now_ms, before_ms)
    if kind.startswith("kline_"):
        return _klines(moment, kind.removeprefix("kline_"))
    make = _KINDS.get(kind)
    return make(moment) if make else []


def _klines(moment: MarketMoment, interval: str) -> list[Message]:
    step = INTERVALS.get(interval)
    if step is None:
        return []
    slot, before = moment.now_ms // step * step, moment.before_ms // step * step
    ended = _kline(moment, interval, before, is_closed=True) if before < slot else []
    return [*ended, *_kline(moment, interval, slot, is_closed=False)]


def _kline(moment: MarketMoment, interval: str, slot: int, *, is_closed: bool) -> list[Message]:
    listing, step = moment.listing, INTERVALS[interval]
    _, rows = moment.market.bars(listing.name, step, first_ms=slot, last_ms=slot, now_ms=moment.now_ms)
    if not len(rows):
        return []
    row = rows[0]

    def price(column: int) -> str:
        return f"{row[column]:.{listing.price_decimals}f}"

    def quantity(column: int) -> str:
        return f"{row[column]:.{listing.quantity_decimals}f}"

    document = {
        "t": slot,
        "T": slot + step - 1,
        "s": listing.name,
        "i": interval,
        "f": 1,
        "L": int(row[TRADES]),
        "o": price(OPEN),
        "c": price(CLOSE),
        "h": price(HIGH),
        "l": price(LOW),
        "v": quantity(VOLUME),
        "n": int(row[TRADES]),
        "x": is_closed,
        "q": f"{row[QUOTE_VOLUME]:.4f}",
        "V": quantity(TAKER_VOLUME),
        "Q": f"{row[TAKER_QUOTE]:.4f}",
        "B": "0",
    }
    return [{"e": "kline", "E": moment.now_ms, "s": listing.name, "k": document}]


def _trade(moment: MarketMoment) -> list[Message]:
    listing = moment.listing
    second = moment.market.second(listing.name, moment.now_ms)
    if second.quantity <= 0:
        return []
    return [
        {
            "e": "trade",
            "E": moment.now_ms,
            "T": moment.now_ms,
            "s": listing.name,
            "t": moment.now_ms // 1000,
            "p": f"{second.price:.{listing.price_decimals}f}",
            "q": f"{second.quantity:.{listing.quantity_decimals}f}",
            "X": "MARKET",
            "m": second.taker_share <= 0.5,
        }
    ]


def _aggregate(moment: MarketMoment) -> list[Message]:
    trade = aggregate_of(moment.market, moment.listing, moment.now_ms)
    if trade is None:
        return []
    return [{"e": "aggTrade", "E": moment.now_ms, "s": moment.listing.name, **trade}]


def _book_ticker(moment: MarketMoment) -> list[Message]:
    book = book_at(moment.market, moment.listing, moment.now_ms)
    (bid, bid_size), (ask, ask_size) = book.bids[0], book.asks[0]
    return [
        {
            "e": "bookTicker",
            "u": book.update_id,
            "E": moment.now_ms,
            "T": moment.now_ms,
            "s": moment.listing.name,
            "b": bid,
            "B": bid_size,
            "a": ask,
            "A": ask_size,
        }
    ]


def _depth(moment: MarketMoment) -> list[Message]:
    after = book_at(moment.market, moment.listing, moment.now_ms)
    before = book_at(moment.market, moment.listing, moment.before_ms)
    return [
        {
            "e": "depthUpdate",
            "E": moment.now_ms,
            "T": moment.now_ms,
            "s": moment.listing.name,
            "U": before.update_id + 1,
            "u": after.update_id,
            "pu": before.update_id,
            "b": changes(before.bids, after.bids),
            "a": changes(before.asks, after.asks),
        }
    ]


def _mark_price(moment: MarketMoment) -> list[Message]:
    listing, derivatives = moment.listing, moment.derivatives
    mark = derivatives.mark_price(listing, moment.now_ms)
    if mark is None:
        return []
    index = text_of(derivatives.index_price(listing, moment.now_ms))
    return [
        {
            "e": "markPriceUpdate",
            "E": moment.now_ms,
            "s": listing.name,
            "p": text_of(mark),
            "i": index,
            "P": index,
            "r": text_of(derivatives.expected_rate(listing, moment.now_ms)),
            "T": derivatives.next_slot(listing, moment.now_ms),
        }
    ]


def _mini_ticker(moment: MarketMoment) -> list[Message]:
    ticker = ticker_at(moment.market, moment.listing, moment.now_ms)
    if ticker is None:
        return []
    return [
        {
            "e": "24hrMiniTicker",
            "E": moment.now_ms,
            "s": moment.listing.name,
            "c": ticker.last,
            "o": ticker.open,
            "h": ticker.high,
            "l": ticker.low,
            "v": ticker.volume,
            "q": ticker.quote_volume,
        }
    ]


_KINDS: dict[str, Callable[[MarketMoment], list[Message]]] = {
    "trade": _trade,
    "aggTrade": _aggregate,
    "bookTicker": _book_ticker,
    "depth@100ms": _depth,
    "depth": _depth,
    "markPrice": _mark_price,
    "markPrice@1s": _mark_price,
    "miniTicker": _mini_ticker,
}
