"""The clocks: this machine's, the exchange's, and waiting for it. Seconds that never jump are the loop's."""

import asyncio
from typing import Protocol

from quant_pipelines.core.clock import Clock, system_clock_ms


class MarketTime(Protocol):
    """When the market is, and when it will be; a replay brings its own."""

    def wall_ms(self) -> int:
        """Time by this machine's clock, milliseconds UTC."""

    def now_ms(self) -> int:
        """Time at the exchange, milliseconds UTC."""

    @property
    def error_ms(self) -> int:
        """How far that was off when the exchange was last asked; positive: it was behind."""

    def synchronize(self, exchange_ms: int, asked_ms: int | None = None) -> None:
        """Take over the exchange's time, as it was said a moment ago to who asked at ``asked_ms`` by ours."""

    async def sleep_until(self, ts_ms: int) -> None:
        """Return at that time at the exchange, or at once when it has passed."""


class ExchangeTime:
    """Machine's clock plus its distance from the exchange's.

    Bars close by the exchange's clock: a machine that is ahead would ask for bars that are still open.
    """

    def __init__(self, clock: Clock = system_clock_ms) -> None:
        self._clock = clock
        self.offset_ms = 0
        self.error_ms = 0

    def synchronize(self, exchange_ms: int, asked_ms: int | None = None) -> None:
        """Take over the exchange's time, as it was said a moment ago to who asked at ``asked_ms`` by ours.

        An answer within the time that it took is no news: nobody knows when in between it was written. The
        first one, of which that is not known, is taken as it is and is no error.
        """
        now_ms = self.now_ms()
        if asked_ms is None:
            self.offset_ms += exchange_ms - now_ms
            return
        earliest_ms, latest_ms = min(asked_ms, now_ms), max(asked_ms, now_ms)
        self.error_ms = exchange_ms - min(max(exchange_ms, earliest_ms), latest_ms)
        self.offset_ms += self.error_ms

    def wall_ms(self) -> int:
        """Time by this machine's clock, milliseconds UTC."""
        return self._clock()

    def now_ms(self) -> int:
        """Time at the exchange, milliseconds UTC."""
        return self._clock() + self.offset_ms

    async def sleep_until(self, ts_ms: int) -> None:
        """Return at that time at the exchange, or at once when it has passed."""
        while (missing := ts_ms - self.now_ms()) > 0:  # noqa: ASYNC110 - the clock may be set meanwhile
            await asyncio.sleep(min(missing / 1000, 1.0))
