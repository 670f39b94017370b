"""What the collector tells, as the runner uses it: ages of the stream and closed minutes.

A relay only ever saves work. What it does not have within a moment is asked of the exchange.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import numpy as np

from live_runner.feed.closings import Closings
from quant_pipelines.cache import (
    SERVICE_KEY,
    Cache,
    Entry,
    EventBus,
    LiveState,
    follow,
    funding_key,
    tick_key,
)
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.exchange import LiveBar

TIMEFRAME = "1m"
BAR_CLOSED = "bar_closed"
COLUMNS = ("ts", "open", "high", "low", "close", "volume", "quote_volume", "trades")
_KEPT_BARS = 600
_LOOK_SECONDS = 0.5
_ALIVE_SECONDS = 4.0
_FRESH_SECONDS = 20.0
_TRUSTED_AFTER_SECONDS = 5.0
_AGAIN_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Relay:
    """The collector's word on the traded symbols.

    Parameters
    ----------
    state, bus
        Where the collector writes.
    exchange
        ccxt id; bars of another one are none of ours.
    clock
        This machine's time, milliseconds UTC, by which the collector stamps.
    """

    def __init__(self, state: LiveState, bus: EventBus, exchange: str, clock: Clock) -> None:
        self._state = state
        self._bus = bus
        self._exchange = exchange
        self._clock = clock
        self._symbols: tuple[str, ...] = ()
        self._heard_ms: dict[str, int] = {}
        self._marks: dict[str, tuple[int, float]] = {}
        self._closes: dict[str, tuple[int, float]] = {}
        self._alive_ms: int | None = None
        self._bars: dict[str, dict[int, tuple[Any, ...]]] = {}
        self._arrived = asyncio.Event()
        self.closings = Closings()

    async def run(self) -> None:
        """Follow the collector until canceled; servers that are away are waited for."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_kept_up(self._follow_bars), name="relayed bars")
            group.create_task(_kept_up(self._look), name="relayed ages")

    def watch(self, symbols: Iterable[str]) -> None:
        """Take over which symbols are traded."""
        self._symbols = tuple(sorted(symbols))

    @property
    def is_alive(self) -> bool:
        """Whether the collector said within 4 s that it lives."""
        return self._alive_ms is not None and self._age(self._alive_ms) <= _ALIVE_SECONDS

    @property
    def is_serving(self) -> bool:
        """Whether the collector lives and its stream spoke of every traded symbol within 20 s."""
        return self.is_alive and all(self.age_seconds(symbol) <= _FRESH_SECONDS for symbol in self._symbols)

    def age_seconds(self, symbol: str) -> float:
        """Seconds since the collector's stream spoke of a symbol, as of the last look; infinite if never."""
        heard_ms = self._heard_ms.get(symbol)
        return math.inf if heard_ms is None else self._age(heard_ms)

    def prices(self, symbol: str) -> tuple[float, float]:
        """Mark price and close of the bar that trades, if the collector told them within 20 s; else NaN."""
        told = (prices.get(symbol, (0, math.nan)) for prices in (self._marks, self._closes))
        mark, close = (price if self._age(at_ms) <= _FRESH_SECONDS else math.nan for at_ms, price in told)
        return mark, close

    async def until_serving(self) -> None:
        """Return once the collector has served for 5 s without a break."""
        served = 0.0
        while served < _TRUSTED_AFTER_SECONDS:
            await asyncio.sleep(_LOOK_SECONDS)
            served = served + _LOOK_SECONDS if self.is_serving else 0.0

    async def until_lost(self) -> None:
        """Return as soon as the collector does not serve."""
        while self.is_serving:  # noqa: ASYNC110 - it is silence that is waited for
            await asyncio.sleep(_LOOK_SECONDS)

    async def closed_bars(self, symbol: str, window: Window, seconds: float) -> BarRows | None:
        """Return the closed minutes that open in a window; None unless all of them were told.

        The newest one is waited for, at most for so many seconds, while the collector lives.
        """
        if not 0 < window.end_ms - window.start_ms <= _KEPT_BARS * MINUTE_MS:
            return None
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            missing = self._missing(symbol, window)
            if not missing:
                return self._rows(symbol, window)
            left = deadline - asyncio.get_running_loop().time()
            if missing != [window.end_ms - MINUTE_MS] or not self.is_alive or left <= 0:
                return None
            self._arrived.clear()
            try:
                async with asyncio.timeout(left):
                    await self._arrived.wait()
            except TimeoutError:
                return None

    def take(self, kind: str, body: Mapping[str, Any]) -> None:
        """Take an event of the topic ``market``."""
        if kind != BAR_CLOSED or body["exchange"] != self._exchange or body["timeframe"] != TIMEFRAME:
            return
        bars = self._bars.setdefault(body["symbol"], {})
        told = bars[body["ts"]] = tuple(body[name] for name in COLUMNS)
        if len(bars) > _KEPT_BARS:
            del bars[min(bars)]
        self._arrived.set()
        ts, opened, high, low, close, volume, *_ = told
        at_ms = self._clock()
        self.closings.hear(
            LiveBar(body["symbol"], ts, opened, high, low, close, volume, at_ms, is_final=True)
        )

    async def look(self) -> None:
        """Read ages and sign of life once."""
        keys = {tick_key(symbol): symbol for symbol in self._symbols}
        marks = {funding_key(symbol): symbol for symbol in self._symbols}
        found = await self._state.read([SERVICE_KEY, *keys, *marks])
        self._marks = _prices(found, marks, "received_ms", lambda value: value.get("mark_price", math.nan))
        self._closes = _prices(
            found, keys, "bar_received_ms", lambda value: value.get("bar", {}).get("close", math.nan)
        )
        sign = found.pop(SERVICE_KEY, None)
        is_ours = sign is not None and sign.value.get("exchange") == self._exchange
        self._alive_ms = sign.at_ms if sign is not None and is_ours else None
        # The stream's word is the bar's: a trade alone would hide that the bars have stopped.
        heard = {keys[key]: entry.value.get("bar_received_ms") for key, entry in found.items() if key in keys}
        self._heard_ms = {symbol: at_ms for symbol, at_ms in heard.items() if at_ms is not None}

    def _age(self, at_ms: int) -> float:
        return (self._clock() - at_ms) / 1000

    def _missing(self, symbol: str, window: Window) -> list[int]:
        bars = self._bars.get(symbol, {})
        return [ts for ts in range(window.start_ms, window.end_ms, MINUTE_MS) if ts not in bars]

    def _rows(self, symbol: str, window: Window) -> BarRows:
        told = self._bars.get(symbol, {})
        rows = [told[ts] for ts in range(window.start_ms, window.end_ms, MINUTE_MS)]
        ts, opened, high, low, close, volume, quote_volume, trades = zip(*rows, strict=True)
        return BarRows(
            ts=np.array(ts, np.int64),
            open=np.array(opened, np.float64),
            high=np.array(high, np.float64),
            low=np.array(low, np.float64),
            close=np.array(close, np.float64),
            volume=np.array(volume, np.float64),
            quote_volume=np.array(quote_volume, np.float64),
            trades=np.array(trades, np.int64),
        )

    async def _follow_bars(self) -> None:
        async for delivered in follow(self._bus, "market", await self._end()):
            self.take(delivered.event.kind, delivered.event.body)

    async def _end(self) -> str:
        while True:
            try:
                return await self._bus.end("market")
            except StoreError as error:
                _log.warning("closed bars can't be heard yet", extra={"error": str(error)})
                await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_SECONDS)


def _prices(
    found: Mapping[str, Entry], keys: Mapping[str, str], stamp: str, price: Callable[[Mapping[str, Any]], Any]
) -> dict[str, tuple[int, float]]:
    """Prices by symbol with the time at which each was received; what is not told is left out."""
    told = ((symbol, found[key].value) for key, symbol in keys.items() if key in found)
    return {symbol: (int(value[stamp]), float(price(value))) for symbol, value in told if value.get(stamp)}


async def _kept_up(work: Callable[[], Awaitable[None]]) -> None:
    """Begin again whenever the work fails."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - what somebody wrote into a cache must never stop the trading
            _log.exception("the collector can't be followed; the exchange is asked meanwhile")
        await asyncio.sleep(_AGAIN_SECONDS)


def relay_of(cache: Cache | None, exchange: str, clock: Clock) -> Relay | None:
    """Relay over a cache; None without one."""
    return None if cache is None else Relay(cache.state, cache.bus, exchange, clock)
