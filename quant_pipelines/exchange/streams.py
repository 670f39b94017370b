"""Streams for ever: subscribed through ccxt, connected again by themselves.

Where the exchange's raw messages are known they are taken as they come: ccxt's futures lose wake-ups, and
its parsing costs more than everything else. Elsewhere its parsed values are taken; a wake-up that it loses
delays a value until the next one comes.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from quant_pipelines.core.clock import Clock
from quant_pipelines.exchange import rows
from quant_pipelines.exchange.binance_messages import DECODERS, event_of
from quant_pipelines.exchange.dialects import Dialect
from quant_pipelines.exchange.mailbox import Mailbox
from quant_pipelines.exchange.market_source import LiveBar, MarkPrice, PublicTrade
from quant_pipelines.exchange.retry import Backoff
from quant_pipelines.telemetry.record import count

logger = logging.getLogger(__name__)
_UNREADABLE = (KeyError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
_MOST_TRADES = 50_000
_LIVELY_SECONDS = 10.0


def _by_symbol(value: Any) -> Hashable:
    return str(value.symbol)


def _by_bar(value: Any) -> Hashable:
    return value.symbol, value.ts


MAILBOXES: dict[str, Callable[[], Mailbox]] = {
    "bars": lambda: Mailbox(_by_bar),
    "trades": lambda: Mailbox(most_waiting=_MOST_TRADES),
    "book_tops": lambda: Mailbox(_by_symbol),
    "marks": lambda: Mailbox(_by_symbol),
}
"""Stream to its kind of mailbox: states replace each other, trades don't."""


@dataclass(frozen=True, slots=True)
class ExchangeStreams:
    """What all streams of one client need.

    Parameters
    ----------
    client
        ccxt pro client with its markets loaded.
    dialect
        What is special about its exchange.
    clock
        Stamps each message.
    backoff
        Patience between two connections.
    """

    client: Any
    dialect: Dialect
    clock: Clock
    backoff: Backoff

    async def follow(self, kind: str, symbols: Sequence[str]) -> AsyncIterator[Any]:
        """Values of one kind (``bars``, ``trades``, ``book_tops``, ``marks``) of the symbols, for ever."""
        mailbox = MAILBOXES[kind]()
        tap = self.tap(kind, symbols, mailbox) if self.client.speaks_binance else None
        if tap is not None:
            self.client.raw_taps.append(tap)
        listening = asyncio.create_task(self._listen(kind, list(symbols), mailbox), name=f"{kind} streams")
        listening.add_done_callback(lambda _task: mailbox.wake())
        try:
            while not listening.done():
                for value in await mailbox.take():
                    yield value
            listening.result()  # it never ends by itself: this raises what broke it
        finally:
            if tap is not None:
                self.client.raw_taps.remove(tap)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def tap(self, kind: str, symbols: Sequence[str], mailbox: Mailbox) -> Callable[[Any], bool]:
        """Make the function that takes the raw messages of one kind and answers whether it did."""
        symbol_of = {self.client.markets[symbol]["id"]: symbol for symbol in symbols}
        events, decode = DECODERS[kind]

        def tap(message: Any) -> bool:
            if event_of(message) not in events:
                return False
            symbol = symbol_of.get(message.get("s"))
            if symbol is None:
                return False
            try:
                value = decode(message, symbol, self.clock())
            except _UNREADABLE:
                logger.exception("%s message can't be read", kind, extra={"raw": str(message)[:500]})
                return True
            _put_sound(kind, value, mailbox)
            return True

        return tap

    async def _listen(self, kind: str, symbols: list[str], mailbox: Mailbox) -> None:
        single = kind == "bars" and not self.client.has.get("watchOHLCVForSymbols")
        groups = [[symbol] for symbol in symbols] if single else [symbols]
        async with asyncio.TaskGroup() as tasks:
            for group in groups:
                tasks.create_task(self._keep_subscribed(kind, group, mailbox))

    async def _keep_subscribed(self, kind: str, symbols: list[str], mailbox: Mailbox) -> None:
        from ccxt.base.errors import BaseError  # noqa: PLC0415 - imported with the client

        attempt, loop = 0, asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                while True:
                    self._deliver(kind, await self._next(kind, symbols), mailbox)
                    attempt = 0
            except (BaseError, *_UNREADABLE) as error:
                attempt = 0 if loop.time() - started > _LIVELY_SECONDS else attempt
                pause = self.backoff.delay(attempt)
                logger.warning(
                    "%s streams lost (%s %s); connecting again in %.1f s",
                    kind,
                    type(error).__name__,
                    error,
                    pause,
                )
                attempt += 1
                count("quant_stream_reconnects_total", stream=kind)
                await asyncio.sleep(pause)

    def _next(self, kind: str, symbols: list[str]) -> Awaitable[Any]:
        client = self.client
        if kind == "bars" and client.has.get("watchOHLCVForSymbols"):
            answer = client.watch_ohlcv_for_symbols([[symbol, "1m"] for symbol in symbols])
        elif kind == "bars":
            answer = self._bars_of_one(symbols[0])
        elif kind == "trades":
            answer = client.watch_trades_for_symbols(symbols)
        elif kind == "book_tops":
            answer = client.watch_bids_asks(symbols)
        else:
            answer = getattr(client, self.dialect.mark_method)(symbols)
        return answer  # type: ignore[no-any-return]

    async def _bars_of_one(self, symbol: str) -> Any:
        return {symbol: {"1m": await self.client.watch_ohlcv(symbol, "1m")}}

    def _deliver(self, kind: str, told: Any, mailbox: Mailbox) -> None:
        if self.client.speaks_binance:
            return  # the tap was first
        for value in self._values(kind, told):
            _put_sound(kind, value, mailbox)

    def _values(self, kind: str, told: Any) -> Iterable[Any]:
        now = self.clock()
        if kind == "bars":
            for symbol, by_timeframe in told.items():
                size = self.bar_size(symbol)
                for row in by_timeframe["1m"]:
                    yield rows.live_bar_of(symbol, row, size, now)
        elif kind == "trades":
            for row in told:
                yield rows.trade_of(row, self.quantity_size(row["symbol"]), now)
        else:
            # ccxt gives one ticker or several by symbol, as the exchange's module likes it
            tickers = [told] if "symbol" in told else told.values()
            for row in tickers:
                if kind == "marks":
                    yield rows.mark_of(row, self.dialect, now)
                else:
                    yield rows.book_top_of(row, self.quantity_size(row["symbol"]), now)

    def quantity_size(self, symbol: str) -> float:
        """Tell the base units in one unit of trades and books."""
        return self._contract_size(symbol) if self.dialect.quantity_in_contracts else 1.0

    def bar_size(self, symbol: str) -> float:
        """Tell the base units in one unit of a bar's volume."""
        return self._contract_size(symbol) if self.dialect.bar_columns.volume_in_contracts else 1.0

    def _contract_size(self, symbol: str) -> float:
        return float(self.client.markets[symbol].get("contractSize") or 1.0)


def _put_sound(kind: str, value: Any, mailbox: Mailbox) -> None:
    """Hand on what can be acted upon: at a price of 0 or NaN somebody would sell all that he has."""
    if value is None:
        return
    if all(0.0 < price < math.inf for price in _prices(value)):
        mailbox.put(value)
    else:
        logger.warning("%s message has a price that is none", kind, extra={"error": str(value)[:500]})


def _prices(value: Any) -> tuple[float, ...]:
    """Return prices that are never 0; one side of a book may be empty."""
    if isinstance(value, LiveBar):
        return value.open, value.high, value.low, value.close
    if isinstance(value, PublicTrade):
        return (value.price,)
    return (value.mark_price,) if isinstance(value, MarkPrice) else ()
