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

    async def sleep_until(self, ts_ms: int) -> None:
        """Return at that time at the exchange, or at once when it has passed."""


class ExchangeTime:
    """Machine's clock plus its distance from the exchange's.

    Bars close by the exchange's clock: a machine that is ahead would ask for bars that are still open.
    """

    def __init__(self, clock: Clock = system_clock_ms) -> None:
        self._clock = clock
        self.offset_ms = 0

    def synchronize(self, exchange_ms: int) -> None:
        """Take over the exchange's time, as it was said a moment ago."""
        self.offset_ms = exchange_ms - self._clock()

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
