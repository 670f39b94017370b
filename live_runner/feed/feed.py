"""Market data as the runner needs them: closed bars by REST, the age of the live stream, funding slots.

A bar closes by the exchange's clock and is confirmed by REST; the stream only tells that the market is alive.
While a collector does both already, its word is taken, and nothing is asked twice; without it the exchange is
asked as ever.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TypeVar

from live_runner.feed.closings import Closings
from live_runner.feed.relay import TIMEFRAME, Relay
from live_runner.ports.market_time import MarketTime
from live_runner.ports.tasks import first_of
from quant_pipelines.core.errors import ExchangeError, ExchangeUnavailable
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import HOUR_MS, floor_ms, timeframe_ms
from quant_pipelines.exchange import BarRows, FundingRate, LiveBar, MarketSource, PricePoint
from quant_pipelines.risk.account_view import Prices
from quant_pipelines.telemetry.record import count

PATIENCE_MS = 40_000
"""How long after its close a bar is waited for; less than a minute, so that the next one is not missed."""

_POINT_PATIENCE_MS = 3_000
_RETRY_MS = 500
_EARLY_RETRY_MS = 100
_RELAYED_WITHIN_MS = 1_000
"""How long after its grace a minute is waited for that the collector has not told."""
_TOLD_WITHIN_MS = 1_200
"""How old the newest word may be by which prices are known: streams speak at least once a second."""
_FIRST_WORD_SECONDS = 3.0
_FRESH_WORD_SECONDS = 10.0
_RECONNECT_SECONDS = (0.5, 5.0)

_log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class Feed:
    """Market data of all symbols that are traded.

    Parameters
    ----------
    source
        The exchange.
    time
        The exchange's time.
    relay
        The collector's word; None without one.
    grace_ms
        How long after its close a bar counts only if the stream says the same of it.
    """

    def __init__(
        self, source: MarketSource, time: MarketTime, relay: Relay | None = None, *, grace_ms: int = 0
    ) -> None:
        self.source = source
        self.time = time
        self._relay = relay
        self._grace_ms = grace_ms
        self._closings = Closings() if relay is None else relay.closings
        self._heard_ms: dict[str, int] = {}
        self._news_ms: dict[str, int] = {}
        self._last_prices: dict[str, float] = {}
        self._spoke: dict[str, asyncio.Event] = {}
        self._silent: set[str] = set()
        self._told: dict[str, Callable[[str, float], None]] = {}
        self.missing_ms: dict[str, int] = {}
        """Symbol to the time since which its newest bar is asked for in vain, milliseconds UTC."""

    def age_seconds(self, symbol: str) -> float:
        """Seconds since the stream last spoke of a symbol; infinite before it ever did."""
        heard_ms = self._heard_ms.get(symbol)
        own = math.inf if heard_ms is None else (self.time.now_ms() - heard_ms) / 1000
        return own if self._relay is None else min(own, self._relay.age_seconds(symbol))

    def prices(self, symbol: str) -> Prices:
        """Mark and last price as the streams told them last, and their age; NaN what was never told."""
        mark, last = math.nan, self._last_prices.get(symbol, math.nan)
        if self._relay is not None and self._relay.is_alive:
            mark, last = self._relay.prices(symbol)
        return Prices(mark, last, self.age_seconds(symbol))

    def running_bar(self, symbol: str) -> LiveBar | None:
        """Minute that trades, as our own stream told it; None while that tells nothing new of it."""
        news_ms = self._news_ms.get(symbol)
        is_told = news_ms is not None and self.time.now_ms() - news_ms <= _TOLD_WITHIN_MS
        return self._closings.newest(symbol) if is_told else None

    def tell(self, symbol: str, told: Callable[[str, float], None]) -> None:
        """Call somebody at each price of a symbol, in the loop's thread; its stream stays open."""
        self._told[symbol] = told

    def heard(self, bar: LiveBar) -> None:
        """Note that the stream spoke of a symbol just now."""
        self._heard_ms[bar.symbol] = self.time.now_ms()
        self._last_prices[bar.symbol] = bar.close
        if self._closings.is_news(bar):
            self._news_ms[bar.symbol] = self.time.now_ms()
        self._closings.hear(bar)
        if bar.symbol in self._told:
            self._told[bar.symbol](bar.symbol, bar.close)
        if bar.symbol in self._spoke:
            self._spoke[bar.symbol].set()

    async def first_word(self, symbol: str) -> None:
        """Give a fresh stream a moment to speak of a symbol; once, so that silence costs no later bar.

        Without this, whatever is decided right after a start would fall on data of unknown age.
        """
        if self.age_seconds(symbol) < math.inf or symbol in self._silent:
            return
        spoke = self._spoke.setdefault(symbol, asyncio.Event())
        try:
            async with asyncio.timeout(_FIRST_WORD_SECONDS):
                await spoke.wait()
        except TimeoutError:
            self._silent.add(symbol)
            _log.warning("stream is silent", extra={"symbol": symbol, "seconds": _FIRST_WORD_SECONDS})

    async def fresh_word(self, symbol: str) -> None:
        """Give a stream that was away a moment to speak of a symbol again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FRESH_WORD_SECONDS):
                while self.age_seconds(symbol) > _FRESH_WORD_SECONDS:  # noqa: ASYNC110 - silence ends unannounced
                    await asyncio.sleep(_RETRY_MS / 1000)

    async def follow(self, symbols: Iterable[str]) -> None:
        """Listen to the stream until canceled; a stream that breaks is opened again.

        Our own stream is open whenever the collector does not serve all symbols: from the start on until it
        has proven itself, and within seconds after it fell silent.
        """
        wanted = sorted(symbols)
        if not wanted:
            return
        if self._relay is None:
            await self._listen(wanted)
            return
        self._relay.watch(wanted)
        while True:
            await first_of(self._listen(wanted), self._relay.until_serving())
            _log.info("the collector's stream is used", extra={"symbols": wanted})
            told = [symbol for symbol in wanted if symbol in self._told]
            own = [self._listen(told)] if told else []  # the collector tells prices too late for a stop
            await first_of(*own, self._relay.until_lost())
            _log.warning("the collector is silent; our own stream is opened", extra={"symbols": wanted})

    async def _listen(self, wanted: list[str]) -> None:
        shortest, longest = _RECONNECT_SECONDS
        pause = shortest
        while True:
            try:
                async for update in self.source.watch_bars(wanted):
                    self.heard(update)
                    pause = shortest
            except ExchangeError as error:
                _log.warning("stream broke", extra={"symbols": wanted, "error": str(error)})
            count("quant_stream_reconnects_total", stream="bars")
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)

    async def closed_bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        """Fetch the closed bars that open in a window; wait for the newest while it is fresh.

        Returns
        -------
        BarRows
            Without the newest bars if the exchange does not have them within 40 s of their close.

        Raises
        ------
        ExchangeError
            If the exchange still does not answer then.
        """
        grace_end_ms = window.end_ms + self._grace_ms
        if self._relay is not None and timeframe == TIMEFRAME:
            patience_ms = max(grace_end_ms - self.time.now_ms(), 0) + _RELAYED_WITHIN_MS
            told = await self._relay.closed_bars(symbol, window, patience_ms / 1000)
            if told is not None:
                self.missing_ms.pop(symbol, None)
                return told
        if self.time.now_ms() < grace_end_ms:
            await self._closings.until(symbol, window.end_ms, self.time, grace_end_ms)
        return await self._confirmed_bars(symbol, timeframe, window)

    async def _confirmed_bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        """Ask the exchange; within its grace, an answer counts that the stream confirms."""
        newest_ms = window.end_ms - timeframe_ms(timeframe)
        now_ms, grace_end_ms = self.time.now_ms(), window.end_ms + self._grace_ms
        if now_ms - window.end_ms < PATIENCE_MS:  # an old gap says nothing about now
            self.missing_ms.setdefault(symbol, now_ms)

        def is_complete(rows: BarRows) -> bool:
            if not rows.ts.size or int(rows.ts[-1]) < newest_ms:
                return False
            if self.time.now_ms() >= grace_end_ms:
                return True
            said = self._closings.closed(symbol, window.end_ms)
            return said is not None and _agrees(said, rows, timeframe)

        rows = await self._patiently(
            lambda: self.source.bars(symbol, timeframe, window),
            is_complete,
            deadline_ms=window.end_ms + PATIENCE_MS,
            grace_end_ms=grace_end_ms,
        )
        if is_complete(rows):
            self.missing_ms.pop(symbol, None)
        return rows

    async def funding(
        self, symbol: str, window: Window, *, interval_hours: int, deadline_ms: int
    ) -> list[FundingRate]:
        """Fetch the funding slots in a window; wait for an expected one up to the deadline.

        Raises
        ------
        ExchangeError
            If the exchange does not answer.
        """
        newest_ms = window.end_ms - 1
        if floor_ms(newest_ms, HOUR_MS) < window.start_ms:
            return []  # slots lie on full hours
        expected_ms = floor_ms(newest_ms, interval_hours * HOUR_MS)
        return await self._patiently(
            lambda: self.source.funding_rates(symbol, window),
            lambda rates: expected_ms < window.start_ms or any(rate.ts == expected_ms for rate in rates),
            deadline_ms=deadline_ms,
        )

    async def marks(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:
        """Fetch the mark prices at the opens in a window; none if the exchange does not tell.

        A book goes on without them: the last price stands in.
        """
        try:
            return await self.source.mark_prices(symbol, timeframe, window)
        except ExchangeError as error:
            _log.warning("no mark prices", extra={"symbol": symbol, "error": str(error)})
            return []

    async def points(self, symbol: str, name: str, ts_ms: int, timeframe: str) -> list[tuple[int, float]]:
        """Fetch one value of open interest, mark or index price at its time; none if it isn't told soon.

        Parameters
        ----------
        symbol
            ccxt form.
        name
            ``open_interest``, ``mark_close`` or ``index_close``.
        ts_ms
            Time of the value on its grid, milliseconds UTC.
        timeframe
            Grid of prices.

        Notes
        -----
        An exchange that does not answer costs the strategy a value, not the decision.
        """
        source, window = self.source, Window(ts_ms, ts_ms + 1)

        async def ask() -> list[tuple[int, float]]:
            if name == "open_interest":
                held = await source.open_interest(symbol, window)
                return [(one.ts, one.open_interest) for one in held]
            fetch = source.mark_prices if name == "mark_close" else source.index_prices
            return [(one.ts, one.price) for one in await fetch(symbol, timeframe, window)]

        deadline_ms = self.time.now_ms() + _POINT_PATIENCE_MS
        try:
            return await self._patiently(ask, bool, deadline_ms=deadline_ms)
        except ExchangeError as error:
            _log.warning("input is not told", extra={"symbol": symbol, "input": name, "error": str(error)})
            return []

    async def _patiently(
        self,
        ask: Callable[[], Awaitable[Answer]],
        is_complete: Callable[[Answer], bool],
        *,
        deadline_ms: int,
        grace_end_ms: int = 0,
    ) -> Answer:
        while True:
            try:
                answer = await ask()
                if is_complete(answer) or self.time.now_ms() >= deadline_ms:
                    return answer
            except ExchangeUnavailable as error:
                if self.time.now_ms() >= deadline_ms:
                    raise
                _log.warning("exchange away", extra={"error": str(error)})
            now_ms = self.time.now_ms()
            again_ms = min(now_ms + _EARLY_RETRY_MS, grace_end_ms) if now_ms < grace_end_ms else 0
            await self.time.sleep_until(again_ms or now_ms + _RETRY_MS)


def _agrees(said: LiveBar, rows: BarRows, timeframe: str) -> bool:
    """Whether the newest of the exchange's bars is what the stream said of the minute that ended it."""
    if timeframe != TIMEFRAME:
        return bool(rows.close[-1] == said.close)
    newest = (rows.open[-1], rows.high[-1], rows.low[-1], rows.close[-1], rows.volume[-1])
    return newest == (said.open, said.high, said.low, said.close, said.volume)
