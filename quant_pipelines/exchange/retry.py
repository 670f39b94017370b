"""Patience with the exchange: requests in flight, request weight, and repeats after transient failures."""

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.timeframes import MINUTE_MS

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")
Sleep = Callable[[float], Awaitable[None]]

_USED_WEIGHT = "x-mbx-used-weight-1m"
_RETRY_AFTER = "retry-after"
_SHARE = 0.8  # of the exchange's weight limit; the rest is left to the runner's own requests


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays between repeats: doubling from ``first_seconds`` up to ``most_seconds``, with jitter."""

    attempts: int = 6
    first_seconds: float = 0.25
    most_seconds: float = 15.0

    def delay(self, attempt: int) -> float:
        """Seconds to wait after failed attempt number ``attempt``, counted from 0."""
        jitter = 0.5 + random.random() / 2  # noqa: S311 - spreads load, hides nothing
        return min(self.most_seconds, self.first_seconds * 2.0**attempt) * jitter


async def with_backoff(
    call: Callable[[], Awaitable[Answer]], backoff: Backoff, *, sleep: Sleep = asyncio.sleep
) -> Answer:
    """Answer of a read that is repeated while the exchange is unavailable.

    Parameters
    ----------
    call
        Starts the read anew each time; must be safe to repeat.
    backoff
        How often and how patiently.
    sleep
        Waits.

    Raises
    ------
    ExchangeUnavailable
        The last failure, when no attempt got an answer.
    """
    for attempt in range(backoff.attempts - 1):
        try:
            return await call()
        except ExchangeUnavailable as error:
            delay = backoff.delay(attempt)
            logger.warning("%s; attempt %d, again in %.1f s", error, attempt + 1, delay)
            await sleep(delay)
    return await call()


class WeightBudget:
    """Keeps requests under the exchange's weight limit per minute, and silent while it bans us.

    Parameters
    ----------
    max_concurrent
        Requests in flight at once.
    clock
        Milliseconds; the exchange counts by its own minute, which ours follows closely enough.
    sleep
        Waits.

    Notes
    -----
    Until ``limit`` (weight a minute) has been set from what the exchange publishes, only a ban holds
    requests back: a guess would make the first requests of a process wait for another one's.
    """

    def __init__(self, max_concurrent: int, clock: Clock, *, sleep: Sleep = asyncio.sleep) -> None:
        self._slots = asyncio.Semaphore(max_concurrent)
        self._clock = clock
        self._sleep = sleep
        self._minute = 0
        self._used = 0
        self._silent_until_ms = 0
        self.limit = math.inf

    async def __aenter__(self) -> None:
        await self._slots.acquire()

    async def __aexit__(self, *exc_info: object) -> None:
        self._slots.release()

    async def admit(self, weight: int) -> None:
        """Wait until a request of this weight may be sent, and count it."""
        while (wait_ms := self._wait_ms(weight)) > 0:
            logger.info("request weight %d of %.0f used; waiting %d ms", self._used, self.limit, wait_ms)
            await self._sleep(wait_ms / 1000)
        self._used += weight

    def observe(self, headers: Mapping[str, str]) -> None:
        """Take the exchange's own count, and its order to be silent, from an answer's headers."""
        lower = {name.lower(): value for name, value in headers.items()}
        used, silence = lower.get(_USED_WEIGHT, ""), lower.get(_RETRY_AFTER, "")
        if used.isdecimal():
            self._roll()
            self._used = max(self._used, int(used))
        if silence.isdecimal():
            self._silent_until_ms = max(self._silent_until_ms, self._clock() + int(silence) * 1000)

    def _wait_ms(self, weight: int) -> int:
        self._roll()
        now = self._clock()
        if now < self._silent_until_ms:
            return self._silent_until_ms - now
        if self._used and self._used + weight > _SHARE * self.limit:
            return MINUTE_MS - now % MINUTE_MS + 50
        return 0

    def _roll(self) -> None:
        minute = self._clock() // MINUTE_MS
        if minute != self._minute:
            self._minute, self._used = minute, 0
