"""Binance's raw stream messages as our values, without ccxt's parsing: several thousand of them a second."""

from collections.abc import Callable
from typing import Any

from quant_pipelines.exchange.market_source import BookTop, LiveBar, MarkPrice, PublicTrade

Message = dict[str, Any]
Decode = Callable[[Message, str, int], Any]


def _bar(message: Message, symbol: str, received_ms: int) -> LiveBar | None:
    kline = message["k"]
    if kline["i"] != "1m":
        return None
    opened, high, low, close, volume = (float(kline[name]) for name in "ohlcv")
    is_final = bool(kline.get("x"))
    return LiveBar(symbol, int(kline["t"]), opened, high, low, close, volume, received_ms, is_final)


def _trade(message: Message, symbol: str, received_ms: int) -> PublicTrade | None:
    if message.get("X", "MARKET") != "MARKET":  # the insurance fund's, not the market's
        return None
    return PublicTrade(
        symbol,
        int(message["T"]),
        str(message["a"] if message["e"] == "aggTrade" else message["t"]),
        float(message["p"]),
        float(message["q"]),
        bool(message["m"]),
        received_ms,
    )


def _book_top(message: Message, symbol: str, received_ms: int) -> BookTop:
    return BookTop(
        symbol,
        int(message.get("T") or received_ms),  # the spot stream has no time
        float(message["b"]),
        float(message["B"]),
        float(message["a"]),
        float(message["A"]),
        received_ms,
    )


def _mark(message: Message, symbol: str, received_ms: int) -> MarkPrice:
    index, rate, slot = message.get("i"), message.get("r"), message.get("T")
    return MarkPrice(
        symbol,
        int(message["E"]),
        float(message["p"]),
        float(index) if index else None,
        float(rate) if rate else None,
        int(slot) if slot else None,
        received_ms,
    )


DECODERS: dict[str, tuple[tuple[str, ...], Decode]] = {
    "bars": (("kline",), _bar),
    "trades": (("aggTrade", "trade"), _trade),
    "book_tops": (("bookTicker",), _book_top),
    "marks": (("markPriceUpdate",), _mark),
}
"""Stream to the events that carry it, and what makes a value of one."""


def event_of(message: Any) -> str:
    """Kind of a raw message; the spot market's book ticker does not name itself."""
    if not isinstance(message, dict):
        return ""
    event = message.get("e")
    if event is None and "u" in message and "B" in message:
        return "bookTicker"
    return str(event or "")
