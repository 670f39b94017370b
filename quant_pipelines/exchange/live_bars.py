"""Open bars from the kline stream, taken from raw messages so that no wake-up of ccxt's can lose one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from quant_pipelines.core.clock import Clock
from quant_pipelines.exchange.market_source import LiveBar

logger = logging.getLogger(__name__)
_MOST_WAITING = 1000
_RECONNECT_SECONDS = 1.0


class Mailbox:
    """Newest state of each open bar that the consumer has not taken yet.

    Parameters
    ----------
    symbol_of
        ccxt symbol by the exchange's symbol.
    clock
        Stamps each message.
    """

    def __init__(self, symbol_of: dict[str, str], clock: Clock) -> None:
        self._symbol_of = symbol_of
        self._clock = clock
        self._waiting: dict[tuple[str, int], LiveBar] = {}
        self._arrived = asyncio.Event()

    def deliver(self, message: Any) -> None:
        """Take a raw stream message; anything but a 1-minute kline of our symbols is ignored."""
        if not isinstance(message, dict) or message.get("e") != "kline":
            return
        kline = message["k"]
        symbol = self._symbol_of.get(message["s"])
        if symbol is None or kline["i"] != "1m":
            return
        opened, high, low, close, volume = (float(kline[name]) for name in "ohlcv")
        bar = LiveBar(symbol, int(kline["t"]), opened, high, low, close, volume, self._clock())
        self._waiting[(symbol, bar.ts)] = bar
        if len(self._waiting) > _MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._arrived.set()

    def wake(self) -> None:
        """Let the consumer look up although nothing arrived."""
        self._arrived.set()

    async def take(self) -> list[LiveBar]:
        """Wait for news and return the bars that wait, oldest first."""
        await self._arrived.wait()
        self._arrived.clear()
        bars, self._waiting = list(self._waiting.values()), {}
        return bars


async def stream_bars(client: Any, symbols: Sequence[str], clock: Clock) -> AsyncIterator[LiveBar]:
    """Open bars of the symbols, for ever.

    Parameters
    ----------
    client
        ccxt pro client with its markets loaded.
    symbols
        ccxt symbols.
    clock
        Stamps each message.
    """
    mailbox = Mailbox({client.markets[symbol]["id"]: symbol for symbol in symbols}, clock)
    client.raw_taps.append(mailbox.deliver)
    subscription = asyncio.create_task(_keep_subscribed(client, list(symbols)), name="kline streams")
    subscription.add_done_callback(lambda _task: mailbox.wake())
    try:
        while not subscription.done():
            for bar in await mailbox.take():
                yield bar
        subscription.result()  # it never ends by itself: this raises what broke it
    finally:
        client.raw_taps.remove(mailbox.deliver)
        subscription.cancel()
        await asyncio.gather(subscription, return_exceptions=True)


async def _keep_subscribed(client: Any, symbols: list[str]) -> None:
    from ccxt.base.errors import BaseError  # noqa: PLC0415 - imported with the client

    pairs = [[symbol, "1m"] for symbol in symbols]
    while True:
        try:
            await client.watch_ohlcv_for_symbols(pairs)
        except BaseError as error:
            logger.warning("kline streams lost (%s %s); connecting again", type(error).__name__, error)
            await asyncio.sleep(_RECONNECT_SECONDS)
