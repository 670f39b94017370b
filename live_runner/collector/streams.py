"""What the exchange's streams say, put on the board under the keys that everybody reads."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict
from typing import Any

from live_runner.collector.board import Board
from quant_pipelines.cache import book_key, funding_key, tick_key
from quant_pipelines.core.errors import ExchangeError, StoreError
from quant_pipelines.exchange import BookTop, LiveBar, MarketSource, MarkPrice, PublicTrade
from quant_pipelines.telemetry.record import count

_RECONNECT_SECONDS = (0.5, 30.0)

_log = logging.getLogger(__name__)


class CollectorStreams:
    """Listens to bars, trades, best quotes and mark prices.

    Parameters
    ----------
    source
        The exchange.
    board
        Where its words are put.
    heard
        Told of each bar: it may have closed.
    """

    def __init__(
        self, source: MarketSource, board: Board, heard: Callable[[LiveBar], None] = lambda _bar: None
    ) -> None:
        self._source = source
        self._board = board
        self._heard = heard

    async def follow(self, symbols: Sequence[str]) -> None:
        """Listen until canceled; a stream that breaks is opened again."""
        wanted = sorted(symbols)
        watched: list[tuple[str, Callable[[Sequence[str]], AsyncIterator[Any]], Callable[[Any], None]]] = [
            ("bars", self._source.watch_bars, self.take_bar),
            ("trades", self._source.watch_trades, self.take_trade),
            ("book_tops", self._source.watch_book_tops, self.take_book_top),
            ("marks", self._source.watch_marks, self.take_mark),
        ]
        async with asyncio.TaskGroup() as group:
            for name, watch, take in watched:
                group.create_task(self._listen(name, watch, take, wanted), name=name)

    def take_bar(self, bar: LiveBar) -> None:
        """Put the bar that is trading beside the last trade."""
        shown = {
            "ts": bar.ts,
            "open": bar.open,
            "high": bar.high,
            "low": bar.low,
            "close": bar.close,
            "volume": bar.volume,
        }
        fields = {"symbol": bar.symbol, "bar": shown, "bar_received_ms": bar.received_ms}
        self._board.put("bars", tick_key(bar.symbol), fields, bar.received_ms)
        self._heard(bar)

    def take_trade(self, trade: PublicTrade) -> None:
        """Put the last trade."""
        self._board.put("trades", tick_key(trade.symbol), asdict(trade), trade.received_ms)

    def take_book_top(self, top: BookTop) -> None:
        """Put best bid and ask."""
        self._board.put("book_tops", book_key(top.symbol), asdict(top), top.received_ms)

    def take_mark(self, mark: MarkPrice) -> None:
        """Put mark price and announced funding."""
        self._board.put("marks", funding_key(mark.symbol), asdict(mark), mark.received_ms)

    async def _listen(
        self,
        name: str,
        watch: Callable[[Sequence[str]], AsyncIterator[Any]],
        take: Callable[[Any], None],
        symbols: Sequence[str],
    ) -> None:
        shortest, longest = _RECONNECT_SECONDS
        pause = shortest
        while True:
            try:
                async for word in watch(symbols):
                    take(word)
                    pause = shortest
            except (ExchangeError, StoreError) as error:  # the request budget is in the database
                _log.warning("stream broke", extra={"stream": name, "error": str(error)})
            count("quant_stream_reconnects_total", stream=name)
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)
