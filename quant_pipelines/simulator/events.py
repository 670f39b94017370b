"""Stream messages of one second: tables from the kind of stream to what makes its document."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from quant_pipelines.core.series import Window
from quant_pipelines.simulator.book import PlayedBook, book_at, changes
from quant_pipelines.simulator.intervals import INTERVALS, Interval, bars_between
from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import DerivativesPort, MarketPort
from quant_pipelines.simulator.prints import aggregate_of
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
from quant_pipelines.simulator.tickers import named, text_of, ticker_at

Message = dict[str, Any]


class MarketMoment(NamedTuple):
    """What a message is made from: the venue, the contract, now and the second that was played before."""

    market: MarketPort
    derivatives: DerivativesPort
    listing: Listing
    now_ms: int
    before_ms: int


Maker: TypeAlias = Callable[[MarketMoment], list[Message]]


def _klines(moment: MarketMoment, interval: Interval) -> list[Message]:
    slot, before = interval.floor(moment.now_ms), interval.floor(moment.before_ms)
    ended = _kline(moment, interval, before, is_closed=True) if before < slot else []
    documents = [*ended, *_kline(moment, interval, slot, is_closed=False)]
    return [{"e": "kline", "E": moment.now_ms, "s": moment.listing.name, "k": one} for one in documents]


def _continuous_klines(moment: MarketMoment, interval: Interval) -> list[Message]:
    head = {"e": "continuous_kline", "E": moment.now_ms, "ps": moment.listing.name, "ct": "PERPETUAL"}
    bars = [message["k"] for message in _klines(moment, interval)]
    return [head | {"k": {field: bar[field] for field in bar if field != "s"}} for bar in bars]


def _kline(moment: MarketMoment, interval: Interval, slot: int, *, is_closed: bool) -> list[Message]:
    listing = moment.listing
    _, rows = bars_between(
        moment.market, listing.name, interval, opens=Window(slot, slot + 1), now_ms=moment.now_ms
    )
    if not len(rows):
        return []
    row = rows[0]

    def price(column: int) -> str:
        return f"{row[column]:.{listing.price_decimals}f}"

    def quantity(column: int) -> str:
        return f"{row[column]:.{listing.quantity_decimals}f}"

    return [
        {
            "t": slot,
            "T": interval.after(slot) - 1,
            "s": listing.name,
            "i": interval.name,
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
    ]


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
    before, after = _books(moment)
    update = _book_update(moment, before, after)
    return [update | {"b": changes(before.bids, after.bids), "a": changes(before.asks, after.asks)}]


def _top_of_book(moment: MarketMoment, levels: int) -> list[Message]:
    before, after = _books(moment)
    update = _book_update(moment, before, after)
    return [update | {"b": after.bids[:levels], "a": after.asks[:levels]}]


def _books(moment: MarketMoment) -> tuple[PlayedBook, PlayedBook]:
    before, after = (
        book_at(moment.market, moment.listing, ts_ms) for ts_ms in (moment.before_ms, moment.now_ms)
    )
    return before, after


def _book_update(moment: MarketMoment, before: PlayedBook, after: PlayedBook) -> Message:
    return {
        "e": "depthUpdate",
        "E": moment.now_ms,
        "T": moment.now_ms,
        "s": moment.listing.name,
        "U": before.update_id + 1,
        "u": after.update_id,
        "pu": before.update_id,
    }


def mark_price_updates(moment: MarketMoment) -> list[Message]:
    """Mark price, index price and the next funding; nothing where no mark price is known."""
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
    return _of_a_day(moment, "24hrMiniTicker", _MINI_TICKER)


def _ticker(moment: MarketMoment) -> list[Message]:
    rest = {"C": moment.now_ms, "F": 1}
    return [message | rest for message in _of_a_day(moment, "24hrTicker", _TICKER)]


def _of_a_day(moment: MarketMoment, event: str, names: Mapping[str, str]) -> list[Message]:
    ticker = ticker_at(moment.market, moment.listing, moment.now_ms)
    if ticker is None:
        return []
    return [{"e": event, "E": moment.now_ms, "s": moment.listing.name, **named(ticker, names)}]


_MINI_TICKER = {"c": "last", "o": "open", "h": "high", "l": "low", "v": "volume", "q": "quote_volume"}
_TICKER = _MINI_TICKER | {
    "p": "change",
    "P": "change_percent",
    "w": "average",
    "Q": "last_quantity",
    "O": "open_ms",
    "L": "trades",
    "n": "trades",
}
_BOOK_SPEEDS = ("", "@0ms", "@100ms", "@250ms", "@500ms")

KINDS: dict[str, Maker] = {
    "trade": _trade,
    "aggTrade": _aggregate,
    "bookTicker": _book_ticker,
    **{f"depth{speed}": _depth for speed in _BOOK_SPEEDS},
    **{
        f"depth{levels}{speed}": partial(_top_of_book, levels=levels)
        for levels in (5, 10, 20)
        for speed in _BOOK_SPEEDS
    },
    "rpiDepth@500ms": _depth,  # nobody improves prices for retail here, so it is the whole book
    "markPrice": mark_price_updates,
    "markPrice@1s": mark_price_updates,
    "miniTicker": _mini_ticker,
    "ticker": _ticker,
    **{f"kline_{name}": partial(_klines, interval=one) for name, one in INTERVALS.items()},
}
"""What a stream of one symbol is made by: ``btcusdt@`` and one of these."""

CONTINUOUS_KINDS: dict[str, Maker] = {
    f"continuousKline_{name}": partial(_continuous_klines, interval=one) for name, one in INTERVALS.items()
}
"""The same for a pair and its contract type: ``btcusdt_perpetual@`` and one of these."""

ARRAY_KINDS: dict[str, Maker] = {
    "!ticker@arr": _ticker,
    "!miniTicker@arr": _mini_ticker,
    "!markPrice@arr": mark_price_updates,
    "!markPrice@arr@1s": mark_price_updates,
}
"""Streams of all symbols that speak in one list."""

ALL_KINDS: dict[str, Maker] = {"!bookTicker": _book_ticker}
"""Streams of all symbols that speak one by one."""
